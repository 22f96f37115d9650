"""Diagnostics as text: ``full`` for people, ``concise`` for editors, ``json`` for programs.

```
error[S003]: Expected ] to close [, found )
 --> area.rtfs:1:10
  |
1 | (let [a 1) a)
  |          ^
  |      - this [ is still open
  = hint: add the missing ] before )
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, NamedTuple

from rtfsc.diagnostics.model import Diagnostic
from rtfsc.source import SourceFile, Span

Style = Literal["full", "concise", "json"]

TAB_WIDTH: Final = 4
MAX_LINE: Final = 160
"""Code points of a source line that are shown; of a longer one, those around the span."""
_BEFORE: Final = 60
_COLOURS: Final = {"error": "1;31", "warning": "1;33", "place": "1;34", "hint": "1;36", "bold": "1"}

Paint = Callable[[str, str], str]


def render(
    diagnostics: Iterable[Diagnostic],
    source: SourceFile | None,
    style: Style = "full",
    *,
    colour: bool = False,
    dropped: int = 0,
) -> str:
    """All diagnostics in one text without a final line end; "" for none.

    ``source`` is the file that the spans are in. ``dropped``: how many more there were (`Sink.dropped`);
    ``json`` does not show it. ``colour`` adds terminal colours to ``full``.
    """
    if style == "json":
        return "\n".join(_json(diagnostic, source) for diagnostic in diagnostics)
    if style == "concise":
        lines = [_concise(diagnostic, source) for diagnostic in diagnostics]
        return "\n".join([*lines, *_more(dropped)])
    paint = _coloured if colour else _plain
    blocks = ["\n".join(_full(diagnostic, source, paint)) for diagnostic in diagnostics]
    return "\n\n".join([*blocks, *_more(dropped)])


def _more(dropped: int) -> list[str]:
    return [f"… and {dropped} more"] if dropped else []


def _concise(diagnostic: Diagnostic, source: SourceFile | None) -> str:
    severity = "" if diagnostic.severity == "error" else f"{diagnostic.severity}: "
    return f"{_place(diagnostic, source)}{diagnostic.code} {severity}{_clean(diagnostic.message)}"


def _place(diagnostic: Diagnostic, source: SourceFile | None) -> str:
    if source is None:
        return ""
    if diagnostic.span is None:
        return f"{_clean(source.name)}: "
    line, column = source.line_column(diagnostic.span.start)
    return f"{_clean(source.name)}:{line}:{column}: "


def _json(diagnostic: Diagnostic, source: SourceFile | None) -> str:
    import json

    record: dict[str, Any] = {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": source.name if source is not None else None,
        **_location(diagnostic.span, source),
        "labels": [{"message": text, **_location(span, source)} for span, text in diagnostic.labels],
        "hint": diagnostic.hint,
    }
    return json.dumps(record, ensure_ascii=False)


def _location(span: Span | None, source: SourceFile | None) -> dict[str, Any]:
    """Offsets and, where the text is at hand, lines and columns (from 1; the end is not included)."""
    if span is None:
        return {"span": None}
    if source is None:
        return {"span": list(span)}
    start, end = source.line_column(span.start), source.line_column(span.end)
    return {
        "span": list(span),
        "line": start[0],
        "column": start[1],
        "end_line": end[0],
        "end_column": end[1],
    }


class _Mark(NamedTuple):
    """One underlined place: ``column`` from 0 in its line, ``text`` what is said beside it."""

    line: int
    column: int
    length: int
    sign: str
    text: str


def _full(diagnostic: Diagnostic, source: SourceFile | None, paint: Paint) -> list[str]:
    severity = diagnostic.severity
    head = paint(severity, f"{severity}[{diagnostic.code}]")
    lines = [head + paint("bold", f": {_clean(diagnostic.message)}")]
    gutter = ""
    if source is not None and diagnostic.span is not None:
        marks = [_mark(source, diagnostic.span, "^", "")]
        marks += [_mark(source, span, "-", text) for span, text in diagnostic.labels]
        gutter = " " * len(str(max(mark.line for mark in marks)))
        lines.append(f"{gutter}{paint('place', '-->')} {_place(diagnostic, source)[:-2]}")
        lines += _excerpt(source, marks, gutter, severity, paint)
    elif source is not None:
        lines.append(f"{paint('place', '-->')} {_clean(source.name)}")
    if diagnostic.hint:
        lines.append(f"{gutter} {paint('place', '=')} {paint('hint', 'hint')}: {_clean(diagnostic.hint)}")
    return lines


def _mark(source: SourceFile, span: Span, sign: str, text: str) -> _Mark:
    """A span over several lines is shown on its first one."""
    line, column = source.line_column(span.start)
    rest = len(source.line_text(line)) - (column - 1)
    return _Mark(line, column - 1, max(1, min(span.end - span.start, rest)), sign, text)


def _excerpt(source: SourceFile, marks: list[_Mark], gutter: str, severity: str, paint: Paint) -> list[str]:
    """The lines that have marks, in order, each with its marks below it, one a row."""
    bar = paint("place", "|")
    lines = [f"{gutter} {bar}"]
    previous = 0
    for number in sorted({mark.line for mark in marks}):
        if previous and number > previous + 1:
            lines.append(f"{gutter} {paint('place', '⋮')}")
        previous = number
        here = [mark for mark in marks if mark.line == number]
        text, offset = _window(source.line_text(number), here[0].column)
        lines.append(f"{paint('place', str(number).rjust(len(gutter)))} {bar} {_shown(text)}".rstrip())
        for mark in here:
            lines.append(f"{gutter} {bar} {_underline(text, mark, offset, severity, paint)}")
    return lines


def _window(text: str, column: int) -> tuple[str, int]:
    """The part of a line that is shown, and how far columns move left in it."""
    if len(text) <= MAX_LINE:
        return text, 0
    start = max(0, min(column - _BEFORE, len(text) - MAX_LINE))
    part = text[start : start + MAX_LINE]
    if start + MAX_LINE < len(text):
        part += "…"
    return (f"…{part}", start - 1) if start else (part, 0)


def _underline(text: str, mark: _Mark, offset: int, severity: str, paint: Paint) -> str:
    column = max(0, min(mark.column - offset, len(text)))
    indent = " " * len(_cells(text[:column]))
    width = max(1, len(_cells(text[column : column + mark.length])))
    kind = severity if mark.sign == "^" else "place"
    label = f" {_clean(mark.text)}" if mark.text else ""
    return indent + paint(kind, mark.sign * width + label)


def _shown(text: str) -> str:
    return _cells(text).replace("\0", "")


def _cells(text: str) -> str:
    """The text with one code point per terminal cell: tabs as blanks, a NUL beside each wide character,
    and nothing that could move the cursor or turn the writing direction."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import combining, east_asian_width

    cells: list[str] = []
    for char in text:
        if char == "\t":
            cells.append(" " * TAB_WIDTH)
        elif not char.isprintable():
            cells.append("�")
        elif combining(char):
            continue  # takes no cell; dropped rather than shown out of place
        else:
            cells.append(char + "\0" if east_asian_width(char) in "WF" else char)
    return "".join(cells)


def _clean(text: str) -> str:
    """Names of files and pieces of source cannot break a line or send the terminal commands."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def _plain(kind: str, text: str) -> str:
    return text


def _coloured(kind: str, text: str) -> str:
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m"
