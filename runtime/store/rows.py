"""Rows of the tables ``rtfs_modules`` and ``rtfs_exports``, the same in every SQL index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from runtime.store.errors import DamagedIndex
from runtime.store.index import Description, Entry, Hit, Meaning, NewEntry
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
        grouped.setdefault(module_id, []).append(Export._make([*values, _effects(effects)]))
    return [_entry(row, tuple(grouped.get(row[0], ()))) for row in modules]


def meaning(row: Sequence[Any]) -> Meaning:
    *texts, vector = row
    return Meaning._make([*texts, bytes(vector)])


def hit(row: Sequence[Any]) -> Hit:
    return Hit._make(row)


def _entry(row: Sequence[Any], exports: tuple[Export, ...]) -> Entry:
    described, kept = row[1 : 1 + _DESCRIBED], row[1 + _DESCRIBED :]
    return Entry._make([row[0], Description._make([*described, exports]), *kept[:-1], bool(kept[-1])])


def _effects(text: Any) -> tuple[str, ...]:
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError):
        raise DamagedIndex(f"the index is damaged: effects {text!r:.40} are not a list") from None
