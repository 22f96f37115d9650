"""Vectors and maps as parts: of what shape a value is made, and what is read of it. Part of `scalars`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, Let, Local, Prim, Var, integer, nil
from rtfsc.ir.walk import children, nodes, rewrite

MOST: Final = 8
"""Parts of a value that is taken apart."""
_KEYS: Final = T.KW | T.STR | T.INT


@dataclass(frozen=True, slots=True)
class Shape:
    """``keys``: of a map, in order; None for a vector of ``size`` elements."""

    size: int
    keys: tuple[tuple[T.Type, Any], ...] | None = None

    @property
    def kind(self) -> T.Type:
        return T.VEC if self.keys is None else T.MAP

    def values(self, made: Expr) -> list[Expr]:
        """The parts of a value of this shape, where it is made."""
        if isinstance(made, Const):
            return [x if self.keys is None else x[1] for x in made.value]
        assert isinstance(made, Prim)
        return made.args if self.keys is None else made.args[1::2]

    def place(self, key: Expr) -> int | None:
        """Which part a constant key or index is; -1 if none."""
        if not isinstance(key, Const):
            return None
        if self.keys is not None:
            wanted = key.type, key.value
            return self.keys.index(wanted) if wanted in self.keys else -1
        if key.type != T.INT:
            return None
        return key.value if 0 <= key.value < self.size else -1

    def make(self, parts: list[Expr]) -> Expr:
        if self.keys is None:
            return Prim("vector", parts, T.VEC)
        entries = [x for (t, k), part in zip(self.keys, parts, strict=True) for x in (Const(t, k), part)]
        return Prim("map", entries, T.MAP)


def shape_of(e: Expr) -> Shape | None:
    """The shape of a value that is made here, if it is small."""
    if isinstance(e, Const) and e.type & (T.VEC | T.MAP) and 0 < len(e.value) <= MOST:
        return Shape(len(e.value)) if e.type == T.VEC else _map_shape([key for key, _ in e.value])
    if not isinstance(e, Prim) or not e.args:
        return None
    if e.op == "vector" and len(e.args) <= MOST:
        return Shape(len(e.args))
    if e.op == "map" and len(e.args) <= 2 * MOST and len(e.args) % 2 == 0:
        return _map_shape(e.args[::2])
    return None


def _map_shape(keys: list[Expr]) -> Shape | None:
    """None if a key is not known, is none, or is there twice."""
    found = []
    for key in keys:
        if not isinstance(key, Const) or not T.subtype(key.type, _KEYS):
            return None
        found.append((key.type, key.value))
    return Shape(len(found), tuple(found)) if len(set(found)) == len(found) else None


class Parts:
    """One variable as a variable per part. ``aliases``: other variables for the same value."""

    def __init__(self, whole: Var, shape: Shape) -> None:
        self.whole, self.shape = whole, shape
        self.variables = [Var(f"{whole.name}.{i}") for i in range(shape.size)]
        self.aliases = {whole}

    def bindings(self, made: Expr) -> list[tuple[Var, Expr]]:
        return list(zip(self.variables, self.shape.values(made), strict=True))

    def is_whole(self, e: Expr) -> bool:
        """``e`` is the value itself."""
        if isinstance(e, Local):
            return e.var in self.aliases
        if not isinstance(e, Prim) or not e.args or not self.is_whole(e.args[0]):
            return False
        if e.op in ("as", "check"):
            return T.subtype(self.shape.kind, e.type)
        if self.shape.keys is not None:
            return False
        return e.op == "seq" or (e.op == "destructure.vec" and self.fits(e))

    def fits(self, e: Prim) -> bool:
        """A destructuring that this vector passes."""
        count, open_ = e.args[1:]
        if not isinstance(count, Const) or not isinstance(open_, Const):
            return False
        return bool(self.shape.size >= count.value if open_.value else self.shape.size == count.value)

    def find_aliases(self, body: Expr) -> None:
        for e in nodes(body):
            if isinstance(e, Let) and self.is_whole(e.value):
                self.aliases.add(e.var)

    def readable(self, bodies: list[Expr]) -> bool:
        """Whether nothing is done with the value but to read it."""
        for body in bodies:
            self.find_aliases(body)
        stack = list(bodies)
        while stack:
            e = stack.pop()
            if isinstance(e, Let) and self.is_whole(e.value):
                stack.append(e.body)
            elif self.read(e) is None:
                if isinstance(e, Local) and e.var in self.aliases:
                    return False
                stack.extend(children(e))
            elif isinstance(e, Prim):
                stack.extend(x for x in e.args if not self.is_whole(x))
        return True

    def read(self, e: Expr) -> Expr | None:
        """What stands for ``e`` if it reads the value."""
        if not isinstance(e, Prim) or e.op not in _READS:
            return None
        whole = e.args[_READS[e.op][0]] if e.args else None
        return _READS[e.op][1](self, e) if whole is not None and self.is_whole(whole) else None

    def part(self, key: Expr, missing: Expr | None) -> Expr | None:
        place = self.shape.place(key)
        if place is None or place < 0:
            return None if place is None else missing
        return Local(self.variables[place])

    def replaced(self, body: Expr) -> Expr:
        def replace(e: Expr) -> Expr:
            if isinstance(e, Let) and e.var in self.aliases:
                return e.body
            return self.read(e) or e

        return rewrite(body, replace)

    def made_where_wanted(self, e: Expr) -> Expr:
        """``e``, which ends the rounds, with the value made if more than its parts is wanted."""
        if self.readable([e]):
            return e
        fresh = Var(self.whole.name, self.shape.kind)
        body = rewrite(e, lambda x: Local(fresh) if isinstance(x, Local) and x.var is self.whole else x)
        return Let(fresh, self.shape.make([Local(v) for v in self.variables]), body)


def _kind_test(parts: Parts, e: Prim) -> Expr | None:
    return Const(T.BOOL, T.subtype(parts.shape.kind, e.imm))


def _required(parts: Parts, e: Prim) -> Expr | None:
    """An element that exists."""
    return parts.part(e.args[1], None) if parts.shape.keys is None else None


def _vector_only(parts: Parts, x: Expr) -> Expr | None:
    return x if parts.shape.keys is None else None


_Read = Callable[[Parts, Prim], "Expr | None"]
_READS: Final[dict[str, tuple[int, _Read]]] = {
    "seq.nth": (0, _required),
    "nth": (0, _required),
    "get": (0, lambda p, e: p.part(e.args[1], nil())),
    "map.get": (0, lambda p, e: p.part(e.args[1], nil())),
    "kw-get": (1, lambda p, e: p.part(e.args[0], nil()) if p.shape.keys is not None else None),
    "first": (0, lambda p, e: _vector_only(p, Local(p.variables[0]))),
    "last": (0, lambda p, e: _vector_only(p, Local(p.variables[-1]))),
    "count": (0, lambda p, e: integer(p.shape.size)),
    "length": (0, lambda p, e: integer(p.shape.size)),
    "seq.length": (0, lambda p, e: integer(p.shape.size)),
    "map.length": (0, lambda p, e: integer(p.shape.size)),
    "is": (0, _kind_test),
    "truthy": (0, lambda p, e: Const(T.BOOL, True)),
    "not": (0, lambda p, e: Const(T.BOOL, False)),
}
"""Operations that read a part: which operand is the whole, and what stands for the operation."""
