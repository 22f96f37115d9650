"""The custom sections of a module, from its IR: interface, sites, action, producers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend_wasm import layout as L
from backend_wasm.analysis import Facts, analyse
from backend_wasm.sections import (
    ACTION,
    INTERFACE,
    SITES,
    canonical_json,
    custom_section,
    entry_name,
    producers,
)
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Export, Module, Site

_LETTER = {"i64": "i", "f64": "f", "i32": "b", "val": "v"}


def custom_sections(
    module: Module, sites: Sequence[int], action: Mapping[str, Any] | None, version: str
) -> bytes:
    """All custom sections, ready to append to the binary. ``sites``: those that code refers to."""
    facts = analyse(module)
    parts = [
        custom_section(INTERFACE, canonical_json(interface(module, facts))),
        custom_section(SITES, canonical_json([_site(module.sites[i - 1]) for i in sites])),
        custom_section("producers", producers("rtfsc", version)),
    ]
    if action is not None:
        parts.insert(2, custom_section(ACTION, canonical_json(dict(action))))
    return b"".join(parts)


def _site(site: Site) -> list[Any]:
    return [site.definition, site.ordinal, *site.place]


def interface(module: Module, facts: Facts) -> dict[str, Any]:
    """What the section ``rtfs.interface`` says (docs/abi.md)."""
    functions = [module.functions[name] for name in facts.values]
    shared = {"separate": module.separate, "modules": module.needs} if module.separate else {}
    return {
        **shared,
        "abi": [L.ABI_MAJOR, L.ABI_MINOR],
        "name": module.name,
        "exports": [_export(module, facts, export) for export in module.exports],
        "functions": [{"origin": list(f.origin), "name": f.display_name or f.name} for f in functions],
        **({"guards": describe_guards(module)} if module.guards else {}),
        **({"module": module.own} if module.own else {}),
    }


def describe_guards(module: Module) -> list[dict[str, Any]]:
    """Of a module that was built with guards, by number."""
    found = []
    for guard in module.guards:
        described: dict[str, Any] = {"symbol": guard.symbol}
        if guard.export:
            described["export"] = guard.export
        elif guard.interface is not None:
            described["interface"] = _export(module, None, guard.interface)
        found.append(described)
    return found


def describe_export(module: Module, export: Export) -> dict[str, Any]:
    """One export without its variants, which exist in a compiled module alone."""
    return _export(module, None, export)


def _export(module: Module, facts: Facts | None, export: Export) -> dict[str, Any]:
    return {
        "name": export.name,
        "kind": "value" if export.func is None else "function",
        "params": list(export.params),
        "param_types": list(export.param_types),
        "rest": export.rest,
        "result_type": export.result_type,
        "doc": export.doc,
        "effects": list(export.effects),
        "examples": list(export.examples),
        "def_hash": export.def_hash,
        "interface_hash": export.interface_hash,
        "variants": _variants(module, facts, export) if facts else [],
    }


def _variants(module: Module, facts: Facts, export: Export) -> list[dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for variant in export.variants:
        function = module.functions[variant.func]
        params = "".join(_LETTER[T.rep(var.type)] for var in function.params)
        result = _LETTER[T.rep(function.result)]
        # A boxed result says by itself that it is an error; an unboxed one needs the flag.
        raises = variant.func in (facts.raises if result == "v" else facts.flagged)
        name = f"{entry_name(export.name)}#{params}"
        out.setdefault(params, {"export": name, "params": params, "result": result, "raises": raises})
    return list(out.values())
