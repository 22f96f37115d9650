"""What was typed, taken apart."""

from __future__ import annotations

import pytest

from rtfsc.diagnostics import DiagnosticError
from rtfsc.repl.entries import Piece, is_complete, pieces
from rtfsc.repl.session import Session
from rtfsc.repl.terminal import Completer
from rtfsc.source import SourceFile
from runtime.values.errors import RtfsError
from runtime.values.limits import Limits


@pytest.mark.parametrize("text", ["", "1", "(f)", "(f) ; (", '"("', "(f]", ")", "#| ( |#", "(f [a)]", "'x"])
def test_complete(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize("text", ["(", "(f [1", '"a', "#| x", "'", "(f '", "(f) (g", "^:a", "{:a", "#(f %"])
def test_open_ended(text: str) -> None:
    assert not is_complete(text)


def test_pieces() -> None:
    text = "(def a 1) (defn f [] 2)\n(f) ^{:a 1} (def ^:b c 3) (do 1 (def d 2)) (do 1 2) (import x) (def)"
    assert pieces(SourceFile("<test>", text)) == [
        Piece("(def a 1)", "a", "def"),
        Piece("(defn f [] 2)", "f", "defn"),
        Piece("(f)", None),
        Piece("^{:a 1} (def ^:b c 3)", "c", "def"),
        Piece("1", None),
        Piece("(def d 2)", "d", "def"),
        Piece("(do 1 2)", None),
        Piece("(import x)", "import x", "import"),
        Piece("(def)", None),
    ]
    with pytest.raises(DiagnosticError):
        pieces(SourceFile("<test>", "(f"))


def enter(session: Session, text: str) -> list[str]:
    return [session.evaluate(piece).value for piece in session.pieces(text)]


@pytest.fixture(params=["evaluator", "wasm"])
def session(request: pytest.FixtureRequest) -> Session:
    return Session(request.param, 1, Limits())


def test_values_of_data_are_kept_as_data(session: Session) -> None:
    enter(session, '(def a (map inc [1 2])) (def f (comp inc inc)) (def q \'(x [1] {:k "s\\n"}))')
    texts = {definition.name: definition.text for definition in session.definitions}
    assert texts["a"] == "(def a '[2 3] )"
    assert texts["f"] == "(def f (comp inc inc))"
    assert enter(session, "a (f 1) q (count q)") == ["[2 3]", "3", '(x [1] {:k "s\\n"})', "3"]


@pytest.mark.parametrize(
    "value",
    [
        "resource://a/b",
        "[resource://a ]",
        "##Inf",
        "##NaN",
        "1.0e300",
        "2026-01-31T08:00:00_250Z",
        '"\\\\\\""',
        "{}",
        "()",
    ],
)
def test_every_kind_of_data(session: Session, value: str) -> None:
    (printed,) = enter(session, f"(def x {value} )")
    assert enter(session, "x") == [printed]


def test_errors_leave_all_as_it_was(session: Session) -> None:
    enter(session, "(def a 1)")
    before = list(session.definitions)
    with pytest.raises(RtfsError) as caught:
        enter(session, "(def a (/ 1 0))")
    start, end = caught.value.span
    assert caught.value.source.text[start:end] == "(/ 1 0)"
    with pytest.raises(DiagnosticError):
        enter(session, "(defn a [])")
    assert session.definitions == before


def test_completion(session: Session) -> None:
    enter(session, "(defn my-function [] 1)")
    completer = Completer(session)
    assert completer.matches("my-") == ["my-function"]
    assert completer.matches(":e") == [":engine"]
    assert completer.matches("string-u") == ["string-upper"]
    assert "defmacro" in completer.matches("def")
    assert completer.matches("") == []
    assert [completer("string-l", n) for n in range(3)] == ["string-length", "string-lower", None]
