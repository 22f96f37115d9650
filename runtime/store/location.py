"""Where a store is: a folder, or two addresses, one of its blobs and one of its index.

| address | of |
|---|---|
| ``s3://BUCKET/PREFIX?endpoint=…&region=…`` | blobs in S3 or a compatible store |
| ``gs://BUCKET/PREFIX``, ``az://CONTAINER/PREFIX?account=…`` | blobs in Google Cloud Storage, in Azure |
| ``file:///FOLDER`` | blobs in a folder |
| ``postgresql://USER@HOST/DATABASE?schema=…`` | the index in PostgreSQL |
| ``sqlite:///FILE`` | the index in a SQLite file |
| ``memory:`` | either, for as long as the process lives |
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from runtime.store.errors import StoreError

MEMORY = "memory:"
_BLOBS = {"s3", "s3a", "gs", "az", "abfs", "abfss", "file", "memory"}
_INDEX = {"postgresql", "postgres", "sqlite", "memory"}
_LOCAL = {"file", "sqlite", "memory"}
_ADDRESS = re.compile(r"[a-z][a-z0-9]*:", re.IGNORECASE)


class BadLocation(StoreError):
    """An address that cannot be the place of a store."""

    code = "ST013"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Location:
    """Two addresses. A folder has both: ``file:///…/blobs`` and ``sqlite:///…/index.sqlite``."""

    blobs: str
    index: str

    @classmethod
    def in_folder(cls, folder: Path) -> Location:
        path = folder.absolute()
        return cls((path / "blobs").as_uri(), "sqlite" + (path / "index.sqlite").as_uri()[4:])

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> Location:
        """A folder, or two addresses separated by a space, in any order. Raises `BadLocation`."""
        words = os.fspath(text).split()
        if not words:
            raise BadLocation("The place of the store is empty")
        if not all(_ADDRESS.match(word) for word in words):
            if any("://" in word for word in words):
                raise BadLocation(f"Not a place of a store: {without_secrets(os.fspath(text))}", hint=_HINT)
            return cls.in_folder(Path(text).expanduser())
        if words == [MEMORY]:
            return cls(MEMORY, MEMORY)
        if len(words) != 2:
            raise BadLocation("A store needs an address of its blobs and one of its index", hint=_HINT)
        first, second = words
        swapped = _scheme(first) not in _BLOBS or _scheme(second) not in _INDEX
        return cls.of(second, first) if swapped else cls.of(first, second)

    @classmethod
    def of(cls, blobs: str, index: str) -> Location:
        """Raises `BadLocation`."""
        for address, known, what in ((blobs, _BLOBS, "blobs"), (index, _INDEX, "the index")):
            if _scheme(address) not in known:
                raise BadLocation(f"Not an address of {what}: {without_secrets(address)}", hint=_HINT)
            parts = _parts(address)
            if parts.scheme in _LOCAL and (parts.query or parts.fragment):
                raise BadLocation(
                    f"{parts.scheme}: takes no parameters: {(parts.query or parts.fragment)!r}",
                    hint="in names of files ? is written %3F, # is written %23",
                )
        if _parts(blobs).password:
            raise BadLocation("An address of blobs must not have a password: credentials come from the"
                              " environment")  # fmt: skip
        return cls(blobs, index)

    @property
    def folder(self) -> Path | None:
        """The folder that has both, if they are in one."""
        if _scheme(self.blobs) != "file" or _scheme(self.index) != "sqlite":
            return None
        blobs, index = file_of(self.blobs), file_of(self.index)
        folder = index.parent
        return folder if (blobs, index.name) == (folder / "blobs", "index.sqlite") else None

    @property
    def remote(self) -> bool:
        """Whether either end is reached over a network."""
        return not {_scheme(self.blobs), _scheme(self.index)} <= _LOCAL

    def __str__(self) -> str:
        """Without secrets."""
        folder = self.folder
        if folder is not None:
            return str(folder)
        return f"{without_secrets(self.blobs)} {without_secrets(self.index)}"


_HINT = "a folder, or two addresses: 's3://bucket/prefix postgresql://user@host/database'"


def file_of(address: str) -> Path:
    """The file or folder of a local address."""
    parts = _parts(address)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise BadLocation(f"{address}: a local address has three slashes", hint=f"{parts.scheme}:///folder")
    return Path(unquote(parts.path))


def without_secrets(address: str) -> str:
    """The address as it may be shown: no password, of the query only what is known to be harmless."""
    parts = _parts(address)
    host = parts.netloc
    if parts.password is not None:
        host = f"{parts.username}:***@{host.rpartition('@')[2]}"
    shown = [f"{name}={value if name in _HARMLESS else '***'}" for name, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(netloc=host, query="&".join(shown)))


_HARMLESS = {"endpoint", "region", "account", "schema", "sslmode", "host", "port", "connect_timeout"}


def split_query(address: str) -> tuple[str, dict[str, str]]:
    """The address without its query, and the query."""
    parts = _parts(address)
    return urlunsplit(parts._replace(query="")), dict(parse_qsl(parts.query, keep_blank_values=True))


def has_password(address: str) -> bool:
    _, query = split_query(address)
    return _parts(address).password is not None or any("password" in name for name in query)


def _scheme(address: str) -> str:
    return address.partition(":")[0].lower()


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise BadLocation(f"Not an address: {error}") from None
