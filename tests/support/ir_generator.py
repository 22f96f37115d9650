"""Hypothesis strategies for well-formed IR: every kind of node, verified by construction."""

from __future__ import annotations

from hypothesis import strategies as st

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    INIT,
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Export,
    Expr,
    Function,
    Global,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Module,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Site,
    Try,
    Var,
)

NAMES = st.sampled_from(["x", "y", "acc", "a b", "nil", "->z", "x.1", "é|", ""])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)
INTS = st.one_of(st.integers(-3, 3), st.integers(-(1 << 63), (1 << 63) - 1))
ATOMS = st.one_of(
    st.just(Const(T.NIL, None)),
    st.booleans().map(lambda b: Const(T.BOOL, b)),
    INTS.map(lambda n: Const(T.INT, n)),
    st.floats(allow_nan=False).map(lambda x: Const(T.FLOAT, x)),
    st.tuples(st.sampled_from([T.STR, T.KW, T.SYM, T.UUID]), TEXTS).map(lambda p: Const(*p)),
)
KEYS = TEXTS.map(lambda s: Const(T.KW, s))
CONSTS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda x: Const(T.VEC, tuple(x))),
        st.lists(inner, max_size=3).map(lambda x: Const(T.LIST, tuple(x))),
        st.lists(st.tuples(KEYS, inner), max_size=2).map(lambda x: Const(T.MAP, tuple(x))),
    ),
    max_leaves=4,
)


class Builder:
    """Draws trees; ``scope`` holds the variables that may be used."""

    def __init__(self, draw: st.DrawFn, functions: list[Function]) -> None:
        self.draw = draw
        self.functions = functions
        self.labels = 0

    def expr(self, scope: list[Var], depth: int) -> Expr:
        if depth <= 0 or self.draw(st.integers(0, 5)) == 0:
            if scope and self.draw(st.booleans()):
                return Local(self.draw(st.sampled_from(scope)))
            return self.draw(CONSTS)
        return getattr(self, self.draw(st.sampled_from(FORMS)))(scope, depth - 1)

    def many(self, scope: list[Var], depth: int, most: int = 3) -> list[Expr]:
        return [self.expr(scope, depth) for _ in range(self.draw(st.integers(0, most)))]

    def site(self) -> int:
        return self.draw(st.integers(0, 3))

    def int_(self, scope: list[Var], depth: int) -> Expr:
        return Prim("to-int", [self.expr(scope, depth)], T.INT)

    def test(self, scope: list[Var], depth: int) -> Expr:
        t = self.draw(st.sampled_from([T.INT, T.NUM, T.SEQ]))
        return Prim("is", [self.expr(scope, depth)], T.BOOL, 0, t)

    def let(self, scope: list[Var], depth: int) -> Expr:
        value = self.expr(scope, depth)
        v = Var(self.draw(NAMES), self.draw(st.sampled_from([value.type or T.ANY, T.ANY])))
        return Let(v, value, self.expr([*scope, v], depth))

    def seq(self, scope: list[Var], depth: int) -> Expr:
        return Seq(self.many(scope, depth, 2), self.expr(scope, depth))

    def if_(self, scope: list[Var], depth: int) -> Expr:
        return If(self.test(scope, depth), self.expr(scope, depth), self.expr(scope, depth))

    def loop(self, scope: list[Var], depth: int) -> Expr:
        self.labels += 1
        label = f"L{self.labels}"
        i, acc = Var("i", T.INT), Var("acc")
        more = Prim("int.add", [Local(i), Const(T.INT, 1)], T.INT, 1)
        again = Recur(label, [more, self.expr(scope, depth)])
        test = Prim("int.lt", [Local(i), Const(T.INT, 3)], T.BOOL)
        body = If(test, again, self.expr([*scope, i, acc], depth))
        return Loop(label, [i, acc], [Const(T.INT, 0), self.expr(scope, depth)], body)

    def call(self, scope: list[Var], depth: int) -> Expr:
        f = self.draw(st.sampled_from(self.functions))
        return Call(f.name, [self.expr(scope, depth) for _ in f.params], f.result, self.site())

    def call_value(self, scope: list[Var], depth: int) -> Expr:
        return CallValue(self.expr(scope, depth), self.many(scope, depth), self.site())

    def apply(self, scope: list[Var], depth: int) -> Expr:
        return Apply(self.expr(scope, depth), self.expr(scope, depth), self.site())

    def letrec(self, scope: list[Var], depth: int) -> Expr:
        v = Var("f", T.FN)
        closure = Closure("capturing", [Local(v)])
        call = Call("capturing", [self.expr([*scope, v], depth)], T.VEC, 1, False, Local(v))
        return LetRec([(v, closure)], call)

    def prim(self, scope: list[Var], depth: int) -> Expr:
        op, n, t = self.draw(st.sampled_from(OPERATIONS))
        return Prim(op, [self.expr(scope, depth) for _ in range(n)], t, self.site())

    def imm(self, scope: list[Var], depth: int) -> Expr:
        return Prim("num.check", [self.expr(scope, depth)], T.NUM, self.site(), "+")

    def check(self, scope: list[Var], depth: int) -> Expr:
        t = self.draw(st.sampled_from([T.INT, T.FLOAT, T.VEC]))
        return Prim("check", [self.expr(scope, depth)], t, self.site(), t)

    def global_(self, scope: list[Var], depth: int) -> Expr:
        return Global("g", T.ANY, self.draw(st.booleans()), self.site())

    def try_(self, scope: list[Var], depth: int) -> Expr:
        v = Var("e", T.ERR)
        return Try(self.expr(scope, depth), v, self.expr([*scope, v], depth))


OPERATIONS = [("num.add", 2, T.NUM), ("vector", 3, T.VEC), ("eq", 2, T.BOOL), ("first", 1, T.ANY)]
FORMS = ["int_", "test", "let", "seq", "if_", "loop", "call", "call_value", "apply", "letrec", "prim", "imm",
         "check", "global_", "try_"]  # fmt: skip


@st.composite
def modules(draw: st.DrawFn) -> Module:
    """A module that passes the verifier."""
    x, k = Var("x"), Var("k")
    capturing = Function("capturing", [x], Prim("vector", [Local(x), Local(k)], T.VEC), T.VEC, captures=[k],
                         self_var=Var("me", T.FN))  # fmt: skip
    functions = [
        Function(f"f{i}", [Var(draw(NAMES)) for _ in range(draw(st.integers(0, 3)))], Const(T.NIL, None))
        for i in range(draw(st.integers(1, 2)))
    ]
    builder = Builder(draw, functions)
    for f in functions:
        f.body = builder.expr(list(f.params), 4)
    init = Function(INIT, [], SetGlobal("g", builder.expr([], 3)))
    exports = [
        Export(f.name, f.name, [v.name for v in f.params], [":any"] * len(f.params), ":any", doc=draw(TEXTS))
        for f in functions
    ]
    sites = [Site(i, i + 1, "d", i) for i in range(3)]
    everything = [*functions, capturing, init]
    return Module(draw(TEXTS), {f.name: f for f in everything}, {"g": T.ANY}, exports, sites)
