"""``is`` and ``deftest`` as expressions."""

from __future__ import annotations

import pytest

import rtfsc


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
class TestIs:
    def test_yields_true(self, engine: str) -> None:
        module = rtfsc.compile("(def a (is (= 1 1))) (def b (is 5))", engine=engine)
        assert (module.a, module.b) == (True, True)

    def test_throws_what_was_compared(self, engine: str) -> None:
        module = rtfsc.compile("(defn f [a b] (is (= a b) (str a)))", engine=engine)
        with pytest.raises(rtfsc.RtfsError) as caught:
            module.f(1, [2])
        assert caught.value.type.name == "test-failed"
        assert caught.value.message == "1"
        assert {key.name: value for key, value in caught.value.data.items()} == {"expected": 1, "actual": [2]}
        assert caught.value.span == (14, 34)

    def test_names_do_not_leak(self, engine: str) -> None:
        text = "(defn f [expected actual] (is (= (+ expected 1) (- actual 1)))) (def r (f 1 3))"
        assert rtfsc.compile(text, engine=engine).r is True

    def test_arguments_are_evaluated_once_in_order(self, engine: str) -> None:
        text = '(defn f [] (is (= (throw "first") (throw "second"))))'
        with pytest.raises(rtfsc.RtfsError, match="first"):
            rtfsc.compile(text, engine=engine).f()

    def test_a_program_may_define_it(self, engine: str) -> None:
        assert rtfsc.compile("(defn is [a b c] (+ a b c)) (def r (is 1 2 3))", engine=engine).r == 6


@pytest.mark.parametrize(
    "text", ["(is)", "(is 1 2 3)", "(deftest)", "(deftest 5)", '(deftest "a" 1)', "(defn f [] (deftest a 1))"]
)
def test_malformed(text: str) -> None:
    with pytest.raises(rtfsc.DiagnosticError) as caught:
        rtfsc.compile(text)
    assert caught.value.code == "F001"
