"""What makes a model answer in shape: JSON Schema and GBNF of a declared type."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from runtime.providers.declared import type_of
from runtime.values.atoms import Keyword

_PLAIN = {"int": "integer", "float": "number", "string": "string", "bool": "boolean", "nil": "null",
          "keyword": "string"}  # fmt: skip
_LIMITS = {
    ">": "exclusiveMinimum", ">=": "minimum", "<": "exclusiveMaximum", "<=": "maximum",
    "min-count": "minItems", "max-count": "maxItems",
}  # fmt: skip


class _Inexpressible(Exception):
    """The type has values that JSON cannot write."""


@lru_cache(maxsize=64)
def schema_of(type: str) -> str | None:
    """JSON Schema, as text, of an object whose entry ``value`` is of the type; None where JSON cannot say
    it. What it cannot say of refinements is left out: answers are checked all the same."""
    try:
        value = _schema(type_of(type).data)
    except _Inexpressible:
        return None
    whole = {"type": "object", "properties": {"value": value}, "required": ["value"],
             "additionalProperties": False}  # fmt: skip
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=64)
def grammar_of(type: str) -> str | None:
    """GBNF of the texts that write a value of the type, None where some cannot be written."""
    from rtfsc.gbnf import UnwritableType, gbnf_for

    try:
        return gbnf_for(type)
    except (UnwritableType, ValueError):
        return None


def _schema(data: Any) -> dict[str, Any]:
    if isinstance(data, Keyword) and data.name in _PLAIN:
        return {"type": _PLAIN[data.name]}
    if isinstance(data, list) and data and isinstance(data[0], Keyword):
        build = _BUILD.get(data[0].name)
        if build is not None:
            return build(data[1:])
    raise _Inexpressible


def _vector(parts: list[Any]) -> dict[str, Any]:
    return {"type": "array", "items": _schema(parts[0])}


def _tuple(parts: list[Any]) -> dict[str, Any]:
    items = [_schema(part) for part in parts]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _array(parts: list[Any]) -> dict[str, Any]:
    """Of its shape, only the first number counts (docs/abi.md)."""
    schema = _vector(parts)
    size = parts[1][0] if len(parts) > 1 and parts[1] else None
    return schema | {"minItems": size, "maxItems": size} if isinstance(size, int) else schema


def _map(parts: list[Any]) -> dict[str, Any]:
    """Open maps are asked for closed: services that hold answers to a schema want it so."""
    if not parts:
        raise _Inexpressible
    required = [field[0].name for field in parts if len(field) == 2]
    fields = {field[0].name: _schema(field[1]) for field in parts}
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _map_of(parts: list[Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _schema(parts[1])}


def _enum(parts: list[Any]) -> dict[str, Any]:
    return {"enum": [member.name if isinstance(member, Keyword) else member for member in parts]}


def _union(parts: list[Any]) -> dict[str, Any]:
    return {"anyOf": [_schema(part) for part in parts]}


def _and(parts: list[Any]) -> dict[str, Any]:
    """The type, and what JSON Schema can say of the refinements."""
    schema: dict[str, Any] = {}
    for part in parts:
        name = part[0].name if isinstance(part, list) and part and isinstance(part[0], Keyword) else ""
        if name in _LIMITS:
            schema[_LIMITS[name]] = part[1]
        elif name == "in-range":
            schema |= {"minimum": part[1], "maximum": part[2]}
        elif name in _BUILD or isinstance(part, Keyword):
            if "type" in schema or "anyOf" in schema:
                raise _Inexpressible
            schema |= _schema(part)
    if not schema.keys() & {"type", "anyOf", "enum"}:
        raise _Inexpressible
    return schema


_BUILD = {
    "vector": _vector, "tuple": _tuple, "array": _array, "map": _map, "map-of": _map_of, "enum": _enum,
    "union": _union, "and": _and,
}  # fmt: skip
