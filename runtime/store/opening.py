"""From a location to a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runtime.store.blobs import BlobBackend, BlobStore
from runtime.store.errors import StoreError
from runtime.store.folder import FolderBackend
from runtime.store.index import IndexBackend
from runtime.store.location import BadLocation, Location, file_of, split_query
from runtime.store.sqlite import SqliteIndex
from runtime.store.store import ModuleStore, Validate
from runtime.trust.verifier import Verifier

if TYPE_CHECKING:
    from runtime.store.cache import BlobCache

# Query of an address → setting of `obstore`.
_SETTINGS: dict[str, dict[str, str]] = {
    "s3": {"endpoint": "endpoint", "region": "region"},
    "gs": {},
    "az": {"account": "account_name", "endpoint": "endpoint"},
}
_FAMILY = {"s3a": "s3", "abfs": "az", "abfss": "az"}


def open_store(
    location: Location,
    verifier: Verifier,
    *,
    validate: Validate | None = None,
    read_only: bool = False,
    cache: Path | None = None,
    cache_bytes: int | None = None,
) -> ModuleStore:
    """Opening connects to nothing and makes nothing: that happens at the first use. ``cache``: the folder for
    copies of remote blobs, None for no copies; ``cache_bytes``: how much it may hold.

    Raises `BadLocation`, and `StoreError` where a package is missing.
    """
    return ModuleStore(
        BlobStore(open_blobs(location.blobs), _cache(location, cache, cache_bytes)),
        open_index(location.index, read_only=read_only),
        verifier,
        validate=validate,
        read_only=read_only,
        location=str(location),
    )


def open_blobs(address: str, *, hasty: bool = False) -> BlobBackend:
    """``hasty``: gives up on a server after two seconds, as those want who can do without it."""
    scheme = address.partition(":")[0].lower()
    if scheme == "file":
        return FolderBackend(file_of(address))
    if scheme == "memory":
        from runtime.store.memory import MemoryBackend

        return MemoryBackend()
    _require("obstore", "blobs in an object store")
    from runtime.store import objects

    plain, query = split_query(address)
    known = _SETTINGS[_FAMILY.get(scheme, scheme)]
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise BadLocation(f"{plain}: unknown setting {', '.join(unknown)}",
                          hint=f"known are: {', '.join(known) or 'none'}")  # fmt: skip
    settings = {known[name]: value for name, value in query.items()}
    return objects.ObjectBackend(objects.open_store(plain, hasty=hasty, **settings), plain)


def open_index(address: str, *, read_only: bool = False) -> IndexBackend:
    scheme = address.partition(":")[0].lower()
    if scheme == "sqlite":
        return SqliteIndex(file_of(address), read_only=read_only)
    if scheme == "memory":
        from runtime.store.memory import MemoryIndex

        return MemoryIndex()
    _require("psycopg_pool", "an index in PostgreSQL")
    from runtime.store.postgres import PostgresIndex

    return PostgresIndex(address, read_only=read_only)


def _cache(location: Location, folder: Path | None, most: int | None) -> BlobCache | None:
    """Blobs on this machine need no copies on this machine."""
    if folder is None or not location.remote:
        return None
    from runtime.store.cache import DEFAULT_BYTES, BlobCache

    return BlobCache(folder, DEFAULT_BYTES if most is None else most)


def _require(package: str, purpose: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise StoreError(f"{purpose} needs the package {package}", hint="pip install 'rtfsc[team]'")
