"""Fits a stored module to the caller's own source: which export is which, and where errors point."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend_wasm.layout import ABI_MAJOR
from rtfsc.ir.keys import retrieval_key
from rtfsc.ir.nodes import INIT, Module, Place, SetGlobal
from rtfsc.ir.walk import nodes

if TYPE_CHECKING:
    from runtime.store.store import VerifiedArtifact


@dataclass(frozen=True, slots=True)
class Match:
    """``exports``: the caller's name of each export → the stored one. ``spans``: per site of the stored
    module, in the caller's text. ``names``: display name per stored function, by the caller."""

    exports: dict[str, str]
    spans: list[Place]
    names: list[str]


def retrieval_keys(module: Module, target: str) -> dict[str, str]:
    """Retrieval key per export."""
    return {
        export.name: retrieval_key(export.def_hash, export.interface_hash, target, ABI_MAJOR)
        for export in module.exports
    }


def only_definitions(module: Module) -> bool:
    """Whether the top level does nothing but define functions: then its parts can be found one by one."""
    top_level = nodes(module.functions[INIT].body)
    return not any(isinstance(part, SetGlobal) for part in top_level) and all(e.func for e in module.exports)


def match(module: Module, artifact: VerifiedArtifact) -> Match | None:
    """None if some definition of ``module`` is not among the exports of the artifact."""
    from backend_wasm.sections import read_interface, read_sites

    interface = read_interface(artifact.artifact)
    stored: dict[str, list[str]] = defaultdict(list)
    for export in interface["exports"]:
        key = retrieval_key(export["def_hash"], export["interface_hash"], "wasm32", ABI_MAJOR)
        stored[key].append(export["name"])
    exports: dict[str, str] = {}
    for name, key in retrieval_keys(module, "wasm32").items():
        if not stored[key]:
            return None
        # Two definitions of one meaning keep their order; the last may serve several.
        exports[name] = stored[key].pop(0) if len(stored[key]) > 1 else stored[key][0]
    ours = {theirs: name for name, theirs in exports.items()}
    spans = _spans(module, read_sites(artifact.artifact), ours)
    return Match(exports, spans, _names(module, interface, ours))


def _spans(module: Module, sites: list[Any], ours: dict[str, str]) -> list[Place]:
    own = {(site.definition, site.ordinal): site.place for site in module.sites}
    return [own.get((ours.get(definition, definition), ordinal), (0, 0)) for definition, ordinal, *_ in sites]


def _names(module: Module, interface: dict[str, Any], ours: dict[str, str]) -> list[str]:
    own = {function.origin: function.display_name for function in module.functions.values()}
    return [
        own.get((ours.get(definition, definition), ordinal), entry["name"])
        for entry in interface["functions"]
        for definition, ordinal in [entry["origin"]]
    ]
