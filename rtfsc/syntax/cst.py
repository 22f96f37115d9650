"""Source text as a tree that keeps comments, line breaks and spelling: what the formatter lays out.

Made from the tokens of the reader's own tables, for text that the reader has accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from rtfsc.source import SourceFile
from rtfsc.syntax.recovery import CLOSER_OF, TERMINAL_OF
from rtfsc.syntax.tables import Tables

LINE_COMMENT: Final = "; comment"
BLOCK_COMMENT: Final = "#| comment |#"
_COMMENTS: Final = frozenset((LINE_COMMENT, BLOCK_COMMENT))
_GAP: Final = re.compile(r";[^\n]*|#\|[\s\S]*?\|#|\n")
_PREFIXES: Final = {"'": 1, "`": 1, "~": 1, "~@": 1, "@": 1, "^": 2, "^:delegation": 2}


class Leaf:
    """A token or a comment as spelt. ``kind``: the terminal's name, or one of the two comments.
    ``newlines``: how many line breaks stand before it. ``width``: None if it has line breaks inside.
    ``glued``: it must directly follow the form before it, as in ``x:T``, ``[n]:T`` and ``[:vector T]?``."""

    __slots__ = ("glued", "kind", "newlines", "text", "width")

    def __init__(self, text: str, kind: str, newlines: int, glued: bool = False) -> None:
        self.text, self.kind, self.newlines, self.glued = text, kind, newlines, glued
        self.width = None if "\n" in text or kind == LINE_COMMENT else len(text)


class Group:
    """Brackets around items. ``width``: on one line; None if a line break or comment forbids that."""

    __slots__ = ("closer", "items", "newlines", "opener", "width")

    def __init__(self, opener: str, newlines: int) -> None:
        self.opener, self.closer, self.newlines = opener, CLOSER_OF[opener], newlines
        self.items: list[Node] = []
        self.width: int | None = None

    def finish(self) -> None:
        if self.items and ends_in_handle(self.items[-1]):
            self.closer = f" {self.closer}"
        width = _joined_width(self.items)
        self.width = None if width is None else len(self.opener) + width + len(self.closer)


class Prefix:
    """A mark and the forms that it applies to."""

    __slots__ = ("arity", "items", "mark", "newlines", "width")

    def __init__(self, mark: str, newlines: int) -> None:
        self.mark, self.newlines, self.arity = mark, newlines, _PREFIXES[mark]
        self.items: list[Node] = []
        self.width: int | None = None

    def finish(self) -> None:
        first = self.items[0]
        if self.mark == "^:delegation" or _would_merge(self.mark, first):
            self.mark += " "
        width = _joined_width(self.items)
        self.width = None if width is None else len(self.mark) + width


Node: TypeAlias = Leaf | Group | Prefix


def is_comment(node: Node) -> bool:
    return isinstance(node, Leaf) and node.kind in _COMMENTS


def is_glued(node: Node) -> bool:
    return isinstance(node, Leaf) and node.glued


def ends_in_handle(node: Node) -> bool:
    """Whether the text ends in a resource handle, which would swallow a bracket."""
    while isinstance(node, Prefix):
        node = node.items[-1]
    return isinstance(node, Leaf) and node.kind == "RESOURCE"


def _would_merge(mark: str, first: Node) -> bool:
    """``~ @x`` is not ``~@x``, and ``^ :delegation x`` not ``^:delegation x``."""
    if mark == "~":
        return isinstance(first, Prefix) and first.mark == "@"
    return mark == "^" and isinstance(first, Leaf) and first.text == ":delegation"


def _joined_width(items: list[Node]) -> int | None:
    """With a blank between; a line break before the first one does not count."""
    width = 0
    for position, item in enumerate(items):
        if item.width is None or (position and item.newlines):
            return None
        width += item.width + (position > 0 and not is_glued(item))
    return width


class _Token(NamedTuple):
    """``comments``: those before it."""

    text: str
    kind: str
    newlines: int
    comments: list[Leaf]
    glued: bool


def parse(source: SourceFile, tables: Tables) -> list[Node]:
    """The top-level items. The text must have no syntax errors."""
    return _Parser(list(_tokens(source.text, tables))).parse()


def _tokens(text: str, tables: Tables) -> Iterator[_Token]:
    """All tokens, and one of kind ``$END``."""
    end, before = 0, ""
    for match in tables.token.finditer(text):
        terminal = match.lastindex
        start = match.start(terminal) if terminal else len(text)
        comments, newlines = _gap(text[end:start])
        if terminal is None:
            yield _Token("", "$END", newlines, comments, False)
            return
        kind, spelling = tables.terminals[terminal], match[terminal]
        glued = start == end and _may_be_glued(before, kind, spelling)
        end, before = match.end(), spelling
        yield _Token(spelling, kind, newlines, comments, glued)


def _may_be_glued(before: str, kind: str, spelling: str) -> bool:
    """A type, or the mark of an optional one, after the end of a form."""
    ends_form = before != "" and before not in CLOSER_OF and before not in _PREFIXES
    return ends_form and (kind == "KEYWORD" or spelling == "?")


def _gap(text: str) -> tuple[list[Leaf], int]:
    """The comments between two tokens, and the line breaks after the last of them."""
    comments: list[Leaf] = []
    newlines = 0
    for match in _GAP.finditer(text):
        if match[0] == "\n":
            newlines += 1
            continue
        kind = LINE_COMMENT if match[0][0] == ";" else BLOCK_COMMENT
        comments.append(Leaf(match[0].rstrip(), kind, newlines))
        newlines = 0
    return comments, newlines


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.top: list[Node] = []
        self.open: list[Group | Prefix] = []

    def parse(self) -> list[Node]:
        for position, token in enumerate(self.tokens):
            for comment in token.comments:
                self._comment(comment)
            if token.kind == "$END":
                break
            if token.text in CLOSER_OF:
                self.open.append(Group(token.text, token.newlines))
            elif token.text in _PREFIXES:
                self.open.append(Prefix(token.text, token.newlines))
            elif token.text in TERMINAL_OF:
                self._complete(self.open.pop(), position)
            else:
                self._add(Leaf(token.text, token.kind, token.newlines, token.glued), position)
        return self.top

    def _add(self, node: Node, position: int) -> None:
        (self.open[-1].items if self.open else self.top).append(node)
        if self.open and isinstance(self.open[-1], Prefix):
            prefix = self.open[-1]
            if prefix.mark == "^:delegation" and len(prefix.items) == 2:
                prefix.arity = 3 if self._is_model(node, position) else 2
            if len(prefix.items) == prefix.arity:
                self._complete(self.open.pop(), position)

    def _complete(self, node: Group | Prefix, position: int) -> None:
        node.finish()
        self._add(node, position)

    def _is_model(self, node: Node, position: int) -> bool:
        """Whether the string after a delegation's mode is the model's name: if a form follows it."""
        after = self.tokens[position + 1]
        return (
            isinstance(node, Leaf)
            and node.kind == "STRING"
            and after.kind != "$END"
            and after.text not in TERMINAL_OF
        )

    def _comment(self, comment: Leaf) -> None:
        """A comment between a mark and its form moves to before the mark."""
        first = len(self.open)
        while first and isinstance(self.open[first - 1], Prefix):
            first -= 1
        if first < len(self.open):
            mark = self.open[first]
            comment.newlines = mark.newlines
            mark.newlines = 1 if comment.kind == LINE_COMMENT else 0
        (self.open[first - 1].items if first else self.top).append(comment)
