"""Blobs in an object store, S3 and compatibles, Google Cloud Storage or Azure, through ``obstore``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from runtime.store.errors import MissingBlob, ReadOnlyStore, StoreError, StoreFull, StoreUnreachable, TooLarge
from runtime.store.outage import Outage

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

T = TypeVar("T")

# A request that fails for a passing reason is made again, with growing pauses, for about this long at most.
_PATIENCE = timedelta(seconds=12)
RETRY: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": _PATIENCE,
    "backoff": {
        "init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2,
    },
}  # fmt: skip
CLIENT: ClientConfig = {"connect_timeout": "3s", "read_timeout": "5s", "timeout": "30s"}
HASTY_RETRY: RetryConfig = {**RETRY, "max_retries": 1, "retry_timeout": timedelta(seconds=1)}
HASTY_CLIENT: ClientConfig = {"connect_timeout": "500ms", "read_timeout": "1s", "timeout": "2s"}

_PROBE = "tmp/probe"
_FULL = ("QuotaExceeded", "InsufficientStorage", "EntityTooLarge", "507 Insufficient")
_ABSENT = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
_owner: int | None = None


class ObjectBackend:
    """``store`` as `obstore` has it; ``name`` is what messages call it."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._outage = Outage()
        self.name = name

    def read(self, name: str, limit: int) -> bytes:
        import obstore

        def get() -> bytes:
            answer = obstore.get(self._store, name)
            if answer.meta["size"] > limit:
                raise TooLarge(f"{self.name}/{name}: {answer.meta['size']} bytes, the limit is {limit}")
            return answer.bytes().to_bytes()

        return self._asked(f"read {name}", get)

    def write(self, name: str, data: bytes) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotSupportedError

        def put() -> None:
            try:
                obstore.put(self._store, name, data, mode="create", use_multipart=False)
                return
            except AlreadyExistsError:
                if obstore.get(self._store, name).bytes() == data:
                    return
            except NotSupportedError:
                pass  # without conditions the same content is written once more
            obstore.put(self._store, name, data, use_multipart=False)

        self._asked(f"write {name}", put)

    def holds(self, name: str) -> bool:
        import obstore

        return self._there(f"look for {name}", lambda: obstore.head(self._store, name))

    def delete(self, name: str) -> None:
        import obstore

        self._there(f"delete {name}", lambda: obstore.delete(self._store, name))

    def _there(self, what: str, work: Callable[[], object]) -> bool:
        """Does the work on an object; whether there is one."""

        def tried() -> bool:
            try:
                work()
            except FileNotFoundError as error:
                if _absent_store(error):
                    raise
                return False
            return True

        return self._asked(what, tried)

    def names(self, kind: str) -> Iterator[tuple[str, int]]:
        import obstore

        def listed() -> list[tuple[str, int]]:
            chunks = obstore.list(self._store, kind, chunk_size=1000)
            return sorted((found["path"], found["size"]) for chunk in chunks for found in chunk)

        yield from self._asked(f"list {kind}", listed)

    def probe(self) -> str | None:
        """With one name for all, so that whoever may not delete leaves at most one object."""
        import obstore

        try:
            self._asked("write", lambda: obstore.put(self._store, _PROBE, b"probe", use_multipart=False))
            self.delete(_PROBE)
        except StoreError as error:
            return error.message
        return None

    def sweep(self) -> int:
        """An object is there whole or not at all."""
        return 0

    def _asked(self, doing: str, request: Callable[[], T]) -> T:
        _refuse_after_fork()
        self._outage.check()
        try:
            answer = request()
        except StoreError:
            raise
        except Exception as error:
            raise self._translated(error, doing) from error
        self._outage.ended()
        return answer

    def _translated(self, error: Exception, doing: str) -> StoreError:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        said = _said(error)
        message = f"{self.name}: cannot {doing}: {said}"
        if _absent_store(error):
            return StoreError(message, hint="make the bucket, or mend the store's URL")
        if isinstance(error, FileNotFoundError):
            return MissingBlob(f"{self.name}: cannot {doing}: the blob is missing")
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or said[:3] in ("401", "403"):
            hint = "credentials come from the environment, for example AWS_ACCESS_KEY_ID"
            if doing.startswith(("write", "delete")):
                return ReadOnlyStore(message, hint=hint)
            return self._outage.began(StoreUnreachable(message, hint=hint))
        if any(word in str(error) for word in _FULL):
            return StoreFull(message)
        return self._outage.began(StoreUnreachable(message))


def _refuse_after_fork() -> None:
    """The threads of `obstore` do not survive a fork, and what waits for them waits for ever."""
    global _owner
    if _owner is None:
        _owner = os.getpid()
    elif _owner != os.getpid():
        raise StoreError(
            "an object store cannot be used in a forked process whose parent used one",
            hint="start processes by 'spawn', as multiprocessing.set_start_method can",
        )


def _absent_store(error: Exception) -> bool:
    return any(word in str(error) for word in _ABSENT)


def _said(error: Exception) -> str:
    """The reason in one line, without secrets that a signed address may carry."""
    text = str(error).partition("\n\nDebug source")[0]
    code = re.search(r"<Code>(\w+)</Code>", text)
    status = re.search(r"status code: ([^:\n]+)", text)
    if status is not None:
        return f"{status[1]} ({code[1]})" if code else status[1]
    return re.sub(r"\?\S+", "", " ".join(text.split()))[:300]


def open_store(url: str, *, hasty: bool = False, **settings: Any) -> ObjectStore:
    """``s3://…``, ``gs://…``, ``az://…``: see `runtime.store.location`. Credentials and whatever is not in
    ``settings`` come from the environment. Raises `StoreError`."""
    from obstore.store import from_url

    client: ClientConfig = {**(HASTY_CLIENT if hasty else CLIENT)}
    if str(settings.get("endpoint", "")).startswith("http://"):
        client["allow_http"] = True
    try:
        return from_url(url, client_options=client, retry_config=HASTY_RETRY if hasty else RETRY, **settings)
    except Exception as error:
        raise StoreError(f"{url}: {_said(error)}") from error
