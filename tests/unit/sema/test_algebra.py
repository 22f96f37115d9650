"""The laws of the type relation, for random types, and its agreement with the checks at run time."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfsc.diagnostics import Sink
from rtfsc.driver import Compilation
from rtfsc.evaluation import evaluate
from rtfsc.ir import types as T
from rtfsc.sema.algebra import Type, consistent, join, meet, subtype
from rtfsc.sema.algebra.convert import from_data, refined
from rtfsc.sema.algebra.model import (
    ANY,
    NEVER,
    Field,
    Lit,
    function,
    items,
    literal,
    map_of,
    of_kinds,
    record,
    sequence,
)
from rtfsc.sema.algebra.relations import widened
from rtfsc.sema.check.checker import check_types
from rtfsc.source import SourceFile
from rtfsc.syntax.reader import read
from runtime.values.limits import Limits

KINDS = [T.NIL, T.BOOL, T.INT, T.FLOAT, T.NUM, T.STR, T.KW, T.VEC, T.LIST, T.MAP, T.FN, T.ANY, T.NEVER]
LITERALS = [
    (T.INT, 0), (T.INT, 3), (T.INT, 7), (T.FLOAT, 3.0), (T.FLOAT, 0.5), (T.STR, ""), (T.STR, "ab"),
    (T.KW, "a"), (T.KW, "b"), (T.BOOL, True), (T.BOOL, False), (T.NIL, None),
]  # fmt: skip
KEYS = [Lit(T.KW, "a"), Lit(T.KW, "b"), Lit(T.STR, "c"), Lit(T.INT, 1)]
REFINEMENTS = [
    (">", [1]), (">=", [3]), ("<", [5]), ("<=", [3.5]), ("in-range", [0, 4]), ("=", [Lit(T.INT, 3)]),
    ("!=", [Lit(T.INT, 3)]), ("!=", [Lit(T.NIL, None)]), ("min-length", [1]), ("max-length", [1]),
    ("count", [2]), ("min-count", [1]), ("non-empty", []), ("has-key", [Lit(T.KW, "a")]),
    ("required-keys", [[Lit(T.KW, "a"), Lit(T.KW, "b")]]), ("is-url", []),
]  # fmt: skip


@st.composite
def types(draw: st.DrawFn, depth: int = 3) -> Type:
    how = draw(st.integers(0, 10)) if depth else draw(st.integers(0, 1))
    if how == 0:
        return of_kinds(draw(st.sampled_from(KINDS)))
    if how == 1:
        return literal(*draw(st.sampled_from(LITERALS)))
    inner = types(depth - 1)
    if how == 2:
        return items(
            draw(inner), draw(st.sampled_from([None, None, 0, 2, 20])), draw(st.sampled_from(SEQUENCES))
        )
    if how == 3:
        return sequence(tuple(draw(st.lists(inner, max_size=3))))
    if how == 4:
        keys = draw(st.lists(st.sampled_from(KEYS[:2]), unique=True))
        return record([Field(key, draw(inner), draw(st.booleans())) for key in keys])
    if how == 5:
        keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
        return record([Field(key, draw(inner), True) for key in keys], closed=True)
    if how == 6:
        return map_of(draw(inner), draw(inner))
    if how == 7:
        return function(draw(st.lists(inner, max_size=2)), draw(st.none() | inner), draw(inner))
    if how == 8:
        return refined(draw(inner), *draw(st.sampled_from(REFINEMENTS)))
    return (join if how == 9 else meet)(draw(inner), draw(inner))


TYPES = types()
SEQUENCES = [T.VEC, T.LIST]
many = settings(max_examples=400, deadline=None)


@many
@given(TYPES)
def test_reflexive_and_bounded(a: Type) -> None:
    assert subtype(a, a)
    assert subtype(NEVER, a) and subtype(a, ANY)
    assert join(a, a) == a and meet(a, a) == a
    assert join(a, NEVER) == a and meet(a, ANY) == a
    assert join(a, ANY) == ANY and meet(a, NEVER) == NEVER
    assert subtype(a, widened(a, 1))


@many
@given(TYPES, TYPES, TYPES)
def test_transitive(a: Type, b: Type, c: Type) -> None:
    for x, y, z in ((a, b, c), (meet(a, b), a, join(a, c)), (meet(a, b), b, join(b, c))):
        if subtype(x, y) and subtype(y, z):
            assert subtype(x, z)


@many
@given(TYPES, TYPES)
def test_join_is_an_upper_bound_and_meet_a_lower_one(a: Type, b: Type) -> None:
    above, below = join(a, b), meet(a, b)
    assert subtype(a, above) and subtype(b, above)
    assert subtype(below, a) and subtype(below, b)
    assert above == join(b, a)
    assert subtype(below, meet(b, a)) and subtype(meet(b, a), below)
    assert subtype(a, b) == (subtype(above, b) and subtype(b, above))
    if subtype(a, b):
        assert subtype(a, below)


@many
@given(TYPES, TYPES, TYPES)
def test_join_is_the_least_and_meet_the_greatest(a: Type, b: Type, c: Type) -> None:
    if subtype(a, c) and subtype(b, c):
        assert subtype(join(a, b), c)
    for d in (c, meet(meet(a, b), c)):
        if subtype(d, a) and subtype(d, b):
            assert subtype(d, meet(a, b))
    assert join(join(a, b), c) == join(a, join(b, c))


@many
@given(TYPES, TYPES)
def test_absorption_and_consistency(a: Type, b: Type) -> None:
    assert subtype(join(a, meet(a, b)), a)
    assert subtype(a, meet(a, join(a, b)))
    assert consistent(a, b) == consistent(b, a) == (meet(a, b) != NEVER)
    if a != NEVER:
        assert consistent(a, ANY) and (not subtype(a, b) or consistent(a, b))


@many
@given(TYPES, TYPES, TYPES)
def test_functions_are_contravariant_in_parameters_and_covariant_in_results(
    a: Type, b: Type, c: Type
) -> None:
    if subtype(a, b):
        assert subtype(function([b], None, a), function([a], None, b))
        assert subtype(function([], b, c), function([], a, c))
        assert subtype(items(a), items(b)) and subtype(map_of(a, a), map_of(b, b))
        assert subtype(sequence((a, c)), sequence((b, c)))
    assert not subtype(function([a], None, c), function([a, a], None, c))
    assert not subtype(function([a], None, c), function([a], b, c))


DECLARED = [
    "Int", "Float", "String", "Int?", "Nil", "Bool", "Keyword", "Symbol", "Any", "Never",
    "[:vector Int]", "[:vector Any]", "[:vector [:union Int String]]", "[:tuple Int String]", "[:tuple]",
    "[:array Int [2]]", "[:array Any [? 2]]", "[:map [:a Int]]", "[:map [:a Int ?]]",
    "[:map {:a Int :b Any ?}]",
    "[:map-of Keyword Int]", "[:map-of String Any]", "[:map]", "[:enum :a 1 nil true]", "[:val 1.0]",
    "[:union Int String]", "[:and Int [:> 0]]", "[:and Float [:<= 1] [:!= 0]]", "[:and Float [:= 1]]",
    "[:and Any [:!= 1]]", "[:and Any [:!= nil]]", "[:and String [:min-length 2]]",
    "[:and String [:length 2]]",
    "[:and String [:non-empty]]", "[:and String [:is-url]]", "[:and [:vector Any] [:count 2]]",
    "[:and Any [:min-count 1]]", "[:and [:map] [:has-key :a]]", "[:and Any [:required-keys [:a :b]]]",
    "[:and [:map [:a Int]] [:map-of Keyword Any]]", "[:and Int [:in-range 0 1]]", "[:fn [Int] Int]",
    "[:union [:vector Int] [:map [:a [:vector Int]]]]", "[:resource :File]", "[:and Int String]",
]  # fmt: skip
VALUES = [
    "1", "0", "-1", "1.0", "0.5", "##Inf", '""', '"a"', '"é"', '"http://x"', ":a", "'s", "nil",
    "true", "false",
    "[]", "[1]", '[1 "a"]', "[1 2]", "'(1 2)", "{}", "{:a 1}", '{"a" 1}', "{:a 1 :b 2}", '{:a "x"}',
    "{:a nil}",
    "{3 1}", "{:a [1]}", "[[1]]",
]  # fmt: skip


def declared_types() -> list[Type]:
    source = "".join(f"(def x{i} : {text} nil)\n" for i, text in enumerate(DECLARED))
    compilation = Compilation(SourceFile("<test>", source))
    compilation.check()
    return [from_data(node.type.data) for node in compilation.ast.body]


def value_types() -> list[Type]:
    compilation = Compilation(SourceFile("<test>", "\n".join(VALUES)))
    compilation.check()
    checker = check_types(compilation.ast, Sink())
    return [checker.visit(node) for node in compilation.ast.body]


@pytest.fixture(scope="module")
def conforming() -> list[bool]:
    """Whether each value conforms to each declared type, in order, when the program runs."""
    tests = " ".join(
        f"(try (do (let [x : {declared} {value}] x) true) (catch TypeValidationError e false))"
        for declared, value in product(DECLARED, VALUES)
    )
    result = evaluate(SourceFile("<test>", f"[{tests}]"), "evaluator", 0, Limits(deadline_ms=60_000))
    assert result.error is None, result.error
    return [item.value for item in read(SourceFile("<value>", result.value or ""), Sink())[0].items]


def test_single_values_conform_as_they_do_when_the_program_runs(conforming: list[bool]) -> None:
    pairs = list(
        product(zip(DECLARED, declared_types(), strict=True), zip(VALUES, value_types(), strict=True))
    )
    assert len(pairs) == len(conforming)
    for ((text, declared), (value, t)), conforms in zip(pairs, conforming, strict=True):
        assert subtype(t, declared) == conforms, f"{value} : {text} ({t} of {declared})"
        assert consistent(t, declared) == conforms, f"{value} : {text} ({t} of {declared})"


def test_subtypes_hold_when_the_program_runs(conforming: list[bool]) -> None:
    """What is below another type has no value that the other has not; what is disjoint, none in common."""
    types, n = declared_types(), len(VALUES)
    members = [{i for i in range(n) if conforming[at * n + i]} for at in range(len(types))]
    for (a, a_has, a_text), (b, b_has, b_text) in product(
        zip(types, members, DECLARED, strict=True), repeat=2
    ):
        if subtype(a, b):
            assert a_has <= b_has, f"{a_text} is below {b_text}"
        if not consistent(a, b):
            assert not a_has & b_has, f"{a_text} and {b_text} are disjoint"
        both, either = meet(a, b), join(a, b)
        for i, t in enumerate(value_types()):
            assert subtype(t, both) == (i in a_has and i in b_has), f"{VALUES[i]} : {a_text} and {b_text}"
            assert subtype(t, either) == (i in a_has or i in b_has), f"{VALUES[i]} : {a_text} or {b_text}"
