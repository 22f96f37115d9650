"""Hypothesis strategies for functions of integers with loops, tests and every checked operation, as IR."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rtfsc.ir.text import parse
from rtfsc.ir.verify import verify
from rtfsc.passes import run_passes
from runtime.evaluator.executor import IrExecutor
from runtime.values import RtfsError

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
EDGES = [
    INT_MIN,
    INT_MIN + 1,
    -(1 << 32),
    -7,
    -2,
    -1,
    0,
    1,
    2,
    3,
    10,
    (1 << 32) - 1,
    1 << 62,
    INT_MAX - 1,
    INT_MAX,
]
ARGUMENTS = st.one_of(st.sampled_from(EDGES), st.integers(-20, 20))
_BINARY = ["int.add", "int.sub", "int.mul", "int.mod", "int.min", "int.max"]
_TESTS = ["int.lt", "int.le", "int.gt", "int.ge", "int.eq", "int.ne"]


class _Builder:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.names = 0

    def pick(self, items: list[str]) -> str:
        item: str = self.draw(st.sampled_from(items))
        return item

    def below(self, n: int) -> int:
        return int(self.draw(st.integers(0, n - 1)))

    def site(self) -> str:
        return f"@{1 + self.below(5)}"

    def fresh(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def atom(self, scope: list[str]) -> str:
        if scope and self.below(4):
            return self.pick(scope)
        return self.number()

    def number(self) -> str:
        n: int = self.draw(ARGUMENTS)
        return str(n)

    def value(self, scope: list[str], depth: int) -> str:
        if depth <= 0:
            return self.atom(scope)
        forms = [self.atom_form, self.binary, self.binary, self.unary, self.let, self.conditional, self.loop,
                 self.nth, self.guard]  # fmt: skip
        return forms[self.below(len(forms))](scope, depth - 1)

    def atom_form(self, scope: list[str], depth: int) -> str:
        return self.atom(scope)

    def binary(self, scope: list[str], depth: int) -> str:
        op = self.pick(_BINARY)
        site = self.site() if op not in ("int.min", "int.max") else ""
        return f"({op} {self.value(scope, depth)} {self.value(scope, depth)} {site})"

    def unary(self, scope: list[str], depth: int) -> str:
        return f"({self.pick(['int.neg', 'int.abs'])} {self.value(scope, depth)} {self.site()})"

    def test(self, scope: list[str], depth: int) -> str:
        kind = self.below(6)
        if depth > 0 and kind == 0:
            return f"(if {self.test(scope, depth - 1)} {self.test(scope, depth - 1)} false)"
        if depth > 0 and kind == 1:
            return f"(if {self.test(scope, depth - 1)} true {self.test(scope, depth - 1)})"
        if kind == 2:
            return f"(bool.not {self.test(scope, depth - 1)})"
        return f"({self.pick(_TESTS)} {self.value(scope, min(depth, 1))} {self.atom(scope)})"

    def let(self, scope: list[str], depth: int) -> str:
        name = self.fresh()
        return f"(let ({name} int {self.value(scope, depth)}) {self.value([*scope, name], depth)})"

    def conditional(self, scope: list[str], depth: int) -> str:
        return f"(if {self.test(scope, depth)} {self.value(scope, depth)} {self.value(scope, depth)})"

    def guard(self, scope: list[str], depth: int) -> str:
        """One arm raises, so that the test holds afterwards."""
        failing = '(raise.generic "guard" @5)'
        arms = [failing, self.value(scope, depth)]
        if self.draw(st.booleans()):
            arms.reverse()
        return f"(do (if {self.test(scope, depth)} {arms[0]} {arms[1]}) {self.value(scope, depth)})"

    def loop(self, scope: list[str], depth: int) -> str:
        """At most 12 rounds, counted apart from what the body does with its variables."""
        rounds, i, acc = self.fresh(), self.fresh(), self.fresh()
        inner = [*scope, i, acc]
        by = self.pick(["1", "2", "3", "-1", self.atom(scope)])
        step = f"({self.pick(['int.add', 'int.sub'])} {i} {by} @4)"
        again = f"(recur L{rounds} (int.add {rounds} 1) {step} {self.value(inner, depth)})"
        test = f"(if (int.lt {rounds} 12) {self.test(inner, depth)} false)"
        return (
            f"(loop L{rounds} (({rounds} int) 0) (({i} int) {self.value(scope, depth)})"
            f" (({acc} int) {self.atom(scope)}) (if {test} {again} {self.atom(inner)}))"
        )

    def nth(self, scope: list[str], depth: int) -> str:
        """An element of a short vector, its index tested against the length or not."""
        vector, index = self.fresh(), self.fresh()
        get = f"(as [int] (nth {vector} {index} {self.site()}))"
        bound = f"(if (int.lt {index} (seq.length {vector})) {get} {self.atom(scope)})"
        if self.draw(st.booleans()):
            bound = f"(if (int.ge {index} 0) {bound} -1)"
        body = self.pick([get, bound, bound])
        items = " ".join(self.number() for _ in range(self.below(5)))
        made = f"(vector {items})" if self.draw(st.booleans()) else f"(as [vec] (rest (vector {items} 1) @1))"
        return f"(let ({vector} vec {made}) ({index} int {self.value(scope, depth)}) {body})"


@st.composite
def functions(draw: st.DrawFn) -> str:
    """A function ``f`` of the ints ``a`` and ``b``."""
    return f"(function f (params (a int) (b int)) (result int) {_Builder(draw).value(['a', 'b'], 4)})"


_EXPORT = '(export "f" (func g) (params "a" "b") (types ":any" ":any") (result ":any"))'
_ENTRY = "(function g (params a b) (call f (as [int] a) (as [int] b) ^int))"


def outcome(sites: str, source: str, passes: list[str], a: int, b: int) -> Any:
    """What ``f`` gives on the evaluator after the passes: a value, or kind, message and span of the error."""
    module = parse(f'(module "m" {sites} {_EXPORT} {_ENTRY} {source} (function $init (params) nil))')
    verify(module)
    module = run_passes(module, passes, verify=True)
    with IrExecutor().instantiate_module(module) as instance:
        try:
            return instance.function("f")(a, b)
        except RtfsError as error:
            return error.kind, error.message, error.span
