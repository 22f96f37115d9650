"""S-expression tokens of the IR's text form. Reading is iterative, so nesting costs no stack.

Atoms are `Atom`: ``kind`` is ``name`` (bare or ``|quoted|``), ``text`` (a JSON string) or ``mark``
(anything that starts with one of ``@ ^ ! : [``, or a number)."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

from rtfsc.ir.errors import IRError

_TOKEN: Final = re.compile(
    r"""\s+ | ;[^\n]* | (?P<open>\() | (?P<close>\))
      | (?P<text>"(?:[^"\\]|\\.)*") | (?P<quoted>\|(?:[^|\\]|\\.)*\|)
      | (?P<imm>\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]) | (?P<atom>[^\s()"\[\];]+)""",
    re.VERBOSE,
)
_BARE: Final = re.compile(r"[A-Za-z_$%*/<=>?&~#+.-][A-Za-z0-9_$%*/<=>?&~#+.!':-]*")
_NUMBER: Final = re.compile(r"[+-]?(\d|\.\d)")
RESERVED: Final = frozenset({"nil", "true", "false"})


class Atom(NamedTuple):
    kind: str
    value: str


Sexpr = Atom | list["Sexpr"]


def quote_name(name: str) -> str:
    """A name as it is written: bare where that is unambiguous, else between bars."""
    if _BARE.fullmatch(name) and not _NUMBER.match(name) and name not in RESERVED:
        return name
    return "|" + json.dumps(name)[1:-1].replace("|", "\\u007c") + "|"


def quote_text(text: str) -> str:
    return json.dumps(text)


def read(text: str) -> list[Sexpr]:
    """All expressions of ``text``; raises IRError with the line of the fault."""
    top: list[Sexpr] = []
    stack = [top]
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise IRError(f"unreadable text in line {_line(text, position)}")
        position = match.end()
        kind = match.lastgroup
        if kind is None:
            continue
        if kind == "open":
            new: list[Sexpr] = []
            stack[-1].append(new)
            stack.append(new)
        elif kind == "close":
            if len(stack) == 1:
                raise IRError(f"unexpected ')' in line {_line(text, match.start())}")
            stack.pop()
        else:
            stack[-1].append(_atom(kind, match.group()))
    if len(stack) > 1:
        raise IRError("missing ')' at the end")
    return top


def _atom(kind: str, raw: str) -> Atom:
    if kind == "text":
        return Atom("text", json.loads(raw))
    if kind == "quoted":
        return Atom("name", json.loads('"' + raw[1:-1] + '"'))
    if kind == "imm":
        return Atom("mark", raw)
    if raw in RESERVED or raw[0] in "@^!:" or _NUMBER.match(raw):
        return Atom("mark", raw)
    return Atom("name", raw)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
