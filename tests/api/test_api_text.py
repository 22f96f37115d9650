"""Patterns and JSON in modules: many calls on one instance, calls within calls, deadlines."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deadlines import in_time

import rtfsc

Compile = Callable[..., rtfsc.Module]

SOURCE = r"""
(def known (re-find "k[a-z]+" "a known one"))
(defn words [s] (re-seq "\\w+" s))
(defn matches [p s] (re-matches p s))
(defn through [f s] [(words s) (f s) (words s)])
(defn round-trip [s] (serialize-json (parse-json s)))
(defn search [n] (re-find "(?:a?){1000}(?:a?){1000}b" (join "" (map (fn [i] "a") (range n)))))
(defn inside [n] (let [s (join "" (map (fn [i] "ab") (range n)))] (contains? s (str (substring s 0 n) "c"))))
(defn zip-code [s : [:and String [:matches-regex "^[0-9]{5}$"]]] s)
"""


def test_patterns_on_an_instance_that_is_called_again_and_again(compile: Compile) -> None:
    module = compile(SOURCE)
    assert module.known == "known"
    for n in range(300):
        text = f"call {n} of many"
        assert module.words(text) == text.split()
        assert module.matches(f"^call {n % 20} ", text) == (n < 20)
        assert module.matches("k[a-z]+", text + " k0 known") is True
        assert module.round_trip(f'{{"n{n}": [{n}, "x"]}}') == f'{{"n{n}":[{n},"x"]}}'


def test_a_callback_that_compiles_patterns_of_its_own(compile: Compile) -> None:
    module = compile(SOURCE)

    def callback(text: str) -> list[bool]:
        return [module.matches(f"{letter}{{{n}}}", text) for letter in "abc" for n in range(1, 9)]

    for _ in range(20):
        first, inner, again = module.through(rtfsc.HostFunction(callback), "aaa bb c")
        assert first == again == ["aaa", "bb", "c"]
        assert inner == [True] * 3 + [False] * 5 + [True] * 2 + [False] * 6 + [True] + [False] * 7


def test_refinement_by_a_pattern(compile: Compile) -> None:
    module = compile(SOURCE)
    assert module.zip_code("12345") == "12345"
    with pytest.raises(rtfsc.RtfsError, match="Type mismatch at value") as caught:
        module.zip_code("1234")
    assert caught.value.kind == "TypeValidationError"


@pytest.mark.parametrize("name", ["search", "inside"])
def test_long_operations_end_at_the_deadline(compile: Compile, name: str) -> None:
    module = compile(SOURCE, limits=rtfsc.Limits(deadline_ms=500))
    with pytest.raises(rtfsc.DeadlineExceeded):
        module[name](1_000_000)
    assert in_time(module.words, "still here") == ["still", "here"]
