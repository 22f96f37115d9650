"""What a domain holds, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.solving.domain import Arguments, domain_of
from runtime.values import Keyword, List

K = Keyword
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(("seen", "inside", "outside"), [
    ([1, 5], [1, 3, 5], [0, 6, 3.0, True, None, "3"]),
    ([0.5, 2.5], [0.5, 1.0, 2.5], [0.4, 2.6, 1, NAN, INF]),
    ([1.0, NAN], [1.0, NAN], [0.9, 2.0]),
    ([NAN], [NAN], [0.0]),
    ([True], [True], [False, 1]),
    ([None, 3], [None, 3], [4, False]),
    ([K("a"), K("b")], [K("a")], [K("c"), "a"]),
    (["abc", "a1"], ["ab", "b2c", "123"], ["a", "abcd", "a b", "a-b", "äb"]),
    (["a-b", "a b"], ["- -", "x y"], ["a_b", "a1b"]),
    ([""], [""], ["a"]),
    ([[1, 2], [9]], [[5], [9, 1]], [[], [1, 2, 3], [10], [1.0], List([1])]),
    ([[]], [[]], [[1]]),
    ([List([1])], [List([1])], [[1]]),
    ([[[1], [2, 3]]], [[[3], [1]]], [[[4], [1]], [[1, 2, 3], [1]]]),
    ([{K("a"): 1, K("b"): "x"}, {K("a"): 5}], [{K("a"): 3}, {K("b"): "y", K("a"): 2}],
     [{}, {K("a"): 6}, {K("b"): "x"}, {K("a"): 1, K("b"): "xx"}, {K("a"): 1, K("c"): 1}, {"a": 1}]),
])  # fmt: skip
def test_what_is_like_what_was_seen(seen: list[Any], inside: list[Any], outside: list[Any]) -> None:
    domain = domain_of(seen)
    for value in [*seen, *inside]:
        assert domain.holds(value), value
    for value in outside:
        assert not domain.holds(value), value
    assert domain.describe()


def test_calls_have_as_many_arguments_as_one_that_was_seen() -> None:
    domain = Arguments([(1, "a"), (2, "b", 3)])
    assert domain.holds([1, "b"]) and domain.holds([2, "a", 3])
    assert not domain.holds([1]) and not domain.holds([1, "a", 3, 4]) and not domain.holds([3, "a"])
    assert domain.describe() == ["int 1 to 2", "text of 1 to 1 characters (a-z)", "int 3 to 3"]


def test_a_function_without_parameters_has_one_call() -> None:
    assert Arguments([()]).holds([]) and not Arguments([()]).holds([1])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6))
def test_every_call_that_was_seen_is_inside(calls: list[tuple[Any, ...]]) -> None:
    domain = Arguments(calls)
    assert all(domain.holds(call) for call in calls)
