"""Examines a grammar in GBNF before llama.cpp sees it, which would end the process or never answer.

::

    rule-name ::= sequence | sequence     # letters, digits and -; a comment runs to the end of the line
    "text"  [a-z^\\]  [^"]  .  rule-name  ( … )          each may be followed by  *  +  ?  {2}  {2,}  {2,5}

Source of the notation: the GBNF guide of the llama.cpp project. A grammar is refused for what is malformed,
for rules that are used and not defined, defined twice, or never end, for left recursion, and for more
elements than `MOST_ELEMENTS` once repetitions are written out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from rtfsc.diagnostics.suggest import AMONG_FEW, did_you_mean

MOST_ELEMENTS: Final = 200_000
MOST_TEXT: Final = 4 << 20
"""Bytes."""
MOST_REPEATED: Final = 2000
_DEEPEST: Final = 100
_LONGEST_NAME: Final = 100
_BLANK: Final = re.compile(r"(?:[ \t]|#[^\n\r]*)*")
_BLANK_LINES: Final = re.compile(r"(?:[ \t\r\n]|#[^\n\r]*)*")
_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_TIMES: Final = re.compile(r"\{[ ]*(\d{1,9})[ ]*(?:(,)[ ]*(\d{1,9})?[ ]*)?\}")
_HEX: Final = {"x": 2, "u": 4, "U": 8}
_SIMPLE: Final = frozenset('nrt"[]\\')


class GbnfError(ValueError):
    """``line`` and ``column`` count from 1. ``hint``: what can be done, where there is something."""

    def __init__(self, message: str, line: int, column: int, hint: str | None = None) -> None:
        super().__init__(f"grammar, line {line}, column {column}: {message}" + (f" ({hint})" if hint else ""))
        self.message, self.line, self.column, self.hint = message, line, column, hint


class Use(NamedTuple):
    """A rule is named at ``at``."""

    name: str
    at: int


class Group(NamedTuple):
    alternatives: tuple[Sequence, ...]


class Repeat(NamedTuple):
    item: Item
    least: int
    most: int | None
    at: int


class Sequence(NamedTuple):
    items: tuple[Item, ...]


Item = Use | Group | Repeat | int
"""A number: that many characters of text."""


class Rule(NamedTuple):
    body: Group
    at: int


def check_gbnf(text: str) -> None:
    """Raises `GbnfError` at the first thing that is wrong."""
    if len(text.encode("utf-8", "replace")) > MOST_TEXT:
        raise GbnfError(f"more than {MOST_TEXT} bytes", 1, 1)
    reader = _Reader(text)
    rules = reader.grammar()
    _Examiner(reader, rules).examine()


def only_ascii(text: str) -> bool:
    """Whether all that a well-formed grammar derives is ASCII."""
    reader = _Reader(text)
    reader.grammar()
    return reader.ascii


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.ascii = True

    def fault(self, message: str, at: int | None = None, hint: str | None = None) -> GbnfError:
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        return GbnfError(message, line, at - self.text.rfind("\n", 0, at), hint)

    def grammar(self) -> dict[str, Rule]:
        if "\0" in self.text:
            raise self.fault("a NUL in the grammar", self.text.index("\0"))
        rules: dict[str, Rule] = {}
        self._skip(lines=True)
        while self.at < len(self.text):
            start = self.at
            name = self._name("the name of a rule is expected here")
            if name in rules:
                raise self.fault(f"the rule {name} is defined twice", start)
            self._skip()
            if not self.text.startswith("::=", self.at):
                raise self.fault("::= is expected after the name of a rule")
            self.at += 3
            self._skip(lines=True)
            rules[name] = Rule(self._alternatives(inside=False), start)
            if self.at < len(self.text) and self.text[self.at] not in "\r\n":
                raise self.fault(f"unexpected {self.text[self.at]!r}", hint=self._what_then())
            self._skip(lines=True)
        return rules

    def _what_then(self) -> str | None:
        here = self.text[self.at]
        if here == "_":
            return "names of rules have letters, digits and -"
        if here in "*+?{":
            return "there is nothing to repeat before it"
        return {")": "no ( before it", "'": 'texts stand in "'}.get(here)

    def _skip(self, *, lines: bool = False) -> None:
        found = (_BLANK_LINES if lines else _BLANK).match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _name(self, otherwise: str) -> str:
        found = _NAME.match(self.text, self.at)
        if found is None:
            raise self.fault(otherwise)
        if len(found[0]) > _LONGEST_NAME:
            raise self.fault(f"a name of more than {_LONGEST_NAME} letters")
        self.at = found.end()
        return found[0]

    def _alternatives(self, *, inside: bool) -> Group:
        found = [self._sequence(inside)]
        while self.text.startswith("|", self.at):
            self.at += 1
            self._skip(lines=True)
            found.append(self._sequence(inside))
        return Group(tuple(found))

    def _sequence(self, inside: bool) -> Sequence:
        items: list[Item] = []
        while (item := self._item()) is not None:
            self._skip(lines=inside)
            times = self._times()
            if times is not None:
                item = Repeat(item, *times)
                self._skip(lines=inside)
            items.append(item)
        return Sequence(tuple(items))

    def _item(self) -> Item | None:
        here = self.text[self.at : self.at + 1]
        if here == '"':
            return self._literal()
        if here == "[":
            return self._class()
        if here == ".":
            self.at += 1
            self.ascii = False
            return 1
        if here == "(":
            return self._group()
        if here and _NAME.match(here):
            return Use(name=self._name(""), at=self.at)
        return None

    def _group(self) -> Group:
        start, self.depth = self.at, self.depth + 1
        if self.depth > _DEEPEST:
            raise self.fault(f"more than {_DEEPEST} brackets inside one another")
        self.at += 1
        self._skip(lines=True)
        found = self._alternatives(inside=True)
        if not self.text.startswith(")", self.at):
            if self.at >= len(self.text):
                raise self.fault("this ( is never closed", start)
            raise self.fault(f"unexpected {self.text[self.at]!r}", hint=self._what_then())
        self.at += 1
        self.depth -= 1
        return found

    def _literal(self) -> int:
        start, count = self.at, 0
        self.at += 1
        while not self.text.startswith('"', self.at):
            self._character('this " is never closed', start)
            count += 1
        self.at += 1
        return count

    def _class(self) -> int:
        start = self.at
        self.at += 1
        if self.text.startswith("^", self.at):
            self.at += 1
            self.ascii = False
        if self.text.startswith("]", self.at):
            raise self.fault("a set without characters", start, "write \\] for the bracket itself")
        while not self.text.startswith("]", self.at):
            low_at = self.at
            low = self._character("this [ is never closed", start)
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self._character("this [ is never closed", start)
                if high < low:
                    raise self.fault(f"the range {self.text[low_at : self.at]} is empty", low_at)
        self.at += 1
        return 1

    def _character(self, unclosed: str, start: int) -> int:
        """The code point of a character, perhaps escaped."""
        here = self.text[self.at : self.at + 1]
        if not here or here in "\r\n":
            raise self.fault(unclosed, start, "write \\n for the end of a line" if here else None)
        if here != "\\":
            self.at += 1
            self.ascii = self.ascii and here.isascii()
            return ord(here)
        kind = self.text[self.at + 1 : self.at + 2]
        if kind in _HEX:
            digits = self.text[self.at + 2 : self.at + 2 + _HEX[kind]]
            if not re.fullmatch(f"[0-9A-Fa-f]{{{_HEX[kind]}}}", digits):
                raise self.fault(f"\\{kind} takes {_HEX[kind]} hexadecimal digits")
            value = int(digits, 16)
            if value > 0x10FFFF:
                raise self.fault(f"there is no character {digits}")
        elif kind and kind in _SIMPLE:
            value = ord({"n": "\n", "r": "\r", "t": "\t"}.get(kind, kind))
        else:
            raise self.fault(
                f"no escape \\{kind}", hint='there are \\n \\r \\t \\" \\\\ \\[ \\] \\x41 \\u0041'
            )
        self.at += 2 + _HEX.get(kind, 0)
        self.ascii = self.ascii and value < 128
        return value

    def _times(self) -> tuple[int, int | None, int] | None:
        here, at = self.text[self.at : self.at + 1], self.at
        if here and here in "*+?":
            self.at += 1
            return (int(here == "+"), 1 if here == "?" else None, at)
        if here != "{":
            return None
        found = _TIMES.match(self.text, at)
        if found is None:
            raise self.fault("no count of repetitions", hint="write {2}, {2,} or {2,5}")
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if most is not None and most < least:
            raise self.fault(f"{found[0]} ends before it begins")
        if max(least, most or 0) > MOST_REPEATED:
            raise self.fault(f"more than {MOST_REPEATED} repetitions")
        self.at = found.end()
        return (least, most, at)


class _Examiner:
    """What holds between rules."""

    def __init__(self, reader: _Reader, rules: dict[str, Rule]) -> None:
        self.reader, self.rules = reader, rules
        self.empty: set[str] = set()

    def examine(self) -> None:
        if "root" not in self.rules:
            raise self.reader.fault("no rule root", 0, "an answer is what root derives")
        for rule in self.rules.values():
            for use in _uses(rule.body):
                if use.name not in self.rules:
                    raise self.reader.fault(
                        f"no rule {use.name}", use.at - len(use.name), self._meant(use.name)
                    )
        self._require_end()
        self.empty = self._closure(self._may_be_empty)
        self._forbid_endless_repetition()
        self._forbid_left_recursion()
        total = 0
        for rule in self.rules.values():
            total += _size(rule.body)
            if total > MOST_ELEMENTS:
                raise self.reader.fault(
                    f"more than {MOST_ELEMENTS} elements, repetitions written out", rule.at
                )

    def _meant(self, name: str) -> str | None:
        return did_you_mean(name, self.rules, AMONG_FEW)

    def _closure(self, holds: Callable[[Group, set[str]], bool]) -> set[str]:
        """The rules whose body holds, where a use of a rule holds if that rule does. Linear in the uses."""
        users: dict[str, list[str]] = {}
        for name, rule in self.rules.items():
            for use in _uses(rule.body):
                users.setdefault(use.name, []).append(name)
        found: set[str] = set()
        waiting = dict.fromkeys(self.rules)  # in order, each once: a rule is looked at after those it uses
        while waiting:
            name = next(iter(waiting))
            del waiting[name]
            if name not in found and holds(self.rules[name].body, found):
                found.add(name)
                waiting.update(dict.fromkeys(users.get(name, ())))
        return found

    def _require_end(self) -> None:
        ending = self._closure(_ends)
        for name, rule in self.rules.items():
            if name not in ending:
                raise self.reader.fault(
                    f"the rule {name} never ends", rule.at, "every way through it uses itself"
                )

    def _may_be_empty(self, item: Item | Sequence, empty: set[str]) -> bool:
        match item:
            case int():
                return item == 0
            case Use():
                return item.name in empty
            case Repeat():
                return item.least == 0 or self._may_be_empty(item.item, empty)
            case Sequence():
                return all(self._may_be_empty(part, empty) for part in item.items)
            case Group():
                return any(self._may_be_empty(part, empty) for part in item.alternatives)

    def _forbid_endless_repetition(self) -> None:
        """A text of no characters, repeated without end, is left recursion once it is written out."""
        for rule in self.rules.values():
            for item in _inside(rule.body):
                if type(item) is Repeat and item.most is None and self._may_be_empty(item.item, self.empty):
                    raise self.reader.fault("what is repeated without end may be empty", item.at)

    def _forbid_left_recursion(self) -> None:
        first = {name: set(self._first(rule.body)) for name, rule in self.rules.items()}
        done: set[str] = set()
        for start in self.rules:
            path: list[tuple[str, Iterator[str]]] = [(start, iter(first[start]))] if start not in done else []
            open_ = {start}
            while path:
                name, rest = path[-1]
                following = next(rest, None)
                if following is None:
                    path.pop()
                    open_.discard(name)
                    done.add(name)
                elif following in open_:
                    circle = [part for part, _ in path]
                    circle = [*circle[circle.index(following) :], following]
                    hint = "write it with * or +, or put a text before the rule"
                    at = self.rules[following].at
                    if len(circle) > 10:
                        circle[4:-4] = ["…"]
                    raise self.reader.fault(f"left recursion: {' → '.join(circle)}", at, hint)
                elif following not in done:
                    open_.add(following)
                    path.append((following, iter(first[following])))

    def _first(self, item: Item | Sequence) -> Iterator[str]:
        """The rules that may be entered before any text is read."""
        match item:
            case Use():
                yield item.name
            case Repeat():
                if item.most != 0:
                    yield from self._first(item.item)
            case Sequence():
                for part in item.items:
                    yield from self._first(part)
                    if not self._may_be_empty(part, self.empty):
                        return
            case Group():
                for sequence in item.alternatives:
                    yield from self._first(sequence)


def _ends(item: Item | Sequence, ending: set[str]) -> bool:
    match item:
        case int():
            return True
        case Use():
            return item.name in ending
        case Repeat():
            return item.least == 0 or _ends(item.item, ending)
        case Sequence():
            return all(_ends(part, ending) for part in item.items)
        case Group():
            return any(_ends(part, ending) for part in item.alternatives)


def _inside(item: Item | Sequence) -> Iterator[Item]:
    if not isinstance(item, Sequence):
        yield item
    match item:
        case Sequence():
            for part in item.items:
                yield from _inside(part)
        case Group():
            for sequence in item.alternatives:
                yield from _inside(sequence)
        case Repeat():
            yield from _inside(item.item)


def _uses(group: Group) -> Iterator[Use]:
    return (item for item in _inside(group) if type(item) is Use)


def _size(item: Item | Sequence) -> int:
    match item:
        case int():
            return item + 1
        case Use():
            return 1
        case Repeat():
            return max(item.least, item.most or 0, 1) * (_size(item.item) + 2)
        case Sequence():
            return sum(map(_size, item.items)) + 1
        case Group():
            return sum(map(_size, item.alternatives)) + 1
