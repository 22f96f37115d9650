"""Checks of declared types against what is known: they narrow, and go where they cannot fail."""

import pytest
from ir_checker import body

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from rtfsc.passes.declared import bound
from rtfsc.passes.known import ANY, deep, holding


def kw(name: str) -> Const:
    return Const(T.KW, name)


def of(*parts: Const | str) -> Const:
    return Const(T.VEC, tuple(kw(p) if isinstance(p, str) else p for p in parts))


INTS = holding(T.VEC, T.INT)


@pytest.mark.parametrize(
    ("declared", "known", "exact"),
    [
        (kw("int"), T.INT, True),
        (kw("float?"), T.NUM | T.NIL, True),
        (Const(T.SYM, "Int"), T.INT, True),
        (kw("unheard-of"), ANY, False),
        (of("vector", "int"), INTS, True),
        (of("vector", of("vector", "float")), holding(T.VEC, holding(T.VEC, T.NUM)), True),
        (of("vector", of("and", "int", of(">", Const(T.INT, 3)))), deep(T.VEC), False),
        (of("array", "int", of(Const(T.INT, 2))), INTS, False),
        (of("list", "string"), holding(T.LIST, T.STR), True),
        (of("map-of", "keyword", "int"), holding(T.MAP, T.INT), False),
        (of("map-of", of("union", "keyword", "string", "int"), "int"), holding(T.MAP, T.INT), True),
        (of("union", "nil", of("vector", "int")), INTS | T.NIL, True),
        (of("union", of("list", "int"), of("vector", "string")),
         T.SEQ | (T.INT | T.STR) << 16, False),
        (of("map", of("a", "int")), ANY, False),
        (of("vector", of("vector", of("vector", of("vector", "int")))),
         holding(T.VEC, holding(T.VEC, holding(T.VEC, deep(T.VEC)))), False),
    ],
)  # fmt: skip
def test_bounds(declared, known, exact):
    assert bound(declared) == (known, exact)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ('(check.type (vector 1 2) (const-vec (kw "vector") (kw "int")) @1)', "(vector 1 2)"),
        ('(check.type (vector 1 a) (const-vec (kw "vector") (kw "int")) @1)',
         '(check.type (vector 1 a) (const-vec (kw "vector") (kw "int")) @1)'),
        ('(let (v (check.type a (const-vec (kw "vector") (kw "float")) @1)) (num.mul 2.0 (nth v 0 @2) @3))',
         '(let (v (check.type a (const-vec (kw "vector") (kw "float")) @1)) '
         "(as [float] (num.mul 2.0 (seq.at (as [vec] v) 0 @2) @3)))"),
    ],
)  # fmt: skip
def test_checks_narrow_and_go(before, expected):
    source = f"(function f (params a) {before}) (function $init (params) (vector (closure f)))"
    assert body(source, "infer", "branches", "dead") == expected
