"""What a model's table in a configuration says, checked: the provider, and the options that it takes."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from rtfsc.diagnostics.suggest import meant_or_known
from runtime.providers.base import ModelProvider
from runtime.providers.errors import Misconfigured

Loader = Callable[..., ModelProvider]
GROUP = "rtfsc.providers"
FILES = frozenset({"path", "key_file", "ca_file", "record"})
"""Options that name a file."""
# Ours are listed here too: reading the metadata of every installed package costs start-up time.
_OURS = {
    "echo": "runtime.providers.echo:Echo",
    "rules": "runtime.providers.rules:Rules",
    "arbiter": "runtime.providers.arbiter:Arbiter",
    "llama_cpp": "runtime.providers.llama_cpp:LlamaCpp",
    "openai_compat": "runtime.providers.openai_compat:OpenAiCompatible",
    "record": "runtime.providers.record:Replayed",
}
_PARTS = ("infer", "capabilities", "cost_per_call", "health", "close")
"""What a model must have, besides its attributes."""


def providers() -> list[str]:
    """Names of the providers that are installed."""
    from importlib.metadata import entry_points

    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def check(id: str, table: Mapping[str, Any]) -> None:
    """Raises `Misconfigured`, with the option at fault, as far as can be said without asking anybody, reading
    files, or importing what others have written."""
    if _provider(id, table) in _OURS:
        model_of(id, table).close()
    elif table["provider"] not in providers():
        raise _not_installed(id, table["provider"])


def model_of(id: str, table: Mapping[str, Any]) -> ModelProvider:
    """The model that the table describes. Raises `Misconfigured`."""
    name = _provider(id, table)
    recording = table.get("record")
    loader = _loader(id, name)
    options = {key: value for key, value in table.items() if key not in ("provider", "record")}
    parameters = list(inspect.signature(loader).parameters.values())[1:]
    if "cost" not in (p.name for p in parameters):
        options.pop("cost", None)  # any model may be given one; that is for policies
    _check_files(id, table)
    _check_names(id, name, parameters, options)
    _check_types(id, name, loader, options)
    try:
        model = loader(id, **options)
    except (TypeError, ValueError) as error:  # an option of a wrong type
        raise Misconfigured(id, f"{name}: {error}") from error
    missing = [part for part in _PARTS if not hasattr(type(model), part)]
    if missing:
        raise Misconfigured(id, f"what the provider {name} gives is no model: it has no {missing[0]}")
    return model if recording is None else _recorded(model, recording)


def _provider(id: str, table: Mapping[str, Any]) -> str:
    name = table.get("provider")
    if not isinstance(name, str):
        raise Misconfigured(id, 'the table names no provider (provider = "…")', option="provider")
    return name


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
    raise _not_installed(id, name)


def _not_installed(id: str, name: str) -> Misconfigured:
    return Misconfigured(
        id, f"no provider {name!r} is installed", hint=meant_or_known(name, providers()), option="provider"
    )


def _recorded(model: ModelProvider, path: str) -> ModelProvider:
    from runtime.providers.record import Recorded

    return Recorded(model, path)


def _check_files(id: str, table: Mapping[str, Any]) -> None:
    """Names of files, which no schema describes. What the options of others mean is theirs to say."""
    for option in FILES & table.keys() if table["provider"] in _OURS else table.keys() & {"record"}:
        path = table[option]
        if path is None:  # of a table made in Python
            continue
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or "\0" in str(path):
            raise Misconfigured(id, f"{option} must be the path of a file", option=option)


def _check_names(
    id: str, name: str, parameters: Iterable[inspect.Parameter], options: Mapping[str, Any]
) -> None:
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for option in options:
        if option not in known:
            raise Misconfigured(
                id, f"{name} has no option {option!r}", hint=meant_or_known(option, known), option=option
            )
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
                id,
                f"{name}: the option {option} must be {schema.text}, not {kind_of(value)}",
                option=option,
            )
