"""``delegation.toml``: ordered rules that say where calls run.

::

    [defaults]
    target = "local-pure"            # where no rule fits
    cache_ttl = 3600                 # seconds that a decision is kept
    store = true                     # a trusted module of the store that does the same comes first
    hints = true                     # what authors say about their functions is obeyed
    guard = ["draft/*"]              # functions that a later version of this file may speak of

    [models.gpt4o]                   # options of the provider, and what a call costs
    provider = "openai_compat"
    url = "https://models.example/v1"
    cost = 0.01
    latency_ms = 900

    [[rule]]
    name = "summaries"
    symbol = ["summarise-*", "digest"]
    tenant = "acme"
    target = "remote-gpt4o"
    fallback = ["local-phi", "local-pure"]
    timeout_ms = 20000
    max_cost = 0.02

The first rule that fits decides. A target that breaks a budget, or sends private data away, is passed over
for the first of its fallbacks that does not.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rtfsc.diagnostics.suggest import meant_or_known
from runtime.caches.config import CachesConfig
from runtime.caches.config import read as read_caches
from runtime.delegation.policy import CONDITIONS, SETTINGS, Distil, Effects, Model, Policy, Rule, Settings
from runtime.delegation.toml_places import Places
from runtime.delegation.types import ExecTarget, LocalModel, RemoteModel, parse_target

_RULE = ("name", *CONDITIONS, *SETTINGS)
_DEFAULTS = (
    "target",
    "cache_ttl",
    "store",
    "guard",
    "hints",
    "budget",
    *(s for s in SETTINGS if s != "target"),
)
_DAY_MS = 86_400_000
_PRIVACY = ("public", "internal", "private")


class PolicyError(ValueError):
    """A policy file with a mistake: ``file``, ``line`` from 1, ``hint``."""

    def __init__(self, file: str, line: int, message: str, hint: str | None = None) -> None:
        super().__init__(f"{file}:{line}: {message}" + (f" ({hint})" if hint else ""))
        self.file, self.line, self.message, self.hint = file, line, message, hint


def not_text(file: str, error: UnicodeDecodeError) -> PolicyError:
    return PolicyError(file, 1, f"is no text in UTF-8 ({error.reason} at byte {error.start})")


def load(path: str | os.PathLike[str], effects: Effects | None = None) -> Policy:
    """Raises `PolicyError`, OSError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_text(os.fspath(path), error) from None
    return parse(text, os.fspath(path), effects)


def parse(text: str, file: str = "delegation.toml", effects: Effects | None = None) -> Policy:
    """Raises `PolicyError` with the line of the mistake."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", None) or _line_in(str(error)) or max(1, len(text.splitlines()))
        raise PolicyError(file, line, f"no TOML: {error}") from None
    except RecursionError:
        raise PolicyError(file, 1, "values are nested too deeply") from None
    return _Reader(data, file, Places(text)).policy(effects)


def _line_in(message: str) -> int:
    """0: it says "at end of document"."""
    _, _, after = message.partition("line ")
    digits = "".join(c for c in after.split(",")[0] if c.isdigit())
    return int(digits) if digits else 0


class _Reader:
    def __init__(self, data: dict[str, Any], file: str, places: Places) -> None:
        self._data, self._file, self._places = data, file, places

    def policy(self, effects: Effects | None) -> Policy:
        self._known(self._data, ("defaults", "models", "rule", "caches", "distil"))
        models = {name: self._model(name) for name in self._table("models")}
        defaults = self._table("defaults")
        self._known(defaults, _DEFAULTS, "defaults")
        rules = self._data.get("rule", [])
        if not isinstance(rules, list):
            raise self._error("rules are written as [[rule]]", "rule")
        return Policy(
            tuple(self._rule(number, rule, models) for number, rule in enumerate(rules)),
            self._settings(defaults, ("defaults",), models, required=False),
            models,
            self._number(defaults, "cache_ttl", 3600.0, "defaults", least=1e-3),
            effects,
            self._caches(),
            self._flag(defaults, "store", "defaults"),
            self._texts(defaults, "guard", "defaults"),
            self._distil(models) if "distil" in self._data else None,
            budget=self._number(defaults, "budget", float("inf"), "defaults"),
            hints=self._flag(defaults, "hints", "defaults", default=True),
        )

    def _distil(self, models: Mapping[str, Model]) -> Distil:
        data, first = self._table("distil"), Distil()
        self._known(data, ("functions", "pairs", "model", "check", "auto"), "distil")
        model = data.get("model", first.model)
        if not isinstance(model, str):
            raise self._error("the model must be a text", "distil", "model")
        if model and model not in (*models, "echo-model"):
            raise self._error(
                f"no model {model!r}", "distil", "model", hint=f"[models] has {', '.join(models)}"
            )
        return Distil(
            self._texts(data, "functions", "distil") or first.functions,
            int(self._number(data, "pairs", first.pairs, "distil", least=5, most=500, whole=True)),
            model,
            self._number(data, "check", first.check, "distil", most=1),
            self._flag(data, "auto", "distil", default=first.auto),
        )

    def _rule(self, number: int, data: Any, models: Mapping[str, Model]) -> Rule:
        path = ("rule", number)
        if not isinstance(data, dict):
            raise self._error("rules are written as [[rule]]", "rule")
        self._known(data, _RULE, *path)
        name = data.get("name", f"{number + 1}")
        if not isinstance(name, str):
            raise self._error("the name must be a text", *path, "name")
        privacy = self._texts(data, "privacy", *path)
        for word in privacy:
            if word not in _PRIVACY:
                raise self._error(f"privacy is public, internal or private, not {word!r}", *path, "privacy")
        given = {c: self._texts(data, c, *path) for c in CONDITIONS if c not in ("args", "privacy")}
        return Rule(
            name, f"{self._file}:{self._places.line(*path)}",
            self._settings(data, path, models, required=True),
            args=self._texts(data, "args", *path) if "args" in data else None, privacy=privacy, **given,
        )  # fmt: skip

    def _settings(
        self,
        data: dict[str, Any],
        path: tuple[str | int, ...],
        models: Mapping[str, Model],
        *,
        required: bool,
    ) -> Settings:
        if required and "target" not in data:
            raise self._error("the rule says no target", *path, hint='target = "local-pure"')
        first, known = Settings(), {}
        if "target" in data:
            known["target"] = self._target(data["target"], models, *path, "target")
        fallback = tuple(
            self._target(text, models, *path, "fallback") for text in self._texts(data, "fallback", *path)
        )
        reason = data.get("reason", "")
        if not isinstance(reason, str):
            raise self._error("the reason must be a text", *path, "reason")
        return Settings(
            fallback=fallback,
            timeout_ms=self._number(data, "timeout_ms", first.timeout_ms, *path, least=1, most=_DAY_MS),
            retries=int(self._number(data, "retries", first.retries, *path, most=5, whole=True)),
            max_cost=self._number(data, "max_cost", first.max_cost, *path),
            max_latency_ms=self._number(data, "max_latency_ms", first.max_latency_ms, *path),
            confidence=self._number(data, "confidence", first.confidence, *path, most=1),
            reason=reason,
            allow_private=self._flag(data, "allow_private", *path),
            **known,
        )

    def _target(self, text: Any, models: Mapping[str, Model], *path: str | int) -> ExecTarget:
        try:
            target = parse_target(text) if isinstance(text, str) else None
        except ValueError as error:
            raise self._error(str(error), *path) from None
        if target is None:
            raise self._error("a target is a text", *path)
        if (
            isinstance(target, (LocalModel, RemoteModel))
            and models
            and target.id not in (*models, "echo-model")
        ):
            hint = meant_or_known(target.id, models, "[models] has")
            raise self._error(f"no model {target.id!r}", *path, hint=hint)
        return target

    def _model(self, name: str) -> Model:
        data = self._data["models"][name]
        if not isinstance(data, dict):
            raise self._error(f"a model is written as [models.{name}]", "models", name)
        cost = self._number(data, "cost", 0.0, "models", name)
        latency = self._number(data, "latency_ms", 0.0, "models", name)
        table = {key: value for key, value in data.items() if key != "latency_ms"}
        if table.keys() - {"cost"}:  # else of a model that whoever opens the file brings along
            self._check_model(name, table)
        return Model(cost, latency, table)

    def _check_model(self, name: str, table: Mapping[str, Any]) -> None:
        from runtime.providers.errors import Misconfigured
        from runtime.providers.options import check

        try:
            check(name, table)
        except Misconfigured as error:
            at = (error.option,) if error.option else ()
            raise self._error(error.message, "models", name, *at, hint=error.hint) from None

    def _caches(self) -> CachesConfig | None:
        if "caches" not in self._data:
            return None
        return read_caches(
            self._table("caches"),
            lambda message, *path, hint=None: self._error(message, "caches", *path, hint=hint),
        )

    def _table(self, name: str) -> dict[str, Any]:
        data = self._data.get(name, {})
        if not isinstance(data, dict):
            raise self._error(f"{name} is written as [{name}]", name)
        return data

    def _known(self, data: Mapping[str, Any], known: Iterable[str], *path: str | int) -> None:
        names = sorted(known)
        for key in data:
            if key not in names:
                raise self._error(f"no key {key!r}", *path, key, hint=meant_or_known(key, names))

    def _texts(self, data: Mapping[str, Any], key: str, *path: str | int) -> tuple[str, ...]:
        found = data.get(key, [])
        found = [found] if isinstance(found, str) else found
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self._error(f"{key} must be a text or a list of texts", *path, key)
        return tuple(found)

    def _flag(self, data: Mapping[str, Any], key: str, *path: str | int, default: bool = False) -> bool:
        found = data.get(key, default)
        if not isinstance(found, bool):
            raise self._error(f"{key} must be true or false", *path, key)
        return found

    def _number(
        self, data: Mapping[str, Any], key: str, default: float, *path: str | int, least: float = 0,
        most: float = float("inf"), whole: bool = False,
    ) -> float:  # fmt: skip
        found = data.get(key, default)
        if isinstance(found, bool) or not isinstance(found, int if whole else (int, float)):
            raise self._error(f"{key} must be a {'whole ' if whole else ''}number", *path, key)
        if found != found:
            raise self._error(f"{key} must be a number, not nan", *path, key)
        if not least <= found <= most:
            limit = f"at least {least:g}" if found < least else f"at most {most:g}"
            raise self._error(f"{key} must be {limit}, not {found:g}", *path, key)
        return found

    def _error(self, message: str, *path: str | int, hint: str | None = None) -> PolicyError:
        return PolicyError(self._file, self._places.line(*path), message, hint)
