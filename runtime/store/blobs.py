"""Content-addressed blobs over any place that keeps bytes under names.

The address of a blob is the SHA-256 of its content, so a blob never changes and the same content is
kept once.  Every read hashes again: a backend is never believed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from runtime.store.errors import CorruptBlob, StoreError, TooLarge

T = TypeVar("T")


class BlobBackend(Protocol):
    """Keeps bytes under names of the form ``kind/ab/cdef…``.  One file per backend."""

    def read(self, name: str, limit: int) -> bytes:
        """Raises `MissingBlob`, `TooLarge` beyond ``limit`` bytes, `StoreError`."""

    def write(self, name: str, data: bytes) -> None:
        """All or nothing, durable on return.  Where the name has other bytes it now has these.
        Raises `ReadOnlyStore`, `StoreFull`, `StoreError`."""

    def holds(self, name: str) -> bool:
        """Whether the name is there.  Raises `StoreError`."""

    def delete(self, name: str) -> None:
        """Nothing happens if the name is not there."""

    def names(self, kind: str) -> Iterator[tuple[str, int]]:
        """All names below ``kind/``, sorted, with their sizes in bytes."""

    def probe(self) -> str | None:
        """Why nothing can be written here; None if it can.  Leaves nothing behind."""

    def sweep(self) -> int:
        """Removes what crashed writers left; returns how many files."""


class Kind(NamedTuple):
    """``limit``: most bytes of the content (not of its compressed form)."""

    name: str
    limit: int
    compressed: bool = False


WASM = Kind("wasm", 64 << 20)
IR = Kind("ir", 64 << 20)
SOURCE = Kind("source", 16 << 20, compressed=True)
MANIFEST = Kind("manifest", 4 << 20)
KINDS = (WASM, IR, SOURCE, MANIFEST)

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(data: bytes) -> str:
    """The address of a content: SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


class BlobCache(Protocol):
    """Copies on this machine. It never fails; what it gives is no more believed than what a backend gives.
    ``most``: bytes that it may hold."""

    folder: Path
    most: int

    def get(self, name: str, limit: int) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...

    def drop(self, name: str) -> None: ...

    def size(self) -> int:
        """Bytes that it holds."""


class BlobStore:
    """``cache``: for a backend that is far away."""

    def __init__(self, backend: BlobBackend, cache: BlobCache | None = None) -> None:
        self.backend = backend
        self.cache = cache

    def put(self, kind: Kind, data: bytes) -> str:
        """Stores the content and returns its digest.  Storing it again changes nothing."""
        if len(data) > kind.limit:
            raise TooLarge(f"{kind.name}: {len(data)} bytes, the limit is {kind.limit}")
        digest = digest_of(data)
        name, packed = _name(kind, digest), _compress(data) if kind.compressed else data
        self.backend.write(name, packed)
        if self.cache is not None:
            self.cache.put(name, packed)
        return digest

    def put_all(self, contents: Sequence[tuple[Kind, bytes]]) -> list[str]:
        """Like `put` for each, at once: what takes long is waiting for the disk or the server."""
        return _at_once(lambda content: self.put(*content), contents)

    def put_back(self, contents: Sequence[tuple[Kind, bytes]]) -> None:
        """What of this is not there, after an entry that points to it was written: a clean-up may have taken
        it for unneeded before.  Never fails: where this cannot be done now, publishing anew does it."""

        def put_back(content: tuple[Kind, bytes]) -> None:
            kind, data = content
            if not self.backend.holds(_name(kind, digest_of(data))):
                self.put(kind, data)

        with suppress(StoreError):
            _at_once(put_back, contents)

    def get(self, kind: Kind, digest: str) -> bytes:
        """The content, hashed again.  Raises `MissingBlob`, `CorruptBlob`, `TooLarge`, `StoreError`."""
        name, limit = _name(kind, digest), kind.limit + 1024
        if self.cache is None:
            return _content(kind, digest, self.backend.read(name, limit))
        copy = self.cache.get(name, limit)
        if copy is not None:
            try:
                return _content(kind, digest, copy)
            except StoreError:
                self.cache.drop(name)
        packed = self.backend.read(name, limit)
        data = _content(kind, digest, packed)
        self.cache.put(name, packed)
        return data

    def delete(self, kind: Kind, digest: str) -> None:
        name = _name(kind, digest)
        self.backend.delete(name)
        if self.cache is not None:
            self.cache.drop(name)

    def digests(self, kind: Kind) -> Iterator[tuple[str, int]]:
        """Digests of this kind, sorted, with the bytes that each takes."""
        for name, size in self.backend.names(kind.name):
            yield name[len(kind.name) + 1 :].replace("/", ""), size


def _at_once(work: Callable[[tuple[Kind, bytes]], T], contents: Sequence[tuple[Kind, bytes]]) -> list[T]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(contents)) as threads:
        return list(threads.map(work, contents))


def _name(kind: Kind, digest: str) -> str:
    # The digest may come from an index that somebody tampered with: it must not become a path.
    if not _DIGEST.fullmatch(digest):
        raise CorruptBlob(f"{kind.name}: {digest[:80]!r} is no address")
    return f"{kind.name}/{digest[:2]}/{digest[2:]}"


def _content(kind: Kind, digest: str, packed: bytes) -> bytes:
    data = _decompress(packed, kind) if kind.compressed else packed
    if len(data) > kind.limit:
        raise TooLarge(f"{kind.name} {digest[:16]}: more than {kind.limit} bytes")
    if digest_of(data) != digest:
        raise CorruptBlob(f"{kind.name} {digest[:16]}: the content does not fit its address")
    return data


def _compress(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=3, write_content_size=True).compress(data)


def _decompress(data: bytes, kind: Kind) -> bytes:
    import zstandard

    try:
        size = zstandard.frame_content_size(data)
        if size < 0:
            raise CorruptBlob(f"{kind.name}: a compressed blob of unknown size")
        if size > kind.limit:
            raise TooLarge(f"{kind.name}: unpacks to {size} bytes, the limit is {kind.limit}")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=kind.limit)
    except zstandard.ZstdError as error:
        raise CorruptBlob(f"{kind.name}: cannot be unpacked ({error})") from None
