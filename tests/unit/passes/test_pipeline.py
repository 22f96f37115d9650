"""`passes.run`: levels, names, printing, and that the input is never changed."""

import pytest
from ir_checker import exported, module

from rtfsc.ir.nodes import Prim, integer
from rtfsc.ir.text import show
from rtfsc.ir.types import NUM
from rtfsc.ir.verify import verify
from rtfsc.passes import PASSES, PIPELINES, load, run

SOURCE = (
    exported("f", 1) + "(function f (params n) (if (lt n 2 @1) n (num.inc (call f (num.dec n @1) @2) @3)))"
)


@pytest.mark.parametrize("level", PIPELINES)
def test_levels_give_valid_ir_and_leave_the_input_alone(level):
    m = module(SOURCE)
    before = show(m)
    result = run(m, level, verify=True)
    verify(result)
    assert show(m) == before
    assert ("f#i" in result.functions) == (level == 2)


def test_every_registered_pass_loads_and_the_pipelines_name_no_other():
    for name in PASSES:
        assert callable(load(name))
    assert {name for names in PIPELINES.values() for name in names} <= set(PASSES)


def test_print_after(capsys):
    run(module(SOURCE), 2, print_after="tail")
    shown = capsys.readouterr().err
    assert shown.startswith("; after tail\n(module") and "(function f " in shown


def test_unknown_pass_is_named():
    with pytest.raises(ValueError, match=r"no pass 'nope'; known: tail"):
        run(module(SOURCE), 2, print_after="nope")


def test_deep_trees_go_through_all_passes():
    m = module(SOURCE)
    deep = integer(0)
    for _ in range(2500):
        deep = Prim("num.inc", [Prim("num.neg", [deep], NUM, 1)], NUM, 1)
    m.functions["$init"].body = deep
    assert verify(run(m, 2, verify=True)) is None


def test_labels_stay_apart_where_code_is_inlined_in_several_rounds() -> None:
    """Found by random programs: `and` as a comparator is inlined twice, once in each round."""
    from rtfsc.driver import compile_text

    run(compile_text("(sort and :k)").unoptimised, 2, verify=True)


def test_captures_keep_the_type_that_a_check_proved() -> None:
    """Found by random programs: the check of the elements says no more that it is a vector."""
    from rtfsc.driver import compile_text

    run(compile_text("(fn [v : [:vector String]] (fn [] v))").unoptimised, 2, verify=True)
