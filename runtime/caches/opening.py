"""From a configuration to caches. Nothing is opened, connected to or loaded before it is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime.caches.cold import BlobCold, ColdStore, SqliteCold
from runtime.caches.config import IN_MEMORY, MEMORY, NONE, SQLITE, CachesConfig, L2Config, L3Config
from runtime.caches.inference import InferenceCache, decode, encode
from runtime.caches.manager import CacheManager
from runtime.caches.protocol import Cache, CacheStats, table
from runtime.caches.semantic import SemanticCache
from runtime.caches.shared import Redis, RedisCache
from runtime.caches.vectors import MemoryVectors, VectorIndex
from runtime.obs.events import Emit
from runtime.offline import offline
from runtime.providers.embedders import open_embedder
from runtime.store.errors import StoreError


def open_caches(
    config: CachesConfig | None = None,
    *,
    base: Path | None = None,
    l1: Cache[Any] | None = None,
    shared: Cache[Any] | None = None,
    l4: Callable[[], CacheStats] | None = None,
    emit: Emit | None = None,
) -> CacheManager:
    """``config`` None: in memory alone. ``base``: the folder that paths are relative to. In an offline
    process servers are left out. Raises `StoreError` where a package is missing."""
    config = config or IN_MEMORY
    base = base or Path.cwd()
    folder = base / Path(config.folder).expanduser() if config.folder else default_folder()
    l2 = InferenceCache(
        config=config.l2.table,
        hot=_hot(config.l2),
        cold=_cold(config.l2, folder),
        sampled=config.l2.sampled,
    )
    l3 = None if config.l3 is None else _semantic(config.l3, folder, base)
    return CacheManager(l1, l2, l3, shared=shared, l4=l4, emit=emit)


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """``$RTFSC_CACHE_DIR/answers``, else ``rtfsc/answers`` in the user's cache."""
    from runtime.store.cache import default_folder as blobs

    return blobs(environ).parent / "answers"


def _hot(config: L2Config) -> Cache[str]:
    if config.hot == MEMORY or offline():
        return table(config.table)
    _require("redis", "a shared cache", "redis")
    return RedisCache(Redis(config.hot), "l2", config.table.ttl, encode, decode)


def _cold(config: L2Config, folder: Path) -> ColdStore | None:
    if config.cold == NONE or (_remote(config.cold) and offline()):
        return None
    return SqliteCold(folder / "answers.sqlite") if config.cold == SQLITE else BlobCold(config.cold)


def _semantic(config: L3Config, folder: Path, base: Path) -> SemanticCache | None:
    if _remote(config.embedder) and offline():
        return None
    if config.embedder.endswith(".gguf"):
        _require("llama_cpp", "embeddings by a GGUF model", "llama")
    embedder = open_embedder(config.embedder, base=base, key_env=config.embedder_key_env)
    return SemanticCache(embedder, _index(config, folder), least=config.threshold)


def _index(config: L3Config, folder: Path) -> VectorIndex:
    if config.index == MEMORY or (_remote(config.index) and offline()):
        return MemoryVectors(config.capacity)
    if config.index == SQLITE:
        from runtime.caches.vectors_file import FileVectors

        return FileVectors(folder / "questions.sqlite", config.capacity)
    _require("psycopg_pool", "an index in PostgreSQL", "team")
    from runtime.caches.pgvector import PostgresVectors

    return PostgresVectors(config.index, config.capacity)


def _remote(place: str) -> bool:
    return "://" in place and not place.startswith("file://")


def _require(package: str, purpose: str, extra: str) -> None:
    if find_spec(package) is None:
        raise StoreError(f"{purpose} needs the package {package}", hint=f"pip install 'rtfsc[{extra}]'")
