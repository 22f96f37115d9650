"""Which modules an instance is made of, and what each is told when it starts (docs/abi.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from runtime.values.errors import Place
from runtime.wasm.errors import ModuleRejected


class Described(Protocol):
    """A module with what its sections say."""

    @property
    def interface(self) -> dict[str, Any]: ...
    @property
    def spans(self) -> Sequence[Place]: ...


class Plan(NamedTuple):
    """``libraries``: the modules that come first, by name and in order. ``names``, ``library_names``: what
    ``$init`` takes. ``spans``: of all sites in the instance."""

    libraries: list[tuple[str, Any]]
    names: list[Any]
    library_names: list[list[Any]]
    spans: Sequence[Place]


def plan(module: Described, given: Mapping[str, bytes], read: Callable[[bytes], Described]) -> Plan:
    """``given``: the other modules by name. Raises `ModuleRejected` where one is missing or another."""
    names = _names(module)
    if not module.interface.get("separate"):
        return Plan([], names, [], module.spans)
    found = [(name, _library(name, given, read)) for name in module.interface["modules"]]
    spans, library_names = list(module.spans), []
    for _, library in found:
        library_names.append([*_names(library), len(spans)])
        spans += library.spans
    return Plan([*found], [*names, 0], library_names, spans)


def _names(module: Described) -> list[Any]:
    return [function["name"] for function in module.interface["functions"]]


def _library(name: str, given: Mapping[str, bytes], read: Callable[[bytes], Described]) -> Described:
    if name not in given:
        raise ModuleRejected(f"the module needs {name}, which is not there", "W004")
    library = read(given[name])
    interface = library.interface
    if interface.get("separate") != "module" or interface["name"] != name:
        raise ModuleRejected(
            f"what was given as {name} is not the module of this name, compiled to be linked to", "W004"
        )
    return library
