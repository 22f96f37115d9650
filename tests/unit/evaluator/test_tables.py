"""The tables of the machine are complete and consistent."""

import re
from pathlib import Path

import pytest

from rtfsc.ir.nodes import Call, CallValue, Closure, Const, Export, Function, Local, Module, Var
from rtfsc.ir.types import ANY, INT
from rtfsc.ir.weight import frame_weight, frame_weights
from rtfsc.primitives.ops import OPS
from runtime.evaluator import native
from runtime.evaluator.compile import compile_module
from runtime.evaluator.function import LETTER
from runtime.evaluator.opcodes import NUMBERS, OPERANDS
from runtime.evaluator.primitives import FUNCTIONS, instruction

LOOP = (Path(native.__file__).parent / "loop.pxi").read_text()


@pytest.mark.parametrize("name", OPS)
def test_every_operation_has_an_instruction(name: str) -> None:
    assert instruction(OPS[name]) in OPERANDS


@pytest.mark.parametrize("name", NUMBERS)
def test_the_loop_performs_every_instruction(name: str) -> None:
    assert re.search(rf"\bOP_{name.upper()}\b", LOOP)


def test_every_c_function_is_in_the_table() -> None:
    assert [op.name for op in FUNCTIONS] == [op.name for op in OPS.values() if not op.inline]
    assert set(LETTER) == {"i64", "f64", "i32"}


def module(*functions: Function, exports: tuple[str, ...] = ()) -> Module:
    exported = [Export(name, name, [], [], ":any") for name in exports]
    return Module("m", {f.name: f for f in functions}, exports=exported)


def test_weights_count_variables() -> None:
    x = Var("x", INT)
    assert frame_weight(Function("f", [x], Local(x))) == 48 + 8
    assert frame_weight(Function("f", [x], Local(x), captures=[Var("y")], self_var=Var("me"))) == 48 + 24


def test_only_functions_on_a_cycle_weigh() -> None:
    leaf = Function("leaf", [], Const(INT, 1))
    own = Function("own", [], Call("own", []))
    a, b = Function("a", [], Call("b", [])), Function("b", [], Call("a", []))
    above = Function("above", [], Call("a", []))
    assert list(frame_weights(module(leaf, own, a, b, above))) == ["own", "a", "b"]


def test_calls_of_values_may_reach_closures_and_exports() -> None:
    f = Var("f", ANY)
    high = Function("high", [f], CallValue(Local(f), []))
    made = Function("made", [], Call("high", [Closure("made", [])]))
    other = Function("other", [f], CallValue(Local(f), []))
    assert list(frame_weights(module(high, made, other))) == ["high", "made"]
    assert list(frame_weights(module(high, made, other, exports=("other",)))) == ["high", "made", "other"]


def test_code_is_linked_with_its_tables() -> None:
    program = compile_module(module(Function("$init", [], Const(INT, 1))))
    assert len(program.code) == len(program.sites) == len(program.handlers)
    assert program.functions[program.index["$init"]].entry == 0
