"""What can go wrong with a store, one family: `StoreError`.

``exit_code`` is the exit status of the command line: 5 for the store itself, 3 where content that was
relied on is missing or damaged.  Refusals for reasons of trust are `runtime.trust.errors.TrustError`.
"""

from __future__ import annotations

import errno
import os


class StoreError(Exception):
    """The store cannot do what was asked.  Nothing is half-written."""

    code = "ST000"
    exit_code = 5
    passing = False
    """Whether the same may succeed a moment later, so that it says nothing about a module."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ReadOnlyStore(StoreError):
    """The store, or its folder, cannot be written."""

    code = "ST001"


class StoreFull(StoreError):
    """The disk, the quota or the file size limit is exhausted."""

    code = "ST002"


class StoreBusy(StoreError):
    """Another process held the index for longer than the patience of this one."""

    code = "ST003"
    passing = True


class DamagedIndex(StoreError):
    """The index is not a database of this program."""

    code = "ST004"


class TooLarge(StoreError):
    """More bytes than a blob of this kind may have."""

    code = "ST005"


class InvalidModule(StoreError):
    """What should be published is not a valid module."""

    code = "ST006"


class MissingBlob(StoreError):
    """The index points to content that is not there."""

    code = "ST007"
    exit_code = 3


class CorruptBlob(StoreError):
    """The content is not what its address says."""

    code = "ST008"
    exit_code = 3


class NotVerified(StoreError):
    """The entry is pending: it was quarantined or never completed."""

    code = "ST009"
    exit_code = 3


class NotStored(StoreError):
    """The store has no module of that name, digest or interface."""

    code = "ST011"


class StoreUnreachable(StoreError):
    """A server of the store does not answer, or not as it should."""

    code = "ST012"
    passing = True


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def from_os_error(error: OSError, path: str | os.PathLike[str], doing: str) -> StoreError:
    """The clear text for a failed system call."""
    kind: type[StoreError] = StoreError
    if error.errno in _FULL:
        kind = StoreFull
    elif error.errno in _READ_ONLY:
        kind = ReadOnlyStore
    return kind(f"{os.fspath(path)}: cannot {doing}: {error.strerror or error}")
