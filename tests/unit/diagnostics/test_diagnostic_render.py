from __future__ import annotations

import json

from rtfsc.diagnostics import Diagnostic
from rtfsc.diagnostics.render import render
from rtfsc.source import SourceFile, Span


def full(text: str, span: tuple[int, int], **more: object) -> list[str]:
    diagnostic = Diagnostic("S001", "m", Span(*span), **more)  # type: ignore[arg-type]
    return render([diagnostic], SourceFile("a.rtfs", text)).split("\n")


def test_full() -> None:
    assert full("(a\n  (b c))\n", (8, 9), hint="do this", labels=((Span(0, 1), "opened"),)) == [
        "error[S001]: m",
        " --> a.rtfs:2:6",
        "  |",
        "1 | (a",
        "  | - opened",
        "2 |   (b c))",
        "  |      ^",
        "  = hint: do this",
    ]


def test_distant_lines_are_parted_and_numbers_aligned() -> None:
    text = "\n" * 99 + "x\n" + "y"
    lines = full("first" + text, (105 - 1, 105), labels=((Span(0, 5), "here"),))
    assert lines[2:] == ["    |", "  1 | first", "    | ----- here", "    ⋮", "100 | x", "    | ^"]


def test_tabs_and_wide_characters_keep_the_caret_in_place() -> None:
    lines = full('\t"日本" x', (6, 7))
    assert lines[3:] == ['1 |     "日本" x', "  |            ^"]
    assert full("日本", (1, 2))[3:] == ["1 | 日本", "  |   ^^"]


def test_span_over_lines_is_underlined_on_its_first() -> None:
    assert full("(ab\n c)", (0, 7))[3:] == ["1 | (ab", "  | ^^^"]


def test_place_at_the_end_of_the_text_still_has_a_caret() -> None:
    assert full("ab", (2, 2))[3:] == ["1 | ab", "  |   ^"]
    assert full("", (0, 0))[3:] == ["1 |", "  | ^"]


def test_long_line_is_cut_around_the_place() -> None:
    text = "x" * 5000 + "€" + "y" * 5000
    lines = full(text, (5000, 5001))
    assert len(lines[3]) < 200
    assert lines[3][lines[4].index("^")] == "€"
    assert lines[3].startswith("1 | …x") and lines[3].endswith("y…")


def test_source_cannot_send_terminal_commands() -> None:
    diagnostic = Diagnostic("S001", "bad \x1b[31m", Span(0, 1), hint="a\nb")
    text = render([diagnostic], SourceFile("a\x1b.rtfs", "\x1b[2J \u202e x"))
    assert "\x1b" not in text and "\u202e" not in text
    assert text.count("\n") == 5


def test_colour_only_if_asked() -> None:
    source = SourceFile("a.rtfs", "x")
    diagnostic = Diagnostic("S001", "m", Span(0, 1))
    assert "\x1b[" not in render([diagnostic], source)
    assert "\x1b[1;31merror[S001]\x1b[0m" in render([diagnostic], source, colour=True)


def test_concise() -> None:
    source = SourceFile("a.rtfs", "x\ny")
    diagnostics = [
        Diagnostic("S001", "m", Span(2, 3)),
        Diagnostic("S002", "n", Span(0, 1), severity="warning"),
        Diagnostic("IO001", "o", None),
    ]
    assert render(diagnostics, source, "concise", dropped=2).split("\n") == [
        "a.rtfs:2:1: S001 m",
        "a.rtfs:1:1: S002 warning: n",
        "a.rtfs: IO001 o",
        "… and 2 more",
    ]


def test_json_is_one_object_a_line() -> None:
    source = SourceFile("a.rtfs", "x\nyz")
    diagnostic = Diagnostic("S001", 'm "é"', Span(2, 4), ((Span(0, 1), "l"),), "h")
    first, second = render([diagnostic, Diagnostic("IO001", "o", None)], source, "json").split("\n")
    assert json.loads(first) == {
        "code": "S001",
        "severity": "error",
        "message": 'm "é"',
        "file": "a.rtfs",
        "span": [2, 4],
        "line": 2,
        "column": 1,
        "end_line": 2,
        "end_column": 3,
        "labels": [{"message": "l", "span": [0, 1], "line": 1, "column": 1, "end_line": 1, "end_column": 2}],
        "hint": "h",
    }
    assert json.loads(second)["span"] is None


def test_without_source() -> None:
    diagnostic = Diagnostic("IO001", "no such file", None, hint="check the name")
    assert render([diagnostic], None) == "error[IO001]: no such file\n = hint: check the name"
    assert render([diagnostic], None, "concise") == "IO001 no such file"


def test_nothing_to_say() -> None:
    assert render([], None) == render([], None, "json") == render([], None, "concise") == ""
