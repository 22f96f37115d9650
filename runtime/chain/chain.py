"""The causal chain: one file to which any number of processes append, line by line.

An append takes a lock on the file, reads what others have written since, and writes one line with one call.
What a killed process leaves is whole lines and at most one torn one at the end, which the next writer takes
away and says so. A disk that fills up gets no half of a line. Lines reach the disk at the next signed head at
the latest; a process that dies loses none, a machine that stops may lose those after the last head.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.chain import head as heads
from runtime.chain.action import HASH, START, Entry, Note, encode, fields_of, fits
from runtime.chain.errors import ChainDamaged, ChainTruncated
from runtime.chain.head import Head, SignedHead
from runtime.store.errors import StoreError, from_os_error
from runtime.trust.files import private_folder, sync_folder
from runtime.trust.keys import SigningKey

FILE = "actions.log"
HEAD = "head.json"
SEAL_EVERY = 1000
SEAL_AFTER_S = 10.0


class Chain:
    """``key``: signs the heads; asked for at the first append, so that a passphrase is asked for before
    anything happens. A head is signed after ``seal_every`` lines of this process, after ``seal_after_s``
    seconds, and when the chain is closed.

    Every method raises `ChainDamaged` for a chain that is not what it was, `StoreError` for a disk that does
    not take it; then nothing was written. May be used from several threads.
    """

    def __init__(
        self,
        folder: Path,
        key: Callable[[], SigningKey],
        *,
        seal_every: int = SEAL_EVERY,
        seal_after_s: float = SEAL_AFTER_S,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path, self._head_path = folder / FILE, folder / HEAD
        self._ask_key, self._key = key, None
        self._every, self._after_ns, self._clock_ns = seal_every, int(seal_after_s * 1e9), clock_ns
        self._threads = threading.Lock()
        self._file = -1
        self._owner = 0
        self._number, self._hash, self._end, self._id = -1, START, 0, ""
        self._unsealed, self._sealed_ns = 0, 0

    _key: SigningKey | None

    def append(self, entry: Entry) -> int:
        """Writes a line and returns its number. It is there whatever happens to this process then."""
        with self._threads:  # not `_locked`: this is in the way of every call
            try:
                self._enter()
                try:
                    now = self._clock_ns()
                    number = self._write(entry, now)
                    self._unsealed += 1
                    if self._unsealed >= self._every or now - self._sealed_ns > self._after_ns:
                        self._seal()
                    return number
                finally:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
            except OSError as error:
                raise from_os_error(error, self.path, "write") from error

    def open(self) -> None:
        """Does now what the first append would: makes or reads the chain, and gets the key."""
        with self._locked():
            pass

    def seal(self) -> SignedHead | None:
        """Signs the chain up to its last line, on the disk by then; None for one without any."""
        with self._locked():
            return self._seal()

    def close(self) -> None:
        """Signs what this process wrote. The chain may be used again."""
        if self._unsealed and self._owner == os.getpid():
            self.seal()
        with self._threads:
            if self._file >= 0 and self._owner == os.getpid():
                os.close(self._file)
            self._file = -1

    # -- inside: all with the lock

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads:
            try:
                self._enter()
                try:
                    yield
                finally:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
            except OSError as error:
                raise from_os_error(error, self.path, "write") from error

    def _enter(self) -> None:
        """Takes the lock, with all that others have written read."""
        if self._file < 0 or self._owner != os.getpid():
            # The lock belongs to the open file: a child of a fork would share its parent's.
            self._open()
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            if os.fstat(self._file).st_size != self._end:
                self._catch_up()
            if self._end == 0:
                self._begin()
        except BaseException:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            raise

    def _open(self) -> None:
        if self._key is None:
            self._key = self._ask_key()
        private_folder(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file, self._owner = os.open(self.path, flags, 0o600), os.getpid()
        self._unsealed, self._sealed_ns = 0, self._clock_ns()
        fcntl.flock(self._file, fcntl.LOCK_SH)
        try:
            self._number, self._hash, self._end, self._id = -1, START, 0, ""
            found = heads.read(self._head_path)
            if found is not None:
                self._start_at(found.head)
        except BaseException:
            os.close(self._file)
            self._file = -1
            raise
        finally:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _start_at(self, head: Head) -> None:
        """Reading begins at the last signed head; what is before it is for `verify` to look at."""
        size = os.fstat(self._file).st_size
        if size < head.end:
            raise ChainTruncated(
                f"{self.path}: {size} bytes, and {head.end} were signed: its end was taken away",
                hint=_BEGIN_ANEW,
            )
        self._number, self._hash, self._end, self._id = head.number, head.hash, head.end, head.chain

    def _catch_up(self) -> None:
        """Reads the lines that others have appended."""
        size = os.fstat(self._file).st_size
        if size < self._end:
            raise ChainTruncated(f"{self.path}: lines were taken away while it was in use", hint=_BEGIN_ANEW)
        if os.stat(self.path).st_ino != os.fstat(self._file).st_ino:
            raise ChainDamaged(f"{self.path}: another file took its place", hint=_BEGIN_ANEW)
        data = os.pread(self._file, size - self._end, self._end)
        at = 0
        while at < len(data):
            end = data.find(b"\n", at) + 1
            if end == 0:
                self._cut(data[at:])
                return
            line = data[at:end]
            if not fits(line, self._hash):
                raise ChainDamaged(
                    f"{self.path}: the record after {self._number} does not follow it", hint=_BEGIN_ANEW
                )
            fields = fields_of(line)
            if fields["number"] != self._number + 1:
                raise ChainDamaged(f"{self.path}: record {fields['number']} follows {self._number}")
            if fields["number"] == 0:
                self._id = str(fields.get("id", ""))
            self._number, self._hash, self._end = fields["number"], line[:HASH].decode(), self._end + end - at
            at = end

    def _cut(self, torn: bytes) -> None:
        """Takes away the part of a line that a crash has left behind, and says so."""
        os.ftruncate(self._file, self._end)
        if self._end:
            digest = hashlib.sha256(torn).hexdigest()
            self._write(Note("torn", {"bytes": str(len(torn)), "digest": digest}))

    def _begin(self) -> None:
        if self._head_path.exists():
            raise ChainTruncated(f"{self.path}: all of it was taken away", hint=_BEGIN_ANEW)
        self._id = os.urandom(16).hex()
        self._write(Note("chain", {"id": self._id}))
        sync_folder(self.path.parent)

    def _write(self, entry: Entry, now_ns: int | None = None) -> int:
        now_ns = self._clock_ns() if now_ns is None else now_ns
        line, found = encode(entry, self._number + 1, now_ns, self._hash)
        written = 0
        try:
            written = os.write(self._file, line)
        finally:
            if 0 < written < len(line):  # the disk is full; nothing of it may stay
                os.ftruncate(self._file, self._end)
        if written < len(line):
            raise StoreError(f"{self.path}: no space left for the record")
        self._number, self._hash, self._end = self._number + 1, found, self._end + len(line)
        return self._number

    def _seal(self) -> SignedHead | None:
        assert self._key is not None
        os.fsync(self._file)
        now = self._clock_ns()
        head = Head(self._id, self._number, self._hash, self._end, now // 1_000_000_000)
        signed = heads.sign(head, self._key)
        heads.write(self._head_path, signed)
        self._write(Note("head", {"envelope": signed.text()}))
        self._unsealed, self._sealed_ns = 0, now
        return signed


_BEGIN_ANEW = "'rtfsc audit verify' says more; moved away, the folder is evidence, and a new chain begins"
