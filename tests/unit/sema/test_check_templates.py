"""What the checker knows of templates."""

from __future__ import annotations

import pytest

from rtfsc.driver import compile_text


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("(defn f [x] (+ 1 `[~x]))", ["N003"]),
        ("(defn f [x] (+ 1 `(a ~@x)))", ["N003"]),
        ("(defn f [x] (+ 1 `{:k ~x}))", ["N003"]),
        ("(defn f [x] `(a ~(+ 1 :k)))", ["N003"]),
        ("(defn f [x] `(a ~@(+ 1 :k)))", ["N003"]),
        ("(defn f [x] (first `(a ~x)))", []),
        ("(defn f [x] (+ 1 (first `[~(inc x)])))", []),
        ("(def t `(a ~(+ 1 2))) (count t)", []),
    ],
)
def test_templates_have_the_kind_of_their_brackets(text: str, codes: list[str]) -> None:
    compilation = compile_text(text)
    compilation.check()
    assert [d.code for d in compilation.sink.diagnostics] == codes
