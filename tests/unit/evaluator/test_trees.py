"""Trees of any depth, and the slots of variables that are rebound."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rtfsc.ir.nodes import Const, Expr, Function, If, Let, Local, Loop, Module, Prim, Recur, Seq, Try, Var
from rtfsc.ir.types import ANY, BOOL, INT
from runtime.evaluator.executor import IrExecutor

DEPTH = 9000


def run(body: Expr) -> object:
    module = Module("m", {"$init": Function("$init", [], body)})
    with IrExecutor().instantiate_module(module) as instance:
        return instance.run()


def test_deep_operands() -> None:
    e: Expr = Const(INT, 0)
    for _ in range(DEPTH):
        e = Prim("int.add", [Const(INT, 1), e], INT)
    assert run(e) == DEPTH


def test_deep_bindings() -> None:
    variables = [Var(f"x{i}", INT) for i in range(DEPTH)]
    e: Expr = Local(variables[-1])
    for before, after in reversed(list(itertools.pairwise(variables))):
        e = Let(after, Prim("int.add", [Local(before), Const(INT, 1)], INT), e)
    assert run(Let(variables[0], Const(INT, 1), e)) == DEPTH


def test_deep_conditions_and_tries() -> None:
    e: Expr = Const(INT, 7)
    for _ in range(DEPTH // 3):
        e = If(Prim("int.lt", [e, Const(INT, 8)], BOOL), Const(INT, 7), Const(INT, 8))
        e = Try(Seq([Const(INT, 0)], e), Var("e"), Const(INT, 9))
    assert run(e) == 7


def test_deep_literals() -> None:
    from rtfsc.ir.types import VEC

    c = Const(INT, 1)
    for _ in range(DEPTH):
        c = Const(VEC, (c,))
    out = run(c)
    for _ in range(DEPTH):
        assert isinstance(out, list)
        (out,) = out
    assert out == 1


SOURCES = st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4), min_size=4, max_size=4)


@given(SOURCES, st.integers(0, 5))
def test_rebinding_is_parallel(sources: list[list[int]], rounds: int) -> None:
    """Each variable becomes the sum of some, all read before any is set."""
    variables = [Var(f"x{i}", INT) for i in range(4)]
    n = Var("n", INT)
    args: list[Expr] = []
    for chosen in sources:
        e: Expr = Local(variables[chosen[0]])
        for i in chosen[1:]:
            e = Prim("int.add", [e, Local(variables[i])], INT)
        renamed = Var("y", INT)
        args.append(Let(renamed, e, Local(renamed)))
    again = Recur("l", [Prim("int.sub", [Local(n), Const(INT, 1)], INT), *args])
    done = Prim("vector", [Local(v) for v in variables], ANY)
    body = If(Prim("int.gt", [Local(n), Const(INT, 0)], BOOL), again, done)
    loop = Loop("l", [n, *variables], [Const(INT, rounds), *(Const(INT, i + 1) for i in range(4))], body)
    expected = [1, 2, 3, 4]
    for _ in range(rounds):
        expected = [sum(expected[i] for i in chosen) for chosen in sources]
    assert run(loop) == expected
