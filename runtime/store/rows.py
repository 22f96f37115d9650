"""Rows of the tables ``rtfs_modules`` and ``rtfs_exports``, the same in every SQL index.

SQLite keeps any value in any column. What is of another type than it should be becomes one of that type: it
is not what was signed, so the entry is refused like any other that somebody changed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from runtime.store.index import Description, Entry, Hit, Meaning, NewEntry, Status
from runtime.trust.statement import Export

WRITTEN = (
    "name", "version", "doc", "target", "level", "compiler_fingerprint", "action_key", "interface_hash",
    "source_digest", "storage_pointer", "ir_pointer", "source_pointer", "signature", "signer",
    "creation_timestamp",
)  # fmt: skip
"""Columns that come with a new entry."""
STATE = ("validation_status", "status_reason")
MODULE = ("id", *WRITTEN, *STATE, "last_used_timestamp", "use_count", "serial", "pinned")
EXPORT = ("name", "kind", "def_hash", "interface_hash", "retrieval_key", "effects")
"""After ``module_id`` and ``position``."""
MEANING = ("export", "interface_hash", "embedder", "text", "vector")
HIT = ("time_ms", "request_kind", "request_key", "module_id", "digest", "outcome", "score", "detail")

_DESCRIBED = 11
_LATEST_MS = 253_402_300_800_000  # the year 10000, beyond which times have no text


def written(new: NewEntry) -> list[Any]:
    """The values of `WRITTEN`."""
    described = list(new.description[:_DESCRIBED])
    return [*described, new.source_pointer, new.signature, new.signer, new.created_ms]


def exports_of(entry_id: int, exports: Sequence[Export]) -> list[tuple[Any, ...]]:
    """The rows of the exports."""
    return [(entry_id, i, *export[:-1], json.dumps(list(export.effects))) for i, export in enumerate(exports)]


def entries(modules: Iterable[Sequence[Any]], exports: Iterable[Sequence[Any]]) -> list[Entry]:
    """From rows of `MODULE`, in their order, and rows of ``module_id`` and `EXPORT`, by position."""
    grouped: dict[int, list[Export]] = {}
    for module_id, *values, effects in exports:
        grouped.setdefault(module_id, []).append(Export._make([*map(_text, values), _effects(effects)]))
    return [_entry(row, tuple(grouped.get(row[0], ()))) for row in modules]


def meaning(row: Sequence[Any]) -> Meaning:
    *texts, vector = row
    return Meaning._make([*map(_text, texts), vector if isinstance(vector, bytes) else b""])


def hit(row: Sequence[Any]) -> Hit:
    time_ms, kind, key, module_id, digest, outcome, score, detail = row
    number = score if isinstance(score, (int, float)) and math.isfinite(score) else None
    module = module_id if isinstance(module_id, int) else None
    of = None if digest is None else _text(digest)
    return Hit(_time(time_ms), _text(kind), _text(key), module, of, _text(outcome), number, _text(detail))


def _entry(row: Sequence[Any], exports: tuple[Export, ...]) -> Entry:
    described = [value if value is None else _text(value) for value in row[1 : 1 + _DESCRIBED]]
    source, signature, signer, created, status, reason, used, uses, serial, pinned = row[1 + _DESCRIBED :]
    return Entry(
        row[0],
        Description._make([*described, exports]),
        None if source is None else _text(source),
        _text(signature),
        _text(signer),
        _time(created),
        _status(status),
        _text(reason),
        None if used is None else _time(used),
        _count(uses),
        _count(serial),
        bool(pinned),
    )


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _count(value: Any) -> int:
    return value if type(value) is int else 0


def _time(value: Any) -> int:
    return min(max(_count(value), 0), _LATEST_MS - 1)


def _status(value: Any) -> Status:
    return value if value in ("Verified", "Revoked") else "Pending"


def _effects(text: Any) -> tuple[str, ...]:
    try:
        effects = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        effects = None
    if not isinstance(effects, list) or not all(type(effect) is str for effect in effects):
        return (f"unreadable: {text!r:.40}",)
    return tuple(effects)
