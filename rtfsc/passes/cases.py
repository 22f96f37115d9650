"""One value compared with many texts is looked up once, and what was found decides by halves.

Before::

    (if (eq x "a") A (if (eq x "b") B (if (eq x "c") C (if (if (eq x "d") true (eq x "e")) D E))))

After::

    (let (place any (map.get (const-map "a" 0 "b" 1 "c" 2 "d" 3 "e" 3) x))
      (if (is [int] place)
        (let (case int (as [int] place))
          (if (int.lt case 2) (if (int.lt case 1) A B) (if (int.lt case 3) C D)))
        E))

Integers and keywords that are compared in between are looked up with them.  Alone they stay: comparing
those costs less than a look-up.
"""

from __future__ import annotations

from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Let, Local, Module, Prim, Var, integer
from rtfsc.ir.walk import map_children

ENOUGH: Final = 4
"""Texts from which on a look-up costs less."""
_KEYS: Final = frozenset({T.STR, T.KW, T.INT})
_EQUAL: Final = frozenset({"eq", "str.eq"})


def run(module: Module) -> None:
    for f in module.functions.values():
        f.body = walk(f.body)


def walk(e: Expr) -> Expr:
    x = _subject(e.test) if isinstance(e, If) else None
    if x is None:
        return map_children(e, walk)
    chain: list[tuple[If, list[Const]]] = []
    rest: Expr = e
    while isinstance(rest, If) and (keys := _keys(rest.test, x)) is not None:
        chain.append((rest, keys))
        rest = rest.orelse
    if not chain:
        return map_children(e, walk)
    arms = [walk(link.then) for link, _ in chain]
    rest = walk(rest)
    if sum(key.type == T.STR for _, keys in chain for key in keys) >= ENOUGH:
        return _look_up(x, [keys for _, keys in chain], arms, rest)
    for (link, _), arm in zip(reversed(chain), reversed(arms), strict=True):
        rest = If(link.test, arm, rest)
    return rest


def _subject(test: Expr) -> Var | None:
    """The variable that a test compares with a constant."""
    while isinstance(test, If):
        test = test.test
    if isinstance(test, Prim) and test.op in _EQUAL:
        for x in test.args:
            if isinstance(x, Local):
                return x.var
    return None


def _keys(test: Expr, x: Var) -> list[Const] | None:
    """The constants that ``x`` is compared with, if the test is whether it equals one of them."""
    keys: list[Const] = []
    while isinstance(test, If):
        if not isinstance(test.then, Const) or test.then.value is not True:
            return None
        key = _key(test.test, x)
        if key is None:
            return None
        keys.append(key)
        test = test.orelse
    key = _key(test, x)
    return None if key is None else [*keys, key]


def _key(test: Expr, x: Var) -> Const | None:
    if not isinstance(test, Prim) or test.op not in _EQUAL:
        return None
    for a, b in (test.args, test.args[::-1]):
        if isinstance(a, Local) and a.var is x and isinstance(b, Const) and b.type in _KEYS:
            return b
    return None


def _look_up(x: Var, keys: list[list[Const]], arms: list[Expr], rest: Expr) -> Expr:
    """The first comparison that holds decides, so a constant that comes again is left out."""
    places: dict[tuple[T.Type, object], tuple[Const, Const]] = {}
    for i, group in enumerate(keys):
        for key in group:
            places.setdefault((key.type, key.value), (key, integer(i)))
    place, case = Var("place"), Var("case", T.INT)
    found = Prim("map.get", [Const(T.MAP, tuple(places.values())), Local(x)], T.ANY)
    chosen = Let(case, Prim("as", [Local(place)], T.INT, 0, T.INT), _halves(case, arms, 0))
    return Let(place, found, If(Prim("is", [Local(place)], T.BOOL, 0, T.INT), chosen, rest))


def _halves(case: Var, arms: list[Expr], first: int) -> Expr:
    if len(arms) == 1:
        return arms[0]
    half = len(arms) // 2
    test = Prim("int.lt", [Local(case), integer(first + half)], T.BOOL)
    return If(test, _halves(case, arms[:half], first), _halves(case, arms[half:], first + half))
