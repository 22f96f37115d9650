"""Why a program is found in the store, or why not: the whole evidence, for `rtfsc why`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtfsc.fingerprint import compiler_fingerprint
from runtime.matching import match, only_definitions, retrieval_keys
from runtime.publishing import action_key, source_text
from runtime.store.errors import StoreError
from runtime.trust.errors import TrustError

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from rtfsc.source import SourceFile
    from runtime.engine import Runtime
    from runtime.store.index import Entry
    from runtime.store.store import VerifiedArtifact


@dataclass(slots=True)
class Attempt:
    """One way to look. ``by``: ``text``, ``action`` or ``definitions``; ``keys``: what was looked for;
    ``found``: how many entries have it; ``refused``: digest and reason of those that were not accepted."""

    by: str
    keys: dict[str, str]
    found: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Evidence:
    """``hit``: the verified module, None for a miss; ``nearest``: then the entry that differs least, with
    (field, asked for, stored) of each difference."""

    attempts: list[Attempt]
    hit: VerifiedArtifact | None = None
    nearest: Entry | None = None
    differences: list[tuple[str, str, str]] = field(default_factory=list)


def evidence(runtime: Runtime, source: SourceFile) -> Evidence:
    """Looks as `Runtime.compile` does, and keeps what it saw. Raises `DiagnosticError`, `StoreError`."""
    found = Evidence([])
    compilation = runtime.compilation(source)
    for attempt, entries in _attempts(runtime, source, compilation):
        found.attempts.append(attempt)
        attempt.found = len(entries)
        for entry in entries:
            try:
                artifact = runtime.store.fetch(entry)
            except (TrustError, StoreError) as error:
                attempt.refused.append((entry.digest, f"{error.code} {error.message}"))
                continue
            if attempt.by != "text" and match(compilation.unoptimised, artifact) is None:
                attempt.refused.append((entry.digest, "it lacks some of the definitions"))
                continue
            found.hit = artifact
            return found
    _compare_with_nearest(runtime, compilation, found)
    return found


def _attempts(
    runtime: Runtime, source: SourceFile, compilation: Compilation
) -> Iterator[tuple[Attempt, list[Entry]]]:
    store, level = runtime.store, f"O{runtime.level}"
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    asked = {"source_digest": digest, "compiler": compiler_fingerprint(), "level": level, "target": "wasm32"}
    yield Attempt("text", asked), store.find_by_source(digest, compiler_fingerprint(), level, "wasm32")
    key = action_key(compilation)
    entry = store.find_by_action(key)
    yield Attempt("action", {"action_key": key}), [entry] if entry else []
    keys = retrieval_keys(compilation.unoptimised, "wasm32")
    entries: list[Entry] = []
    if keys and only_definitions(compilation.unoptimised):
        wanted = set(keys.values())
        entries = [
            entry
            for entry in store.find_by_definition(next(iter(keys.values())))
            if wanted <= {export.retrieval_key for export in entry.description.exports}
        ]
    yield Attempt("definitions", keys), entries


def _compare_with_nearest(runtime: Runtime, compilation: Compilation, found: Evidence) -> None:
    best: tuple[int, Entry, list[tuple[str, str, str]]] | None = None
    asked = _asked(runtime, compilation)
    for entry in runtime.store.list():
        stored = _stored(entry)
        differences = [
            (name, asked.get(name, "-"), stored.get(name, "-"))
            for name in dict.fromkeys([*asked, *stored])
            if asked.get(name) != stored.get(name)
        ]
        alike = len(asked.keys() & stored.keys()) - len(differences)
        if any(asked.get(n) == v for n, v in stored.items() if n not in _EVERYWHERE) and (
            best is None or alike > best[0]
        ):
            best = (alike, entry, differences)
    if best is not None:
        _, found.nearest, found.differences = best


_EVERYWHERE = ("compiler", "level", "target", "status")
"""Fields in which unrelated modules agree too."""


def _asked(runtime: Runtime, compilation: Compilation) -> dict[str, str]:
    facts = {
        "status": "Verified",
        "source_digest": hashlib.sha256(source_text(compilation).encode()).hexdigest(),
        "compiler": compiler_fingerprint(),
        "level": f"O{runtime.level}",
        "target": "wasm32",
    }
    for export in compilation.unoptimised.exports:
        facts[f"{export.name}: interface_hash"] = export.interface_hash
        facts[f"{export.name}: def_hash"] = export.def_hash
    return facts


def _stored(entry: Entry) -> dict[str, str]:
    description = entry.description
    facts = {
        "status": entry.status,
        "source_digest": description.source_digest or "-",
        "compiler": description.compiler_fingerprint,
        "level": description.level,
        "target": description.target,
    }
    for export in description.exports:
        facts[f"{export.name}: interface_hash"] = export.interface_hash
        facts[f"{export.name}: def_hash"] = export.def_hash
    return facts


def facts_of(runtime: Runtime, artifact: VerifiedArtifact) -> dict[str, Any]:
    """What stands behind a hit that was verified a moment ago: keys, digests, signers and the rules that let
    them, certificate, when it was verified."""
    entry, predicate = artifact.entry, artifact.statement.predicate
    certificate = predicate.certificate
    return {
        "module": entry.name,
        "version": entry.serial,
        "digest": entry.digest,
        "action_key": entry.description.action_key,
        "manifest": entry.signature,
        "exports": {
            export.name: {
                "def_hash": export.def_hash,
                "interface_hash": export.interface_hash,
                "retrieval_key": export.retrieval_key,
            }
            for export in entry.description.exports
        },
        "signers": [
            {"name": key.name, "id": key.public.key_id, "namespaces": list(key.namespaces)}
            for key in artifact.verified.signers
        ],
        "rules": [
            {"modules": rule.modules, "asks": rule.describe()}
            for rule in runtime.verifier.trust.policies(entry.name)
        ],
        "verified_ms": int(runtime.verifier.clock.checked() * 1000),
        "certificate": None
        if certificate is None
        else {"inputs": certificate.inputs, "engines": list(certificate.engines), "seed": certificate.seed},
        "record": _record(runtime, artifact),
        "uses": entry.use_count,
        "last_used_ms": entry.last_used_ms,
    }


def _record(runtime: Runtime, artifact: VerifiedArtifact) -> int | None:
    """The number of its publication in the log."""
    try:
        return runtime.store.log.record_of(artifact.verified)[0]
    except TrustError:
        return None
