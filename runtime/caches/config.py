"""The section ``[caches]`` of a ``delegation.toml``.

::

    [caches]
    folder = "answers"               # of what is kept on this machine; default: the user's cache

    [caches.l1]                      # decisions
    capacity = 65536
    redis = "redis://cache.example:6379/0"

    [caches.l2]                      # answers
    capacity = 2000                  # of the hot store in process
    ttl = 86400                      # seconds
    hot = "memory"                   # or redis://…
    cold = "sqlite"                  # or none, file:///…, s3://…, gs://…, az://…

    [caches.l3]                      # answers to like questions; without this section there are none
    threshold = 0.95
    index = "sqlite"                 # or memory, postgresql://…
    embedder = "lexical"             # or a .gguf file, or https://SERVER/v1#MODEL
    embedder_key_env = "NAME"        # environment variable with the key of that server

Without a section ``[caches]`` answers are kept in memory alone: what is written to a disk, or to a server, is
what a file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from rtfsc.diagnostics.suggest import meant_or_known
from runtime.caches.protocol import CacheConfig, Eviction

T = TypeVar("T")

MEMORY, SQLITE, NONE = "memory", "sqlite", "none"
_BLOBS = ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")


@dataclass(frozen=True, slots=True)
class L1Config:
    """``ttl`` None: that of the policy's ``[defaults]``; ``redis``: address, "" for none."""

    table: CacheConfig = field(default_factory=lambda: CacheConfig(64 << 10, None))
    redis: str = ""


@dataclass(frozen=True, slots=True)
class L2Config:
    """``hot``: ``memory`` or an address of Redis; ``cold``: ``none``, ``sqlite`` or an address of blobs;
    ``sampled``: whether answers with a temperature above 0 are kept."""

    table: CacheConfig = field(default_factory=lambda: CacheConfig(2000, 86_400.0))
    sampled: bool = False
    hot: str = MEMORY
    cold: str = SQLITE


@dataclass(frozen=True, slots=True)
class L3Config:
    """``threshold``: least cosine, None for the embedder's own; ``capacity`` in texts; ``index``:
    ``memory``, ``sqlite`` or an address of PostgreSQL; ``embedder``: ``lexical``, a GGUF file or
    ``https://SERVER/v1#MODEL``, whose key is in the environment variable ``embedder_key_env``."""

    threshold: float | None = None
    capacity: int = 100_000
    index: str = SQLITE
    embedder: str = "lexical"
    embedder_key_env: str | None = None


@dataclass(frozen=True, slots=True)
class CachesConfig:
    """``folder``: relative to the file, "" for the user's cache; ``l3`` None: there is none."""

    folder: str = ""
    l1: L1Config = field(default_factory=L1Config)
    l2: L2Config = field(default_factory=L2Config)
    l3: L3Config | None = None


IN_MEMORY = CachesConfig(l2=L2Config(cold=NONE))
"""Where no file says otherwise."""


class Mistake(Protocol):
    def __call__(self, message: str, *path: str, hint: str | None = None) -> Exception:
        """The error for a mistake at this key of the section."""


def read(section: Mapping[str, Any], mistake: Mistake) -> CachesConfig:
    """Raises what ``mistake`` makes. Nothing is connected to."""
    top = _Table(section, (), mistake)
    top.known("folder", "l1", "l2", "l3")
    return CachesConfig(
        top.text("folder", ""),
        _l1(top.table("l1")),
        _l2(top.table("l2")),
        _l3(top.table("l3")) if "l3" in section else None,
    )


def _l1(table: _Table) -> L1Config:
    table.known("capacity", "ttl", "eviction", "redis")
    default = L1Config()
    return L1Config(table.cache(default.table), table.address("redis", "", (), ("redis", "rediss")))


def _l2(table: _Table) -> L2Config:
    table.known("capacity", "ttl", "eviction", "confidence", "sampled", "hot", "cold")
    default = L2Config()
    return L2Config(
        table.cache(default.table),
        table.flag("sampled"),
        table.address("hot", default.hot, (MEMORY,), ("redis", "rediss")),
        table.address(
            "cold", default.cold, (SQLITE, NONE), ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")
        ),
    )


def _l3(table: _Table) -> L3Config:
    from runtime.providers.embedders import check_embedder
    from runtime.providers.errors import Misconfigured

    table.known("threshold", "capacity", "index", "embedder", "embedder_key_env")
    default = L3Config()
    threshold = table.number("threshold", -1.0, least=0, most=1)
    embedder = table.text("embedder", default.embedder)
    try:
        check_embedder(embedder)
    except Misconfigured as error:
        raise table.mistake(f"no embedder {embedder!r}", "embedder", hint=error.hint) from None
    return L3Config(
        None if threshold < 0 else threshold,
        int(table.number("capacity", default.capacity, least=1, whole=True)),
        table.address("index", default.index, (MEMORY, SQLITE), ("postgresql", "postgres")),
        embedder,
        table.text("embedder_key_env", "") or None,
    )


class _Table:
    """Reads keys of one table, with mistakes at their places."""

    def __init__(self, data: Mapping[str, Any], path: tuple[str, ...], mistake: Mistake) -> None:
        self._data, self._path, self._mistake = data, path, mistake

    def mistake(self, message: str, *path: str, hint: str | None = None) -> Exception:
        return self._mistake(message, *self._path, *path, hint=hint)

    def known(self, *names: str) -> None:
        for key in self._data:
            if key not in names:
                raise self.mistake(f"no key {key!r}", key, hint=meant_or_known(key, names))

    def table(self, name: str) -> _Table:
        data = self._data.get(name, {})
        if not isinstance(data, dict):
            raise self.mistake(f"{name} is written as [caches.{name}]", name)
        return _Table(data, (*self._path, name), self._mistake)

    def text(self, name: str, default: str) -> str:
        found = self._data.get(name, default)
        if not isinstance(found, str):
            raise self.mistake(f"{name} must be a text", name)
        return found

    def flag(self, name: str) -> bool:
        found = self._data.get(name, False)
        if not isinstance(found, bool):
            raise self.mistake(f"{name} must be true or false", name)
        return found

    def number(
        self, name: str, default: float, *, least: float, most: float = float("inf"), whole: bool = False
    ) -> float:
        if name not in self._data:
            return default
        found = self._data[name]
        if isinstance(found, bool) or not isinstance(found, int if whole else (int, float)):
            raise self.mistake(f"{name} must be a {'whole ' if whole else ''}number", name)
        if not least <= found <= most:
            limit = f"at most {most:g}" if found > most else f"at least {least:g}"
            raise self.mistake(f"{name} must be {limit}, not {found:g}", name)
        return found

    def cache(self, default: CacheConfig) -> CacheConfig:
        """``capacity``, ``ttl``, ``eviction`` and ``confidence``."""
        made = replace(
            default,
            capacity=int(self.number("capacity", default.capacity, least=1, most=1 << 31, whole=True)),
            eviction=self._eviction(default.eviction),
        )
        if "ttl" in self._data:
            made = replace(made, ttl=self.number("ttl", 0, least=1e-3, most=1e12))
        if "confidence" in self._data:
            made = replace(made, confidence=self.number("confidence", 0, least=0, most=1))
        return made

    def _eviction(self, default: Eviction) -> Eviction:
        word = self.text("eviction", default.value)
        try:
            return Eviction(word)
        except ValueError:
            words = [eviction.value for eviction in Eviction]
            raise self.mistake(
                f"no eviction {word!r}", "eviction", hint=meant_or_known(word, words)
            ) from None

    def address(self, name: str, default: str, words: Iterable[str], schemes: Iterable[str]) -> str:
        """One of the words, or an address with one of the schemes and without a password."""
        from runtime.store.errors import StoreError
        from runtime.store.location import has_password

        found = self.text(name, default)
        if found in words or found == default:
            return found
        scheme = found.partition("://")[0].lower()
        if "://" not in found or scheme not in schemes:
            known = [*(f'"{word}"' for word in words), *(f'"{scheme}://…"' for scheme in schemes)]
            raise self.mistake(f"no place {found!r:.80}", name, hint=f"there are {', '.join(known)}")
        try:
            password = has_password(found)
            _check(found, scheme)
        except (ValueError, StoreError) as error:
            raise self.mistake(str(error), name) from None
        if password:
            raise self.mistake(
                "a password has no place in a file", name, hint="it comes from the environment"
            )
        return found


def _check(address: str, scheme: str) -> None:
    """As far as can be told without a connection. Raises ValueError, `StoreError`."""
    from runtime.caches.shared import Redis
    from runtime.store.location import MEMORY, Location

    if scheme in ("redis", "rediss"):
        Redis(address)
    elif scheme in ("postgresql", "postgres"):
        Location.of(MEMORY, address)
    else:
        Location.of(address, MEMORY)
