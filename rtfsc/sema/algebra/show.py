"""Types as text, in the notation of annotations."""

from __future__ import annotations

from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import (
    Atom,
    Dict,
    Function,
    Items,
    Lit,
    Part,
    Predicate,
    Record,
    Resource,
    Tuple,
    Type,
)

WORDS: Final = {
    T.NIL: "nil", T.BOOL: "bool", T.INT: "int", T.FLOAT: "float", T.STR: "string", T.KW: "keyword",
    T.SYM: "symbol", T.VEC: "vector", T.LIST: "list", T.MAP: "map", T.FN: "function", T.ERR: "error",
    T.TIMESTAMP: "timestamp", T.UUID: "uuid", T.RESOURCE: "resource-handle",
}  # fmt: skip
_NOTATION: Final = {T.VEC: "[:vector :any]", T.LIST: "[:list :any]", T.MAP: "[:map]"}


def show(t: Type) -> str:
    """``:int``, ``[:union :nil [:vector :string]]``; of kinds without a name of their own, ``:error``."""
    if t.kinds == T.ANY:
        return ":any"
    if not t.mask:
        return ":never"
    members = [_NOTATION.get(bit, f":{word}") for bit, word in WORDS.items() if t.kinds & bit]
    literals = [show_value(p.atoms[0]) for p in t.parts if len(p.atoms) == 1 and type(p.atoms[0]) is Lit]
    if literals:
        members.append(f"[:enum {' '.join(literals)}]")
    members += [show_part(p) for p in t.parts if len(p.atoms) > 1 or type(p.atoms[0]) is not Lit]
    return members[0] if len(members) == 1 else f"[:union {' '.join(members)}]"


def describe(t: Type) -> str:
    """For messages: a single value as that, else the type."""
    if not t.kinds and len(t.parts) == 1:
        first = t.parts[0].atoms[0]
        if type(first) is Lit:
            text = show_value(first)
            word = _SAID.get(first.kind, WORDS[first.kind])
            return f"{word} {text if len(text) <= 40 else text[:36] + '…'}"
        if type(first) is Tuple and not first.items:
            return f"the empty {WORDS[t.mask]}"
        if type(first) is Record and first.closed and not first.fields:
            return "the empty map"
    return show(t)


_SAID: Final = {T.INT: "integer", T.BOOL: "boolean"}


def show_part(part: Part) -> str:
    texts = [show_atom(atom, part.kind) for atom in part.atoms]
    if type(part.atoms[0]) is Predicate and all(type(atom) is Predicate for atom in part.atoms):
        texts.insert(0, f":{WORDS[part.kind]}")
    return texts[0] if len(texts) == 1 else f"[:and {' '.join(texts)}]"


def show_atom(atom: Atom, kind: int) -> str:
    if type(atom) is Lit:
        return f"[:val {show_value(atom)}]"
    if type(atom) is Items:
        if atom.size is not None:
            return f"[:array {show(atom.element)} [{atom.size}]]"
        return f"[:{WORDS[kind]} {show(atom.element)}]"
    if type(atom) is Tuple:
        head = "tuple" if kind == T.VEC else "list-tuple"
        return f"[{' '.join([f':{head}', *map(show, atom.items)])}]"
    if type(atom) is Record:
        return _show_record(atom)
    if type(atom) is Dict:
        return f"[:map-of {show(atom.key)} {show(atom.value)}]"
    if type(atom) is Function:
        params = [show(p) for p in atom.params]
        if atom.rest is not None:
            params += ["&", show(atom.rest)]
        return f"[:fn [{' '.join(params)}] {show(atom.result)}]"
    if type(atom) is Resource:
        return f"[:resource :{atom.name}]"
    assert type(atom) is Predicate
    return f"[:{atom.name}]" if atom.argument is None else f"[:{atom.name} {show_argument(atom.argument)}]"


def _show_record(atom: Record) -> str:
    fields = [f"[{show_value(f.key)} {show(f.type)}{'' if f.required else ' ?'}]" for f in atom.fields]
    return f"[{' '.join([':map', *fields])}]"


def show_value(lit: Lit) -> str:
    from rtfsc.ir.nodes import Const
    from rtfsc.sema.types import show_data

    return show_data(Const(lit.kind, lit.value))


def show_argument(argument: Any) -> str:
    if type(argument) is Lit:
        return show_value(argument)
    if isinstance(argument, str):
        return show_value(Lit(T.STR, argument))
    return show_value(Lit(T.FLOAT if isinstance(argument, float) else T.INT, argument))


def order(x: Part | Atom) -> tuple[int, str]:
    """A total order of parts, and of the atoms of one part."""
    if type(x) is Part:
        return x.kind, " ".join(order(atom)[1] for atom in x.atoms)
    closed = " closed" if type(x) is Record and x.closed else ""
    return _SORTS.index(type(x)), show_atom(x, T.VEC) + closed  # type: ignore[arg-type]


_SORTS: Final = (Lit, Items, Tuple, Record, Dict, Function, Resource, Predicate)
