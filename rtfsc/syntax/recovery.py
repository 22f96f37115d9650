"""What is said about broken brackets, and where reading goes on after a form that cannot be read."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.tables import Tables

CLOSER_OF: Final = {"(": ")", "[": "]", "{": "}", "#(": ")"}
TERMINAL_OF: Final = {")": "RPAR", "]": "RSQB", "}": "RBRACE"}
"""Lark's names of the closing brackets."""

_SWALLOWED: Final = re.compile(r"resource://[^ \t\r\n,]*[)\]}]")

_ENDS_IN_WORD: Final = re.compile(r"[^\s,()\[\]{}]\Z")


class Opener(NamedTuple):
    """A bracket or prefix that waits for what it needs."""

    mark: str
    span: Span


def report_unexpected_closer(sink: Sink, closer: str, span: Span) -> None:
    sink.error("S004", f"Unexpected {closer}", span, hint="no bracket is open here: remove it")


def report_mismatch(sink: Sink, closer: str, span: Span, innermost: Opener, match: Opener | None) -> None:
    """``closer`` came while ``innermost`` was open; ``match`` is the outer bracket it would close."""
    mark, wanted = innermost.mark, CLOSER_OF[innermost.mark]
    labels = [(innermost.span, f"this {mark} is still open")]
    hint = f"replace {closer} by {wanted}"
    if match is not None:
        hint = f"add the missing {wanted} before {closer}"
        labels.append((match.span, f"{closer} would close this {match.mark}"))
    sink.error("S003", f"Expected {wanted} to close {mark}, found {closer}", span, labels, hint)


def report_missing_form(source: SourceFile, sink: Sink, prefix: Opener) -> None:
    hint = "remove it, or write the form that it applies to directly after it"
    if prefix.mark == "'" and _ENDS_IN_WORD.search(source.text[: prefix.span.start][-40:]):
        hint = "a ' quotes the form after it; strings are written with double quotes"
    if prefix.mark.startswith("^"):
        hint = f"metadata stands before the form that it describes: {prefix.mark}… form"
    sink.error("S012", f"{prefix.mark} must be followed by a form", prefix.span, hint=hint)


def report_too_deep(sink: Sink, span: Span, limit: int) -> None:
    sink.error(
        "S013",
        f"Nested more than {limit} deep",
        span,
        hint="give parts of the expression a name, with let or a function of their own",
    )


def report_unclosed(source: SourceFile, sink: Sink, opened: list[Opener], next_form: int | None) -> None:
    """Brackets that were open at the end of the text, or where ``next_form`` starts at the margin."""
    brackets = [opener for opener in opened if opener.mark in CLOSER_OF]
    innermost = brackets[-1]
    missing = "".join(CLOSER_OF[opener.mark] for opener in reversed(brackets))
    labels = []
    if next_form is not None:
        labels.append((Span(next_form, next_form + 1), "still open here, where a new form seems to start"))
    end = next_form if next_form is not None else len(source.text)
    hint = _closing_hint(source, innermost, end, missing)
    sink.error("S002", f"Unclosed {innermost.mark}", innermost.span, labels, hint)


def _closing_hint(source: SourceFile, opener: Opener, end: int, missing: str) -> str:
    handle = _SWALLOWED.search(source.text, opener.span.end, end)
    if handle is not None:
        return f"a resource handle runs to the next blank: put one between {_tail(handle[0])} and the bracket"
    last = len(source.text[:end].rstrip())
    line, _ = source.line_column(last)
    shown = missing if len(missing) <= 12 else f"{missing[:12]}… ({len(missing)} brackets)"
    return f"add {shown} at the end of line {line}, or where the form should end"


def _tail(handle: str) -> str:
    name = handle.rstrip(")]}")
    return name if len(name) <= 40 else f"…{name[-40:]}"


def skip_form(text: str, tables: Tables, start: int, depth: int) -> int:
    """The end of a top-level form of which ``depth`` brackets are open at ``start``: where they are all
    closed, or where a bracket stands at the left margin. Counts only; linear in the text."""
    for match in tables.token.finditer(text, start):
        group = match.lastindex
        if group is None:
            break
        at, end = match.span(group)
        if group == tables.bad:
            if text.startswith("#|", at):  # never closed: trying again at each would be quadratic
                break
            continue
        mark = text[at:end]
        if mark in CLOSER_OF:
            if at > start and text[at - 1] == "\n":
                return at
            depth += 1
        elif mark in TERMINAL_OF:
            depth -= 1
            if depth == 0:
                return end
    return len(text)
