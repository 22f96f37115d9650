"""What is said where the text matches no token: from most to least specific guess."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile, Span

_NAME: Final = r"A-Za-z0-9_$+\-*/=<>!?%.@"
_NUMBER: Final = re.compile(rf"[+-]?\.?[0-9](?:(?<=[eE])[+-]|[{_NAME}])*")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:T[0-9:._+\-]*Z?)?")
_UUID: Final = re.compile(r"[0-9A-Fa-f]+-[0-9A-Fa-f]+-[0-9A-Fa-f]+-[0-9A-Fa-f]+-[0-9A-Fa-f]+")
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\[\s\S][^"\\]*+)*+"')
_STRINGS: Final = re.compile(r';[^\n]*|#\|[\s\S]*?\|#|("[^"\\]*+(?:\\[\s\S][^"\\]*+)*+")')
_ESCAPE: Final = re.compile(r"\\([\s\S])")
_KEYWORD: Final = re.compile(rf":+[{_NAME}:]*")
_WORD_LEFT: Final = re.compile(rf"[{_NAME}]*\Z")
_HASH: Final = {
    "#{": "there are no set literals: use a vector or a map",
    "#_": "comment forms out with ; or #| … |#",
    '#"': 'there are no regex literals: patterns are plain strings, "[0-9]+"',
    "#'": "there are no vars: a function is passed by its name",
    "##": "the special floats are ##Inf, ##-Inf and ##NaN",
}
_QUOTES: Final = "\u201c\u201d\u201e\u201f\u00ab\u00bb"

Outcome = tuple[int | None, bool]
"""Where reading goes on (None: nowhere), and whether what was skipped stood for a form."""


def report(source: SourceFile, sink: Sink, start: int) -> Outcome:
    """Adds the error for the character at ``start`` and says how to go on."""
    text = source.text
    char = text[start]
    rule = _RULES.get(char)
    if rule is not None:
        return rule(text, sink, start)
    if char.isascii() and (char.isdigit() or char in "+-."):
        return _number(text, sink, start)
    if char == ":":
        return _keyword(text, sink, start)
    if char.isalpha():
        return _foreign_name(text, sink, start)
    return _character(text, sink, start)


def _number(text: str, sink: Sink, start: int) -> Outcome:
    literal = _DATE.match(text, start)
    message = "Malformed timestamp"
    hint = "a timestamp is 2025-07-01T12:30:00Z, or with milliseconds 2025-07-01T12:30:00_250Z"
    if literal is None:
        literal = _UUID.match(text, start)
        message = "Malformed uuid"
        hint = "a uuid has groups of 8, 4, 4, 4 and 12 hexadecimal digits"
    match = literal or _NUMBER.match(text, start)
    if match is None:
        return _character(text, sink, start)
    if literal is None:
        message, hint = "Malformed number", _number_hint(match[0])
    spelling = match[0] if len(match[0]) <= 40 else f"{match[0][:40]}…"
    sink.error("S008", f"{message} {spelling}", Span(start, match.end()), hint=hint)
    return match.end(), True


def _number_hint(spelling: str) -> str:
    body = spelling.lstrip("+-").lower()
    if re.match(r"0[xbo]", body):
        return "integers are written in decimal"
    if re.fullmatch(r"[0-9]+e[+-]?[0-9]+", body):
        mantissa, exponent = body.split("e")
        return f"an exponent needs a point before it: {mantissa}.0e{exponent}"
    if re.fullmatch(r"[0-9]+/[0-9]+", body):
        above, below = body.split("/")
        return f"there are no ratios: divide with (/ {above} {below})"
    if re.fullmatch(r"[0-9_]+", body):
        return f"write it without _: {body.replace('_', '')}"
    if re.fullmatch(r"[0-9]+\.", body):
        return f"a float has digits on both sides of the point: {body}0"
    if re.fullmatch(r"\.[0-9]+", body):
        return f"a float has digits on both sides of the point: 0{body}"
    if re.fullmatch(r"[0-9.]+[nmlf]", body):
        return f"numbers have no suffix: {body[:-1]}"
    if re.match(r"[0-9.]+[-+*/]", body):
        return "operators come first, in parentheses: (+ 1 2)"
    return "put a blank after the number; a name cannot start with a digit"


def _string(text: str, sink: Sink, start: int) -> Outcome:
    match = _STRING.match(text, start)
    if match is None:
        return _unterminated_string(text, sink, start)
    for escape in _ESCAPE.finditer(text, start, match.end()):
        if escape[1] not in 'ntr\\"':
            sink.error(
                "S006",
                f"Unknown escape \\{escape[1] if escape[1].isprintable() else ''} in a string",
                Span(*escape.span()),
                hint=_escape_hint(escape[1]),
            )
    return match.end(), True


def _escape_hint(char: str) -> str:
    if char in "ux0123456789":
        return "write the character itself: source text is UTF-8"
    if char in "dwsDWSbB.*+?()[]{}|^$":
        return f"in a pattern, write the backslash twice: \\\\{char}"
    return r"strings know \n \t \r \\ and \"; a backslash itself is \\"


def _unterminated_string(text: str, sink: Sink, start: int) -> Outcome:
    """A missing quote turns strings inside out up to the end of the text, so the mistake is rather where
    a string first runs over a line end and into a word."""
    suspect = next((m for m in _STRINGS.finditer(text, 0, start) if _runs_into_word(text, m)), None)
    labels = (
        []
        if suspect is None
        else [(Span(suspect.start(), suspect.start() + 1), "or the one that starts here")]
    )
    hint = 'add the closing "'
    if suspect is not None:
        hint += " where one of these strings should end"
    sink.error("S005", "Unterminated string", Span(start, start + 1), labels, hint)
    return None, False


def _runs_into_word(text: str, match: re.Match[str]) -> bool:
    string = match[1]
    return string is not None and "\n" in string and text[match.end()].isalnum()


def _hash(text: str, sink: Sink, start: int) -> Outcome:
    mark = text[start : start + 2]
    if mark == "#|":
        sink.error("S007", "Unterminated block comment", Span(start, start + 2), hint="close it with |#")
        return None, False
    end = start + (2 if mark in ("##", "#_") else 1)
    if mark == "##":
        end = _word_end(text, end)
    sink.error("S001", f"Unexpected {text[start:end]}", Span(start, end), hint=_HASH.get(mark))
    return end, mark == "##"


def _keyword(text: str, sink: Sink, start: int) -> Outcome:
    match = _KEYWORD.match(text, start)
    assert match is not None
    hint = "a keyword is one colon, directly followed by a name: :total"
    name = match[0].strip(":")
    if name and not name[0].isdigit() and ":" not in name:
        hint = f"write :{name}"
    elif name:
        hint += "; a name cannot start with a digit"
    sink.error("S014", f"Malformed keyword {match[0][:40]}", Span(start, match.end()), hint=hint)
    return match.end(), True


def _backslash(text: str, sink: Sink, start: int) -> Outcome:
    end = max(start + 2, _word_end(text, start + 1))
    hint = "there are no character literals: use a string of length 1"
    sink.error("S001", "Unexpected \\", Span(start, start + 1), hint=hint)
    return min(end, len(text)), True


def _foreign_name(text: str, sink: Sink, start: int) -> Outcome:
    """A name with letters that are not ASCII: shown whole, as it was probably meant."""
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] in "_$+-*/=<>!?%.@"):
        end += 1
    before = _WORD_LEFT.search(text[max(0, start - 80) : start])
    first = start - len(before[0]) if before else start
    sink.error(
        "S001",
        f"{_named(text[start])} cannot be part of a name",
        Span(start, start + 1),
        [(Span(first, end), "in this word")] if end - first > 1 else (),
        "names are ASCII; any character may stand in a string",
    )
    return end, first == start


def _character(text: str, sink: Sink, start: int) -> Outcome:
    char = text[start]
    hint = None
    if char in _QUOTES:
        hint = 'strings are written with straight quotes: "text"'
    elif char in "\u2018\u2019\u00b4":
        hint = "to quote a form, use the straight '"
    elif char.isspace():
        hint = "this kind of blank is not allowed in source text: replace it by a plain space"
    elif char == "\ufeff":
        hint = "a byte-order mark may only start the file: remove it"
    elif char == "|":
        hint = "block comments are written #| … |#"
    sink.error("S001", f"Unexpected {_named(char)}", Span(start, start + 1), hint=hint)
    return start + 1, False


def _named(char: str) -> str:
    if char.isascii() and char.isprintable():
        return f"character {char}"
    import unicodedata

    shown = f" {char}" if char.isprintable() and not char.isspace() else ""
    name = unicodedata.name(char, "")
    return f"character{shown} (U+{ord(char):04X}{' ' if name else ''}{name})"


def _word_end(text: str, at: int) -> int:
    match = re.compile(rf"[{_NAME}]*").match(text, at)
    return match.end() if match else at


_RULES: Final[dict[str, Callable[[str, Sink, int], Outcome]]] = {'"': _string, "#": _hash, "\\": _backslash}
