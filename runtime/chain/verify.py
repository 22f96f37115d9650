"""Whether a chain is what it was: every line follows the one before, every signed head fits, and the last
head is reached."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.chain import head as heads
from runtime.chain.action import HASH, LINE_LIMIT, START, fields_of, hash_of
from runtime.chain.chain import FILE, HEAD
from runtime.chain.errors import ChainDamaged
from runtime.chain.head import SignedHead
from runtime.store.errors import from_os_error
from runtime.trust.keys import PublicKey

_MOST_FAULTS = 10


@dataclass(slots=True)
class Report:
    """``records``: lines that are there; ``signed``: how many of them the last head covers, ``unsigned``
    those after it; ``heads``: signed heads that hold, ``signers`` the ids of their keys; ``cut``: torn lines
    that were taken away; ``torn``: bytes of one at the end now; ``faults``: (number of the record, what is
    wrong)."""

    records: int = 0
    signed: int = 0
    unsigned: int = 0
    heads: int = 0
    signers: list[str] = field(default_factory=list)
    actions: int = 0
    runs: int = 0
    cut: int = 0
    torn: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults

    def fault(self, number: int, text: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append((number, text))


def lines(path: Path) -> Iterator[bytes]:
    """The lines that were there at the first look; the last may be torn."""
    for _, line in _lines(path, _snapshot(path, path.with_name(HEAD))[0]):
        yield line


def verify(
    folder: Path,
    keys: Mapping[str, PublicKey],
    given: SignedHead | None = None,
    each: Callable[[dict[str, Any]], None] | None = None,
) -> Report:
    """``keys``: by id, those whose heads count. ``given``: a head that was noted elsewhere, which the chain
    must contain: without one a chain that was cut down to an older signed head, head and all, looks whole.
    ``each`` is told the fields of every record.

    Raises `StoreError` where the chain cannot be read; what is wrong with it is in the report.
    """
    path, report = folder / FILE, Report()
    size, last = _snapshot(path, folder / HEAD, report)
    walk = _Walk(keys, [head for head in (last, given) if head is not None], report)
    for end, line in _lines(path, size):
        fields = walk.take(line, end)
        if fields is not None and each is not None:
            each(fields)
    walk.finish()
    if last is None and report.heads and not report.faults:
        report.fault(report.records, f"the file with the signed head, {HEAD}, was taken away")
    return report


class _Walk:
    """Goes from line to line, and on behind what is wrong, by the hash that a line itself has."""

    def __init__(self, keys: Mapping[str, PublicKey], heads: list[SignedHead], report: Report) -> None:
        self._keys, self._heads, self._report = keys, heads, report
        self._waiting = list(heads)
        self._previous, self._expected = START, 0
        self._identity: str | None = None

    def take(self, line: bytes, end: int) -> dict[str, Any] | None:
        """The fields of the line; None for one that has none."""
        report = self._report
        if not line.endswith(b"\n"):
            report.torn = len(line)
            return None
        found = line[:HASH].decode(errors="replace")
        try:
            fields = fields_of(line)
        except ChainDamaged as error:
            report.fault(self._expected, error.message)
            self._previous, self._expected = found, self._expected + 1
            return None
        number = fields["number"]
        self._judge(line, number, found)
        report.records += 1
        if number == 0:
            self._identity = str(fields.get("id"))
        elif fields.get("kind") == "head":
            self._embedded(fields, number)
        elif fields.get("kind") == "begin":
            report.actions += 1
            report.runs += fields.get("type") == "program"
        report.cut += fields.get("kind") == "torn"
        report.unsigned += fields.get("kind") != "head"
        self._reached(number, found, end)
        self._previous, self._expected = found, number + 1
        return fields

    def finish(self) -> None:
        report = self._report
        for signed in self._waiting:
            text = f"{signed.head.number + 1} records were signed, {report.records} are here"
            if not any(number >= signed.head.number for number, _ in report.faults):
                report.fault(report.records, f"{text}: the end was taken away")
        for signed in self._heads:
            if self._identity is not None and signed.head.chain != self._identity:
                report.fault(0, f"the signed head is of another chain ({signed.head.chain[:16]})")

    def _judge(self, line: bytes, number: int, found: str) -> None:
        if number > self._expected:
            gone = number - self._expected
            text = f"{gone} record{'s were' if gone > 1 else ' was'} taken away before this one"
        elif number < self._expected:
            text = "the record does not belong here: it was put in, or moved"
        elif hash_of(line, self._previous) == found:
            return
        else:
            text = "the record was changed, or the one before it was replaced"
        self._report.fault(number, text)

    def _embedded(self, fields: dict[str, Any], number: int) -> None:
        """A head that stands in the chain speaks of the line before it."""
        try:
            signed = heads.parse(str(fields.get("envelope")).encode(), "head in the chain")
            signed.verify(self._keys)
        except ChainDamaged as error:
            self._report.fault(number, error.message)
            return
        if (signed.head.number, signed.head.hash) != (number - 1, self._previous):
            self._report.fault(
                number, "this head was signed over other records: something before it was changed"
            )
            return
        self._report.heads += 1
        if signed.key_id not in self._report.signers:
            self._report.signers.append(signed.key_id)

    def _reached(self, number: int, found: str, end: int) -> None:
        """The records that the last head, or the given one, was signed over."""
        here = [signed for signed in self._waiting if signed.head.number == number]
        for signed in here:
            self._waiting.remove(signed)
            try:
                signed.verify(self._keys)
            except ChainDamaged as error:
                self._report.fault(number, error.message)
                continue
            if (signed.head.hash, signed.head.end) != (found, end):
                self._report.fault(number, "not what was signed: this record or one before it was changed")
            else:
                self._report.signed, self._report.unsigned = number + 1, 0


def _lines(path: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """(end, line), of the first ``size`` bytes."""
    at = 0
    try:
        with path.open("rb") as file:
            while at < size:
                line = file.readline(min(LINE_LIMIT * 2, size - at))
                if not line:
                    return
                at += len(line)
                yield at, line
    except FileNotFoundError:
        return
    except OSError as error:
        raise from_os_error(error, path, "read") from error


def _snapshot(path: Path, head: Path, report: Report | None = None) -> tuple[int, SignedHead | None]:
    """How many bytes the chain has, and its head, of one moment."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        handle = -1
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    try:
        if handle >= 0:
            with suppress(OSError):  # where nothing can be locked nobody writes
                fcntl.flock(handle, fcntl.LOCK_SH)
        size = os.fstat(handle).st_size if handle >= 0 else 0
        try:
            return size, heads.read(head)
        except ChainDamaged as error:
            if report is not None:
                report.fault(0, error.message)
            return size, None
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    finally:
        if handle >= 0:
            os.close(handle)
