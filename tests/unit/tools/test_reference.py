"""The reference says what is so: names, arities, error kinds, and examples, which are run."""

from __future__ import annotations

import itertools
import re

import pytest

from rtfsc.ast.builder import _tables
from rtfsc.driver import compile_text
from rtfsc.evaluation import evaluate
from rtfsc.primitives.library import LIBRARY
from rtfsc.primitives.signatures import signatures
from rtfsc.reference.library import usages
from rtfsc.reference.lookup import UnknownName, arities, describe_export, describe_name, known_names
from rtfsc.reference.special_forms import special_forms
from rtfsc.source import SourceFile
from runtime.values.errors import KINDS
from runtime.values.limits import Limits

EXAMPLES = {
    **{name: usage.example for name, usage in usages().items() if usage.example},
    **{f"{name} (form)": form.example for name, form in special_forms().items() if form.example},
}


def test_the_library_is_complete() -> None:
    assert sorted(usages()) == sorted(LIBRARY)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str) -> None:
    program, value = EXAMPLES[name]
    outcome = evaluate(SourceFile("<example>", program), "evaluator", 0, Limits(deadline_ms=60_000))
    assert outcome.error is None
    assert outcome.value == value
    assert outcome.diagnostics == []


def test_special_forms_are_complete() -> None:
    reserved, soft = _tables()
    assert {*reserved, *soft} - set(LIBRARY) <= set(special_forms())


def test_errors_are_kinds_and_calls_name_the_function() -> None:
    for name, usage in usages().items():
        assert set(usage.errors) <= set(KINDS), name
        assert all(call.startswith((f"({name} ", f"({name})")) for call in usage.calls), name


ARGUMENTS = ["nil", "3", "-1", '"x("', "[1 0]", "[]", "{:a 1}", ":k", "2.5", "identity", "{:bad inc}"]
PURE = [name for name in usages() if "UnknownCapability" not in usages()[name].errors and name != "read-file"]


@pytest.mark.parametrize(
    "name", [name for name in PURE if not name.startswith("context/") and name != "throw"]
)
def test_no_other_errors_are_raised(name: str) -> None:
    counts = {len(signature.params) + more for signature in signatures(name) for more in (0, 1)}
    calls = [
        f"({name} {' '.join(c)})" for n in counts if n < 3 for c in itertools.product(ARGUMENTS, repeat=n)
    ]
    program = f"[{' '.join(f'(try (do {call} nil) (catch _ e (:type e)))' for call in calls)}]"
    outcome = evaluate(SourceFile("<calls>", program), "evaluator", 0, Limits(deadline_ms=60_000))
    assert outcome.value is not None
    listed = {kebab(kind) for kind in (*usages()[name].errors, "ArityMismatch", "NotCallable")}
    assert set(outcome.value.strip("[]").split()) - {"nil"} <= listed


def kebab(kind: str) -> str:
    return ":" + re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower()


def test_only_the_host_has_no_examples() -> None:
    missing = [name for name, usage in usages().items() if usage.example is None]
    assert all(
        "UnknownCapability" in usages()[n].errors for n in missing if not n.startswith(("context/", "read-"))
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("inc", "1"), ("nth", "2 or 3"), ("+", "1 or more"), ("str", "any number"), ("range", "1 or 2 or 3")],
)
def test_arities(name: str, expected: str) -> None:
    assert arities(name) == expected


def test_a_description() -> None:
    assert describe_name("nth").splitlines() == [
        "nth: library function",
        "  (nth c index)",
        "  (nth c index default)",
        "  Element at an index; out of range is an error, or the default.",
        "  arguments: 2 or 3",
        "  types:     [seq T] int -> T",
        "             [seq T] int D -> T|D",
        "  effects:   none",
        "  errors:    ArityMismatch TypeError IndexOutOfBounds",
        "  example:   (nth [1 2] 5 :none) => :none",
    ]


def test_every_name_has_a_description() -> None:
    for name in known_names():
        text = describe_name(name)
        assert text.startswith(f"{name}: ")
        assert "-> @" not in text


def test_close_names() -> None:
    with pytest.raises(UnknownName, match="did you mean reduce"):
        describe_name("reduces")


def test_exports() -> None:
    compilation = compile_text(
        '(defn area "Of a box.\n   example: (area 2 3) => 6" [w : Int & more : Int] : Int w) (def n : Int 5)'
    )
    assert describe_export(compilation, "area").splitlines() == [
        "area: function",
        "  (area w & more)",
        "  arguments: 1 or more",
        "  types:     :int & :int -> :int",
        "  effects:   none",
        "  Of a box.",
        "  example: (area 2 3) => 6",
    ]
    assert describe_export(compilation, "n").splitlines()[:2] == ["n: value", "  type:      :int"]
    with pytest.raises(UnknownName, match="did you mean area"):
        describe_export(compilation, "aera")
