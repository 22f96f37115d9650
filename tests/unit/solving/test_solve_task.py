"""What is asked for: signatures, examples, and which of them the model sees."""

from __future__ import annotations

from typing import Any

import pytest

from rtfsc.diagnostics import DiagnosticError
from runtime.solving.errors import UnsuitableTask
from runtime.solving.task import confirm, read_task, written
from runtime.values import ErrorValue, Keyword, List, Symbol

INT = "(declare twice [x : Int] : Int)"


def test_a_task_is_one_line_and_its_signature_has_no_doc() -> None:
    task = read_task(" Double\n it ", '(declare twice [x : Int] : Int "Double it")')
    assert (task.text, task.name, task.signature) == ("Double it", "twice", INT)


def test_types_alone_are_a_signature() -> None:
    task = read_task("Double it", "[x : Int] : Int")
    assert task.name == "solution"
    assert task.interface_hash == read_task("Halve it", INT).interface_hash


def test_the_doc_of_the_signature_stands_for_an_empty_task_and_may_hold_examples() -> None:
    task = read_task("", '(declare twice [x : Int] : Int "Double it\nexample: (twice 4) => 8")')
    assert task.text == "Double it"
    assert [(e.arguments, e.result) for e in task.examples] == [((4,), 8)]


def test_the_doc_has_the_task_and_every_example() -> None:
    task = read_task("Double it", INT, [((1,), 2), ((-3,), -6), ((5,), 10)])
    assert (
        task.doc == "Double it\nexample: (twice 1) => 2\nexample: (twice -3) => -6\nexample: (twice 5) => 10"
    )


@pytest.mark.parametrize(("results", "kept"), [
    ([1, 2], []), ([1, 2, 3], [3]), ([True, False, True, False, 7], [False]), ([1, 2, 2, 3], [2]),
])  # fmt: skip
def test_from_three_on_one_is_kept_back_whose_result_is_shown_elsewhere(
    results: list[Any], kept: list[Any]
) -> None:
    examples = [((i,), result) for i, result in enumerate(results)]
    task = read_task("Do it", "[x : :any] : :any", examples)
    assert [example.result for example in task.kept] == kept
    assert len(task.shown) + len(task.kept) == len(results)


def test_an_integer_is_as_good_as_the_float_that_is_declared() -> None:
    task = read_task("Take ten percent off", "[x : Float] : Float", [((100,), 90)])
    assert task.example_text(task.shown[0]) == "(solution 100) => 90"


def test_the_same_example_twice_is_one() -> None:
    assert len(read_task("Double it", INT, [((1,), 2), ((1,), 2)]).examples) == 1


@pytest.mark.parametrize(("examples", "told"), [
    ([(("a",), 2)], "does not fit the signature: .*expected :int, got string"),
    ([((1,), "b")], "does not fit the signature: .*expected :int, got string"),
    ([((1, 2), 2)], "does not fit the signature: Arity mismatch"),
    ([((1,), 2), ((1,), 3)], "two examples of .twice 1. differ: 2 and 3"),
    ([((1,), print)], "cannot be written"),
    ([((1,), ErrorValue("TypeError", "no"))], "cannot be written"),
    ([((i,), 2 * i) for i in range(65)], "65 examples; at most 64"),
    ([(100, 90)], "a pair of arguments and result, not .100, 90."),
    ([("ab", 90)], "a pair of arguments and result"),
    ([(1, 2, 3)], "a pair of arguments and result"),
    ([((1,), {1, 2})], "a value of the type set cannot be written"),
    ([((b"x",), 1)], "a value of the type bytes cannot be written"),
    ([((2**70,), 1)], "does not fit the signature"),
])  # fmt: skip
def test_examples_that_no_program_could_meet_are_refused(examples: list[Any], told: str) -> None:
    with pytest.raises(UnsuitableTask, match=told):
        confirm(read_task("Double it", INT, examples))


def test_tuples_are_vectors() -> None:
    task = read_task("Do it", "[x : [:vector :int]] : [:vector :int]", [(((1, 2),), (2, 4))])
    confirm(task)
    assert task.example_text(task.shown[0]) == "(solution [1 2]) => [2 4]"


def test_an_empty_task_is_refused() -> None:
    with pytest.raises(UnsuitableTask, match="the task is empty"):
        read_task("  ", INT)


@pytest.mark.parametrize(
    "signature", ["(defn f [x] x)", "[x : Int", "(declare f [x : Nope] : Int)", "", "[x] [y]"]
)
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    with pytest.raises(DiagnosticError):
        confirm(read_task("Double it", signature))


@pytest.mark.parametrize("value", [
    None, True, -5, 2.5, float("inf"), 'quo"te\n\\', Keyword("a/b"), [1, [2]], {Keyword("a"): [1.0]},
    List([1, Symbol("x")]), [List([1])], {"k": List([])},
])  # fmt: skip
def test_values_are_written_so_that_they_read_back(value: Any) -> None:
    from rtfsc.evaluation import read_value
    from runtime.store.agreement import same_value

    assert same_value(read_value(written(value)), value)
