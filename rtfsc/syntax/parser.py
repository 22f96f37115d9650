"""Runs the tables of the grammar over the text: tokens, shifts, reductions, and recovery from errors.

Everything is iterative, so depth of the text is bounded by `MAX_DEPTH` alone. A wrong bracket is
repaired as if the missing ones stood there; a form that is never closed is given up where the next one
starts at the left margin, so that one mistake gives one error and the rest is still read.
"""

from __future__ import annotations

from typing import Any, Final

from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile, Span
from rtfsc.syntax import badtokens, recovery
from rtfsc.syntax.build import Builder, Unread
from rtfsc.syntax.forms import Form
from rtfsc.syntax.recovery import CLOSER_OF, Opener
from rtfsc.syntax.tables import Tables

MAX_DEPTH: Final = 500
_END: Final = 0
_UNIT: Final = ""


class Parser:
    """One run over one text. ``opened`` holds every bracket and prefix that waits for its end."""

    def __init__(self, source: SourceFile, sink: Sink, tables: Tables) -> None:
        self.source = source
        self.text = source.text
        self.sink = sink
        self.tables = tables
        self.builder = Builder(sink)
        self.makers: list[Any] = [self.builder.tokens.get(name) for name in [*tables.terminals, "bad"]]
        self.rules: list[tuple[int, int, Any]] = [
            (lhs, size, makes if makes in ("first", "more", _UNIT) else getattr(self.builder, makes))
            for lhs, size, makes in tables.rules
        ]
        self.symbol = tables.number["SYMBOL"]
        self.states = [tables.start]
        self.values: list[Any] = []
        self.opened: list[Opener] = []
        self.margin: tuple[int, list[Opener]] | None = None
        """Where a bracket at the left margin stands inside an open form, and what was open there."""
        self.distrust = False
        """Whether brackets are known not to match, so that one at the left margin starts a form."""
        self.broken = False
        """Whether the form being read had a wrong bracket; more closers are then no news."""

    def parse(self) -> list[Form]:
        """All top-level forms; errors are in the sink, and where there are any the forms are a guess."""
        at: int | None = 0
        while at is not None and not self.sink.is_full:
            at = self._run(at)
        if self.opened:
            self._drop_form()
        forms: list[Form] = self.values[0] if self.values else []
        return forms

    def _run(self, at: int) -> int | None:
        """Reads on from ``at``; the place to go on from after a jump, None at the end."""
        text, bad, makers, shift = self.text, self.tables.bad, self.makers, self._shift
        for match in self.tables.token.finditer(text, at):
            terminal = match.lastindex
            if terminal is None:
                return self._end()
            start, end = match.span(terminal)
            make = makers[terminal]
            if make is not None:
                shift(terminal, make(text[start:end], Span(start, end)))
                continue
            if terminal == bad:
                goes_on, is_form = badtokens.report(self.source, self.sink, start)
                if is_form:
                    shift(self.symbol, Unread("?", Span(start, start + 1)))
                return goes_on
            jump = self._mark(terminal, Span(start, end))
            if jump is not None:
                return jump
            if self.sink.is_full:
                return None
        return None

    def _shift(self, terminal: int, value: Any) -> None:
        """Shifts a token that the state accepts, reducing as far as that needs no further token."""
        states, values, tables = self.states, self.values, self.tables
        action = tables.actions[states[-1]][terminal]
        while action < 0:
            self._reduce(~action)
            action = tables.actions[states[-1]][terminal]
        states.append(action)
        values.append(value)
        self._reduce_by_default()

    def _reduce_by_default(self) -> None:
        """Reduces where that needs no look at the next token."""
        states, defaults = self.states, self.tables.defaults
        rule = defaults[states[-1]]
        while rule >= 0:
            self._reduce(rule)
            rule = defaults[states[-1]]

    def _reduce(self, rule: int) -> None:
        lhs, size, makes = self.rules[rule]
        states, values = self.states, self.values
        if makes == _UNIT:
            pass
        elif makes == "more":
            form = values.pop()
            values[-1].append(form)
        elif makes == "first":
            values[-1] = [values[-1]]
        else:
            parts = values[-size:]
            del values[-size:]
            values.append(makes(*parts))
            self.opened.pop()
        del states[-size:]
        states.append(self.tables.gotos[states[-1]][lhs])

    def _mark(self, terminal: int, span: Span) -> int | None:
        """A bracket or prefix; where to jump to, if reading cannot go on after it."""
        text = self.text[span.start : span.end]
        if text in CLOSER_OF.values():
            self._close(terminal, text, span)
            return None
        if text in CLOSER_OF and (span.start == 0 or self.text[span.start - 1] == "\n"):
            self._at_margin(span.start)
        if len(self.opened) >= MAX_DEPTH:
            recovery.report_too_deep(self.sink, span, MAX_DEPTH)
            skipped = sum(opener.mark in CLOSER_OF for opener in self.opened)
            self._drop_form()
            return recovery.skip_form(self.text, self.tables, span.start, skipped)
        self.opened.append(Opener(text, span))
        self._shift(terminal, span)
        return None

    def _at_margin(self, start: int) -> None:
        if not any(opener.mark in CLOSER_OF for opener in self.opened):
            self.broken = False
            self.margin = None
        elif self.distrust:
            recovery.report_unclosed(self.source, self.sink, self.opened, start)
            self._drop_form()
        elif self.margin is None:
            self.margin = (start, list(self.opened))

    def _close(self, terminal: int, closer: str, span: Span) -> None:
        waiting = [opener for opener in self.opened if opener.mark in CLOSER_OF]
        self._complete_prefixes(terminal, span)
        if not waiting:
            if not self.broken:
                recovery.report_unexpected_closer(self.sink, closer, span)
            return
        if CLOSER_OF[waiting[-1].mark] == closer:
            self._shift(terminal, span)
            self._after_close()
            return
        self.broken = self.distrust = True
        matches = [opener for opener in waiting if CLOSER_OF[opener.mark] == closer]
        recovery.report_mismatch(self.sink, closer, span, waiting[-1], matches[-1] if matches else None)
        target = matches[-1] if matches else waiting[-1]
        while target in self.opened:
            innermost = next(opener for opener in reversed(self.opened) if opener.mark in CLOSER_OF)
            missing = self._closer_terminal(innermost)
            self._complete_prefixes(missing, span)
            self._shift(missing, span)
        self._after_close()

    def _after_close(self) -> None:
        if not self.opened:
            self.margin = None

    def _closer_terminal(self, opener: Opener) -> int:
        return self.tables.number[recovery.TERMINAL_OF[CLOSER_OF[opener.mark]]]

    def _complete_prefixes(self, terminal: int, span: Span) -> None:
        """Gives prefixes that ``terminal`` leaves without a form one, so that reading can go on."""
        if self.opened:
            action = self.tables.actions[self.states[-1]].get(terminal, 0)
            if action < 0:  # the string after ^:delegation turns out to be the form
                self._reduce(~action)
                self._reduce_by_default()
        while self.opened and self.opened[-1].mark not in CLOSER_OF:
            recovery.report_missing_form(self.source, self.sink, self.opened[-1])
            self._shift(self.symbol, Unread("?", Span(span.start, span.start)))

    def _end(self) -> int | None:
        """The end of the text: done, or back to where the form that was never closed seems to end."""
        self._complete_prefixes(_END, Span(len(self.text), len(self.text)))
        if not self.opened:
            return None
        if self.margin is None:
            recovery.report_unclosed(self.source, self.sink, self.opened, None)
            self._drop_form()
            return None
        start, opened = self.margin
        recovery.report_unclosed(self.source, self.sink, opened, start)
        self._drop_form()
        self.distrust = True
        return start

    def _drop_form(self) -> None:
        """Forgets the top-level form being read, keeping those before it."""
        kept = 1 if self.values and isinstance(self.values[0], list) else 0
        del self.values[kept:]
        del self.states[kept + 1 :]
        self.opened.clear()
        self.margin = None
        self.broken = False
