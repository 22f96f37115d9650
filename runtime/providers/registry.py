"""Models by id: those given to a runtime, those configured, and those of installed packages.

A configured model is a table, in TOML::

    [models.phi-mini]
    provider = "llama_cpp"
    path = "models/phi.gguf"

``provider`` is one of ours or the name of an entry point in the group ``rtfsc.providers``; the other keys
are the options of that provider. Its loader is called as ``load(id, **options)``. With ``record = "FILE"``
what the model is asked and answers is appended to that file, which the provider ``record`` answers from.
"""

from __future__ import annotations

import difflib
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from runtime.providers.base import ModelProvider
from runtime.providers.errors import Misconfigured, UnknownModel

Loader = Callable[..., ModelProvider]
GROUP = "rtfsc.providers"
# Ours are listed here too: reading the metadata of every installed package costs start-up time.
_OURS = {
    "echo": "runtime.providers.echo:Echo",
    "rules": "runtime.providers.rules:Rules",
    "arbiter": "runtime.providers.arbiter:Arbiter",
    "llama_cpp": "runtime.providers.llama_cpp:LlamaCpp",
    "openai_compat": "runtime.providers.openai_compat:OpenAiCompatible",
    "record": "runtime.providers.record:Replayed",
}
_FILES = frozenset({"path", "key_file", "ca_file", "record"})
"""Options that name a file."""
_BUILT_IN = {"echo-model": {"provider": "echo"}}
"""Models that are always there."""
_PARTS = ("infer", "capabilities", "cost_per_call", "health", "close")
"""What a model must have, besides its attributes."""


class ModelRegistry:
    """Safe to use from several threads; a model is made when it is first asked for."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._tables: dict[str, Mapping[str, Any]] = {**_BUILT_IN, **(tables or {})}
        self._models: dict[str, ModelProvider] = {}
        self._given: set[str] = set()
        self._lock = threading.Lock()

    def register(self, model: ModelProvider) -> None:
        """Replaces a model of the same id."""
        with self._lock:
            self._models[model.id] = model
            self._given.add(model.id)

    def configure(self, tables: Mapping[str, Mapping[str, Any]]) -> list[ModelProvider]:
        """Other tables from now on: models whose table is another one or is gone are made anew when they are
        asked for. Those that were registered stay. Returns those that are to be closed."""
        with self._lock:
            old, self._tables = self._tables, {**_BUILT_IN, **tables}
            changed = [id for id in old if old[id] != self._tables.get(id) and id not in self._given]
            return [self._models.pop(id) for id in changed if id in self._models]

    def get(self, id: str) -> ModelProvider:
        """Raises `UnknownModel`, `Misconfigured`."""
        with self._lock:
            model = self._models.get(id)
            if model is None:
                model = self._models[id] = self._made(id)
            return model

    def __contains__(self, id: object) -> bool:
        return id in self._models or id in self._tables

    def ids(self) -> list[str]:
        return sorted({*self._models, *self._tables})

    def provider_of(self, id: str) -> str:
        """Name of the provider that the model is configured with, "given" for one that was registered."""
        if id in self._models and id not in self._tables:
            return "given"
        return str(self._tables.get(id, {}).get("provider", "?"))

    def close(self) -> None:
        """Closes what was made; the registry can be used again."""
        with self._lock:
            models, self._models = self._models, {}
        for model in models.values():
            model.close()

    def _made(self, id: str) -> ModelProvider:
        table = self._tables.get(id)
        if table is None:
            raise UnknownModel(id, f"there is no model {id!r}", hint=_hint(id, self.ids()))
        options = dict(table)
        name = options.pop("provider", None)
        if not isinstance(name, str):
            raise Misconfigured(id, 'the table names no provider (provider = "…")')
        recording = options.pop("record", None)
        loader = _loader(id, name)
        _check_options(id, name, loader, options)
        _check_types(id, name, loader, options)
        try:
            model = loader(id, **options)
        except (TypeError, ValueError) as error:  # an option of a wrong type
            raise Misconfigured(id, f"{name}: {error}") from error
        missing = [part for part in _PARTS if not hasattr(type(model), part)]
        if missing:
            raise Misconfigured(id, f"what the provider {name} gives is no model: it has no {missing[0]}")
        return model if recording is None else _recorded(model, recording)


def beside(file: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model, with names of files taken from the folder of ``file``."""
    names = {key for key in _FILES & table.keys() if isinstance(table[key], str)}
    return {**table, **{key: str(file.parent / Path(table[key]).expanduser()) for key in names}}


def providers() -> list[str]:
    """Names of the providers that are installed."""
    from importlib.metadata import entry_points

    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def _loader(id: str, name: str) -> Loader:
    ours = _OURS.get(name)
    if ours is not None:
        module, attribute = ours.split(":")
        loader: Loader = getattr(import_module(module), attribute)
        return loader
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        try:
            found: Loader = point.load()
        except Exception as error:  # whatever a package of somebody else does when it is imported
            raise Misconfigured(id, f"the provider {name} cannot be loaded: {error!r:.200}") from error
        return found
    raise Misconfigured(id, f"no provider {name!r} is installed", hint=_hint(name, providers()))


def _recorded(model: ModelProvider, path: object) -> ModelProvider:
    from runtime.providers.record import Recorded

    if not isinstance(path, str) or not path:
        raise Misconfigured(model.id, "record must be the path of a file")
    return Recorded(model, path)


def _check_options(id: str, name: str, loader: Loader, options: Mapping[str, Any]) -> None:
    parameters = list(inspect.signature(loader).parameters.values())[1:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for option in options:
        if option not in known:
            raise Misconfigured(id, f"{name} has no option {option!r}", hint=_hint(option, known))
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise Misconfigured(id, f"{name} needs the option {parameter.name!r}")


def _check_types(id: str, name: str, loader: Loader, options: Mapping[str, Any]) -> None:
    """As far as the loader's annotations say."""
    from typing import get_type_hints

    from runtime.host.schema import kind_of, schema_of

    try:
        hints = get_type_hints(loader.__init__ if inspect.isclass(loader) else loader)
    except Exception:  # names that only a type checker knows
        return
    for option, value in options.items():
        try:
            schema = schema_of(hints[option])
        except (KeyError, TypeError):
            continue
        if not schema.holds(value):
            raise Misconfigured(
                id, f"{name}: the option {option} must be {schema.text}, not {kind_of(value)}"
            )


def _hint(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
