"""Malformed text: code, place and recovery."""

from __future__ import annotations

import pytest

from rtfsc.diagnostics import Diagnostic, Sink
from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Form
from rtfsc.syntax.printer import print_form
from rtfsc.syntax.reader import read


def errors(text: str) -> tuple[list[Form], list[Diagnostic]]:
    sink = Sink()
    return read(SourceFile("<test>", text), sink), sink.diagnostics


def found(text: str) -> list[tuple[str, str]]:
    """Code and text under the span of each error."""
    return [(d.code, text[d.span.start : d.span.end]) for d in errors(text)[1] if d.span is not None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(def x €)", [("S001", "€")]),
        ("a \\b", [("S001", "\\")]),
        ("#{1 2}", [("S001", "#")]),
        ("##Foo", [("S001", "##Foo")]),
        ("naïve", [("S001", "ï")]),
        ("a\u00a0b", [("S001", "\u00a0")]),
        ("a\fb", [("S001", "\f")]),
        ("a\x00b", [("S001", "\x00")]),
        ("(f", [("S002", "(")]),
        ("(f [1 {:a", [("S002", "{"), ]),
        ("#(f", [("S002", "#(")]),
        ("(f 'a", [("S002", "(")]),
        ("(f 1]", [("S003", "]")]),
        ("[1)", [("S003", ")")]),
        ("(f [1 2) 3", [("S003", ")")]),
        (")", [("S004", ")")]),
        ("a ] b }", [("S004", "]"), ("S004", "}")]),
        ('"abc', [("S005", '"')]),
        ('"abc\\', [("S005", '"')]),
        (r'"\q"', [("S006", r"\q")]),
        (r'"\u0041 \x"', [("S006", r"\u"), ("S006", r"\x")]),
        ("#| a", [("S007", "#|")]),
        ("#|", [("S007", "#|")]),
        ("#|#", [("S007", "#|")]),
        ("0x10", [("S008", "0x10")]),
        ("12abc 1e5 1_000", [("S008", "12abc"), ("S008", "1e5"), ("S008", "1_000")]),
        ("22/7 1. .5 1.5e", [("S008", "22/7"), ("S008", "1."), ("S008", ".5"), ("S008", "1.5e")]),
        ("5N 1.2.3", [("S008", "5N"), ("S008", "1.2.3")]),
        ("+5a -5x", [("S008", "+5a"), ("S008", "-5x")]),
        ("2025-07-01T12:30:00.250Z", [("S008", "2025-07-01T12:30:00.250Z")]),
        ("2025-07-01", [("S008", "2025-07-01")]),
        ("123e4567-e89b-12d3-a456-42661417400", [("S008", "123e4567-e89b-12d3-a456-42661417400")]),
        ("9223372036854775808", [("S009", "9223372036854775808")]),
        ("-9223372036854775809", [("S009", "-9223372036854775809")]),
        ("1" * 5000, [("S009", "1" * 5000)]),
        ("{:a}", [("S010", ":a")]),
        ("{:a 1 :b}", [("S010", ":b")]),
        ("{[1] 2}", [("S011", "[1]")]),
        ("{1.5 2 nil 3 true 4 {} 5 (f) 6}", [("S011", s) for s in ["1.5", "nil", "true", "{}", "(f)"]]),
        ("'", [("S012", "'")]),
        ("(f ~@)", [("S012", "~@")]),
        ("^{:a 1}", [("S012", "^")]),
        ("[^:delegation :local]", [("S012", "^:delegation")]),
        (":", []),
        ("::x :1", [("S014", "::x"), ("S014", ":1")]),
        ("^5 x", [("S015", "5")]),
        ("^", [("S012", "^")]),
        ("(^:delegation [)", [("S012", "^:delegation"), ("S015", "[)"), ("S003", ")")]),
        ("(^) @", [("S012", "^"), ("S012", "@")]),
        ("@0x1 ^0x1 a", [("S008", "0x1"), ("S008", "0x1")]),
        ("(f ^:delegation :remote)", [("S012", "^:delegation")]),
        ("^:delegation :near x", [("S015", ":near")]),
        ('^:delegation :local "m" x', [("S015", ':local "m"')]),
        ("@(f) @5", [("S016", "(f)"), ("S016", "5")]),
    ],
)  # fmt: skip
def test_code_and_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_mismatch_names_both_brackets_and_points_at_the_opener() -> None:
    (error,) = errors("(let [a 1) a)")[1]
    assert error.message == "Expected ] to close [, found )"
    assert [tuple(span) for span, _ in error.labels] == [(5, 6), (0, 1)]
    assert error.hint == "add the missing ] before )"


def test_mismatch_is_repaired() -> None:
    forms, _ = errors("(f [1 2) (g)")
    assert [print_form(form) for form in forms] == ["(f [1 2])", "(g)"]


def test_unclosed_form_ends_where_the_next_one_starts_at_the_margin() -> None:
    text = "(def a 1)\n(defn f [x]\n  (g x)\n\n(def b 2)\n(def c 3)\n"
    forms, (error,) = errors(text)
    assert error.code == "S002" and error.span is not None
    assert error.span.start == text.index("(defn")
    assert error.labels[0][0].start == text.index("(def b")
    assert error.hint == "add ) at the end of line 3, or where the form should end"
    assert [print_form(form) for form in forms] == ["(def a 1)", "(def b 2)", "(def c 3)"]


def test_each_unclosed_form_is_reported() -> None:
    text = "(a (b\n(c)\n(d [\n(e)\n(f"
    assert found(text) == [("S002", "("), ("S002", "["), ("S002", "(")]
    assert [print_form(form) for form in errors(text)[0]] == ["(c)", "(e)"]


def test_prefix_may_stand_on_a_line_of_its_own() -> None:
    assert errors('\'\n(a)\n^{:doc "d"}\n(defn f [] 1)\n')[1] == []
    assert found("(a\n'\n(b)\n'\n(c)") == [("S002", "(")]


def test_brackets_at_the_margin_of_a_balanced_text_are_fine() -> None:
    assert errors("(do\n(f)\n[1]\n)")[1] == []


def test_one_extra_closer_after_a_mismatch_is_no_second_error() -> None:
    assert found("(let [a 1) a)\n(b))") == [("S003", ")"), ("S004", ")")]


def test_swallowed_bracket_is_explained() -> None:
    (error,) = errors("(f resource://host/path)")[1]
    assert error.hint == (
        "a resource handle runs to the next blank: put one between resource://host/path and the bracket"
    )


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("{a: 1 b: 2}", "S014", "no colon stands between a key and its value: write {:a value}"),
        ('{"a": 1, "b": 2}', "S014", 'no colon stands between a key and its value: write {"key" value}'),
        ("(def x 'abc')", "S012", "a ' quotes the form after it; strings are written with double quotes"),
        ("(def x ')", "S012", "remove it, or write the form that it applies to directly after it"),
        ("#{1}", "S001", "there are no set literals: use a vector or a map"),
        ("\u201ca\u201d", "S001", 'strings are written with straight quotes: "text"'),
        (r'"\d+"', "S006", r"in a pattern, write the backslash twice: \\d"),
        ("0xff", "S008", "integers are written in decimal"),
        ("1e5", "S008", "an exponent needs a point before it: 1.0e5"),
        ("22/7", "S008", "there are no ratios: divide with (/ 22 7)"),
        ("1_000", "S008", "write it without _: 1000"),
        (".5", "S008", "a float has digits on both sides of the point: 0.5"),
        ("5.", "S008", "a float has digits on both sides of the point: 5.0"),
        ("10N", "S008", "numbers have no suffix: 10"),
        ("1+2", "S008", "operators come first, in parentheses: (+ 1 2)"),
        ("::k", "S014", "write :k"),
    ],
)
def test_hint(text: str, code: str, hint: str) -> None:
    first = errors(text)[1][0]
    assert (first.code, first.hint) == (code, hint)


def test_unterminated_string_points_at_the_string_that_swallowed_a_line() -> None:
    text = '(f "fine" ; "\n)\n(g "oops)\n(h "x") (i "y")\n'
    (error,) = errors(text)[1]
    assert error.code == "S005"
    assert [text[span.start :][:5] for span, _ in error.labels] == ['"oops']


def test_several_errors_in_one_run() -> None:
    assert [code for code, _ in found('(f 0x1) (g "\\q") {:a} [1 2) :1')] == [
        "S008",
        "S006",
        "S010",
        "S003",
        "S014",
    ]


def test_reading_stops_at_the_limit_of_errors() -> None:
    sink = Sink(limit=5)
    read(SourceFile("<test>", "€" * 100_000), sink)
    assert len(sink.diagnostics) == 5


@pytest.mark.parametrize(
    "opener", ["(", "[", "{", "#(", "'", "`", "~", "~@", "^", "@", "^:delegation ", "[(", "a ("]
)
@pytest.mark.parametrize("count", [501, 10_000, 100_000])
def test_deep_nesting_is_an_error_with_a_place(opener: str, count: int) -> None:
    forms, diagnostics = errors(opener * count)
    assert [d.code for d in diagnostics] == ["S013"]
    assert diagnostics[0].span is not None and diagnostics[0].span.start <= 501 * len(opener)
    assert all(print_form(form) == "a" for form in forms)


@pytest.mark.parametrize("count", [501, 10_000, 100_000])
def test_reading_goes_on_after_deep_nesting(count: int) -> None:
    forms, diagnostics = errors("(a) " + "(" * count + ")" * count + " (b) €")
    assert [d.code for d in diagnostics] == ["S013", "S001"]
    assert [print_form(form) for form in forms] == ["(a)", "(b)"]


@pytest.mark.parametrize(
    "text",
    [
        '"\\q' * 50_000,
        "#|" * 100_000,
        '"' * 99_999,
        "(" * 600 + "#|" * 100_000,
        "(\n" * 100_000,
        "(a\n" * 50_000,
        "1x " * 50_000,
    ],
)  # fmt: skip
def test_pathological_text_ends(text: str) -> None:
    assert errors(text)[1] != []
