"""Source text in one layout: the author's line breaks are kept, everything between them is set anew.

A form that the author wrote on one line stays on it where it fits into `WIDTH`; else it is broken by its
style. Whatever decides about a line break is again there when the result is formatted, so formatting
twice changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile
from rtfsc.syntax.cst import LINE_COMMENT, Group, Leaf, Node, Prefix, is_comment, is_glued, parse
from rtfsc.syntax.reader import read
from rtfsc.syntax.styles import line_starts, style_of
from rtfsc.syntax.tables import load

WIDTH: Final = 100
# The reader lets 500 levels through; each takes two or three frames here.
_RECURSION_LIMIT: Final = 5000


def format_source(source: SourceFile, width: int = WIDTH) -> str:
    """The text laid out anew, with ``\\n`` as line end. Raises `DiagnosticError` if it has syntax errors."""
    sink = Sink(source)
    read(source, sink)
    sink.raise_if_errors()
    items = parse(source, load())
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
    try:
        return _Writer(width).program(items)
    finally:
        sys.setrecursionlimit(limit)


class _Writer:
    """``column`` and ``line`` are where the next character goes, from 0."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.out: list[str] = []
        self.column = 0
        self.line = 0

    def program(self, items: Sequence[Node]) -> str:
        for position, item in enumerate(items):
            if position and (_is_trailing(item) or is_glued(item)):
                self._write("" if is_glued(item) else " ")
            elif position:
                self._break(0, item)
            self._item(item, 0)
        if items:
            self._write("\n")
        return "".join(self.out)

    def _write(self, text: str) -> None:
        self.out.append(text)
        last = text.rfind("\n")
        if last < 0:
            self.column += len(text)
        else:
            self.line += text.count("\n")
            self.column = len(text) - last - 1

    def _break(self, indent: int, item: Node | None = None) -> None:
        """To a new line; one empty line before it stays."""
        lines = 2 if item is not None and item.newlines > 1 else 1
        self._write("\n" * lines + " " * indent)

    def _fits(self, node: Group | Prefix, after: int) -> bool:
        """Whether the node may stand on one line, and has room there."""
        return node.width is not None and self.column + node.width + after <= self.width

    def _item(self, node: Node, after: int, is_bindings: bool = False) -> None:
        """``after``: the width of what must stand directly behind it."""
        if isinstance(node, Leaf):
            self._write(node.text)
        elif isinstance(node, Prefix):
            start, fits = self.column, self._fits(node, after)
            self._write(node.mark)
            self._items(node.items, after, start, fits, is_bindings=is_bindings)
        else:
            self._group(node, after, is_bindings)

    def _group(self, group: Group, after: int, is_bindings: bool) -> None:
        style = style_of(group, is_bindings)
        fits = self._fits(group, after)
        starts = set() if fits else line_starts(group, style)
        self._write(group.opener)
        indent = self.column + style.offset
        named = _second_form(group.items) if style.bindings else None
        indent = self._items(
            group.items, after + len(group.closer), indent, fits, starts, style.aligned, named
        )
        last = group.items[-1] if group.items else None
        if isinstance(last, Leaf) and last.kind == LINE_COMMENT:
            self._break(indent)
        self._write(group.closer)

    def _items(
        self,
        items: Sequence[Node],
        after: int,
        indent: int,
        fits: bool,
        starts: set[int] = frozenset(),  # type: ignore[assignment]
        aligned: bool = False,
        bindings_at: int | None = None,
        *,
        is_bindings: bool = False,
    ) -> int:
        """Writes items; answers where those that start a line stand."""
        before: Node | None = None
        line = self.line
        for position, item in enumerate(items):
            behind = after if position == len(items) - 1 else 0
            if before is None or is_glued(item):
                pass
            elif not fits and self._starts_line(item, before, position in starts, line, indent, behind):
                self._break(indent, item)
            else:
                self._write(" ")
                if aligned and position == 1 and not is_comment(item):
                    indent = self.column
            before, line = item, self.line
            self._item(item, behind, is_bindings or position == bindings_at)
        return indent

    def _starts_line(
        self, item: Node, before: Node, wanted: bool, line: int, indent: int, after: int
    ) -> bool:
        """``line``: where ``before`` began."""
        if isinstance(item, Leaf) and item.kind == LINE_COMMENT:
            return item.newlines > 0
        if isinstance(before, Leaf) and before.kind == LINE_COMMENT:
            return True
        if wanted or item.newlines:
            return True
        if _is_colon(item) or _is_colon(before):
            return False
        if self.line > line:
            return True
        return (
            item.width is not None
            and self.column + 1 + item.width + after > self.width
            and indent + item.width + after <= self.width
            and indent <= self.column
        )


def _is_trailing(item: Node) -> bool:
    return isinstance(item, Leaf) and item.kind == LINE_COMMENT and not item.newlines


def _is_colon(node: Node) -> bool:
    return isinstance(node, Leaf) and node.text == ":"


def _second_form(items: Sequence[Node]) -> int | None:
    places = [at for at, item in enumerate(items) if not is_comment(item)]
    return places[1] if len(places) > 1 else None
