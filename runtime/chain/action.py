"""Actions, and the lines in which a chain keeps them.

A line is ``HASH JSON``: the hash is SHA-256 over the hash of the line before and the JSON, both as they stand
there, so that no line can be changed, taken away, put in or moved without all later ones being other ones. An
action is announced by a line before it happens and told of by another one when it has ended: an effect that
nobody lived to tell of is on record too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import Any, Final, NamedTuple

from runtime.chain.errors import ChainDamaged
from runtime.trust import strict
from runtime.trust.errors import Malformed

START: Final = "0" * 64
"""What stands for the hash of the line before the first one."""
HASH: Final = 64
LINE_LIMIT: Final = 1 << 20
LONGEST: Final = 2000
"""Characters of a name or another text in a line."""
TYPES: Final = ("program", "step", "call", "delegate")
OUTCOMES: Final = ("done", "error", "cut")
"""``cut``: what it belongs to ended before it did."""


@dataclass(frozen=True, slots=True)
class Begin:
    """An action that begins. ``type``: one of `TYPES`; ``name``: id of the capability, name of the function
    or step, empty for the top level of a program; ``parent``: number of the action that it is a part of,
    None for a program; ``plan``: digest of the module; ``intent``: what the user said that it is for;
    ``inputs``: digest of the arguments, None where there are none. ``details``: texts about a program."""

    type: str
    name: str
    parent: int | None
    plan: str
    intent: str
    inputs: str | None
    details: Mapping[str, str] | None = None

    def json(self, number: int, time_ns: int) -> str:
        parent = "" if self.parent is None else f',"parent":{self.parent}'
        inputs = "" if self.inputs is None else f',"inputs":"{self.inputs}"'
        more = (
            ""
            if not self.details
            else "".join(f",{quoted(k)}:{quoted(shortened(v))}" for k, v in self.details.items() if v)
        )
        return (
            f'{{"kind":"begin","number":{number},"time":{time_ns},"type":"{self.type}","name":'
            f'{quoted(shortened(self.name))}{parent},"plan":"{self.plan}"'
            f',"intent":{quoted(shortened(self.intent))}{inputs}{more}}}'
        )


@dataclass(frozen=True, slots=True)
class End:
    """How the action with the number ``of`` ended. ``outputs``: digest of its value; ``error``: kind and
    message; ``cost``: in the unit of whoever charged it, a decimal; ``took_ns``: by a steady clock."""

    of: int
    outcome: str
    took_ns: int
    outputs: str | None = None
    error: tuple[str, str] | None = None
    cost: str = ""

    def json(self, number: int, time_ns: int) -> str:
        outputs = "" if self.outputs is None else f',"outputs":"{self.outputs}"'
        error = (
            ""
            if self.error is None
            else f',"error":{quoted(shortened(self.error[0]))},"message":{quoted(self.error[1][:LONGEST])}'
        )
        cost = f',"cost":{quoted(shortened(self.cost))}' if self.cost else ""
        return (
            f'{{"kind":"end","number":{number},"time":{time_ns},"of":{self.of},"outcome":"{self.outcome}",'
            f'"took":{self.took_ns}{outputs}{error}{cost}}}'
        )


@dataclass(frozen=True, slots=True)
class Note:
    """What the chain says about itself. ``kind``: ``chain`` (its first line), ``head`` (a signed one) or
    ``torn`` (the rest of a line that a crash left behind was taken away)."""

    kind: str
    fields: Mapping[str, str]

    def json(self, number: int, time_ns: int) -> str:
        more = "".join(f",{quoted(name)}:{quoted(text)}" for name, text in self.fields.items())
        return f'{{"kind":"{self.kind}","number":{number},"time":{time_ns}{more}}}'


Entry = Begin | End | Note


def shortened(text: str) -> str:
    """A text of the program or the user as the chain has it: a line that were too long to be read again
    would end the chain. One of more than `LONGEST` characters is cut, and told apart by its digest."""
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"{text[: LONGEST - 100]}… ({len(text)} characters, sha256 {digest[:32]})"


class Line(NamedTuple):
    """A line that fits to the one before. ``fields``: its JSON; ``end``: offset of its end in the file."""

    number: int
    hash: str
    fields: dict[str, Any]
    end: int


def encode(entry: Entry, number: int, time_ns: int, previous: str) -> tuple[bytes, str]:
    """The bytes of the line and its hash."""
    text = entry.json(number, time_ns)
    try:
        body = text.encode()
    except UnicodeEncodeError:  # half of a character beyond the first plane, which RTFS texts cannot have
        body = text.encode("utf-8", "replace")
    found = hashlib.sha256(previous.encode() + body).hexdigest()
    return b"%b %b\n" % (found.encode(), body), found


def hash_of(line: bytes, previous: str) -> str:
    """What the hash of the line has to be."""
    return hashlib.sha256(previous.encode() + line[HASH + 1 : -1]).hexdigest()


def fields_of(line: bytes) -> dict[str, Any]:
    """The JSON of a line. Raises `ChainDamaged` for what is none."""
    try:
        value = strict.parse(line[HASH + 1 : -1], limit=LINE_LIMIT, what="record")
    except Malformed as error:
        raise ChainDamaged(error.message) from None
    if not isinstance(value, dict) or type(value.get("number")) is not int:
        raise ChainDamaged("a record without a number")
    return value


def fits(line: bytes, previous: str) -> bool:
    """Whether it is a whole line that follows the one with the hash ``previous``."""
    return line.endswith(b"\n") and line[HASH : HASH + 1] == b" " and (
        line[:HASH] == hash_of(line, previous).encode()
    )  # fmt: skip
