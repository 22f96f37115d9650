"""What a runtime finds in its store: a program by its text or by its meaning, functions by their interface.
All of it is verified before it runs; every outcome goes into the governance log.

A refused entry is a warning and a fresh compilation, never an error, as long as the source is at hand.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from rtfsc.fingerprint import compiler_fingerprint
from rtfsc.source import SourceFile
from runtime.lookups import record
from runtime.module import Module, Provenance

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from runtime.engine import Runtime
    from runtime.store.index import Entry
    from runtime.store.store import VerifiedArtifact

Source = TypeVar("Source")


class RefusedEntry(UserWarning):
    """A stored module was refused, or the store failed, and the source was compiled anew instead.
    ``code``: that of the error."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Found:
    """A stored function that was found by its interface."""

    def __init__(self, runtime: Runtime, entry: Entry, name: str) -> None:
        self.runtime, self.entry, self.name = runtime, entry, name

    def load(self) -> Any:
        """The callable, from the verified module."""
        return self.runtime.get(self.entry, self.name)[self.name]

    def __repr__(self) -> str:
        return f"<stored function {self.name} of {self.entry.name} {self.entry.digest[:16]}>"


def _missing_if_unreadable(
    look_up: Callable[[Runtime, Source], Module | None],
) -> Callable[[Runtime, Source], Module | None]:
    """A store that fails is a miss: the source is at hand."""

    def found(runtime: Runtime, source: Source) -> Module | None:
        from runtime.store.errors import StoreError

        try:
            return look_up(runtime, source)
        except StoreError as error:
            _warn(f"the store cannot be read, compiling anew: {error}", error.code)
            return None

    return found


@_missing_if_unreadable
def by_text(runtime: Runtime, source: SourceFile) -> Module | None:
    """This very text, compiled as it would be now."""
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    exact = runtime.store.find_by_source(digest, compiler_fingerprint(), f"O{runtime.level}", "wasm32")
    for artifact in _fetched(runtime, exact, "text", digest):
        return _load(runtime, artifact, None)
    return None


@_missing_if_unreadable
def by_meaning(runtime: Runtime, compilation: Compilation) -> Module | None:
    """The same definitions under another text; errors will show the lines of this one."""
    from runtime.matching import match
    from runtime.publishing import action_key

    folder = runtime.choice.location.folder
    if folder is not None and not folder.exists():
        return None
    key = action_key(compilation)
    entry = runtime.store.find_by_action(key)
    candidates = [entry] if entry else _by_definitions(runtime, compilation)
    asked = ("action", key) if entry else ("definition", compilation.module_key)
    for artifact in _fetched(runtime, candidates, *asked):
        found = match(compilation.unoptimised, artifact)
        if found is not None:
            module = _load(runtime, artifact, found, compilation)
            module.__rtfs_warnings__ = compilation.sink.diagnostics
            return module
    return None


def by_interface(runtime: Runtime, signature: str) -> list[Found]:
    """See `Runtime.find`."""
    from rtfsc.signature import interface_hash_of

    wanted = interface_hash_of(signature)
    return [
        Found(runtime, entry, export.name)
        for entry in runtime.store.find_by_interface(wanted, "wasm32")
        for export in entry.description.exports
        if export.interface_hash == wanted
    ]


def current(runtime: Runtime, entry: Entry, export: str | None) -> Module:
    """The newest version of an entry, or of the part of it that exports this interface; one that is older
    than what was seen there before is refused."""
    started = perf_counter()
    return _asked_for(runtime, runtime.store.fetch_current(entry, _part(entry, export)), export, started)


def exactly(runtime: Runtime, entry: Entry, export: str | None) -> Module:
    """This version, whether there are newer ones or not."""
    started = perf_counter()
    return _asked_for(runtime, runtime.store.fetch(entry), export, started)


def _asked_for(runtime: Runtime, artifact: VerifiedArtifact, export: str | None, started: float) -> Module:
    entry = artifact.entry
    runtime.store.touch(entry)
    by, key = ("interface", export) if export else ("name", entry.name)
    record(runtime, by, key, entry, "hit", perf_counter() - started)
    return _load(runtime, artifact, None)


def _load(
    runtime: Runtime, artifact: VerifiedArtifact, found: Any, compilation: Compilation | None = None
) -> Module:
    from runtime.vouched import refuse_undeclared

    refuse_undeclared(artifact.artifact, artifact.verified)
    exports: dict[str, Mapping[str, Any]] = {}
    host = runtime.host(exports)  # looks at them when the program runs
    provenance = Provenance("store", "wasm", artifact.entry.digest, artifact.signers[0])
    if found is None:
        instance = runtime.instance_of(artifact.artifact, host=host)
        exports |= {e["name"]: e for e in instance.interface["exports"]}
        own = instance.interface.get("module", "")
        return runtime.module_of(instance, exports, provenance, host, artifact.artifact, own=own)
    instance = runtime.instance_of(artifact.artifact, spans=found.spans, names=found.names, host=host)
    stored = {e["name"]: e for e in instance.interface["exports"]}
    renamed = {name: stored[own] for name, own in found.exports.items()}
    # Both: code calls a declared function by the name that it had when it was published.
    exports |= {**renamed, **stored}
    own = compilation.unoptimised.own if compilation is not None else ""
    return runtime.module_of(
        instance, renamed, provenance, host, artifact.artifact, found.exports, compilation, own=own
    )


def _by_definitions(runtime: Runtime, compilation: Compilation) -> list[Entry]:
    from runtime.matching import only_definitions, retrieval_keys

    keys = retrieval_keys(compilation.unoptimised, "wasm32")
    if not keys or not only_definitions(compilation.unoptimised):
        return []
    wanted = set(keys.values())
    return [
        entry
        for entry in runtime.store.find_by_definition(next(iter(keys.values())))
        if wanted <= {export.retrieval_key for export in entry.description.exports}
    ]


def _fetched(runtime: Runtime, entries: list[Entry], by: str, key: str) -> Iterator[VerifiedArtifact]:
    """Those that are trusted; every outcome goes into the governance log."""
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError

    for entry in entries:
        started = perf_counter()
        try:
            artifact = runtime.store.fetch(entry)
        except (TrustError, StoreError) as error:
            runtime.store.quarantine(entry, error)
            record(
                runtime, by, key, entry, "refused", perf_counter() - started,
                detail=f"{error.code} {error.message}", error=error.code,
            )  # fmt: skip
            _warn(f"stored module refused, compiling anew: {error}", error.code)
            continue
        runtime.store.touch(entry)
        record(runtime, by, key, entry, "hit", perf_counter() - started, detail=entry.name)
        yield artifact


def _part(entry: Entry, export: str | None) -> str:
    """By what versions of the entry are told apart."""
    from runtime.store.publications import part_of

    hashes = {e.name: e.interface_hash for e in entry.description.exports}
    return "" if export is None else part_of(export, hashes[export])


def _warn(message: str, code: str) -> None:
    """Warns at the line that called into rtfsc."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith(("runtime.", "rtfsc.")):
        level, frame = level + 1, frame.f_back
    warnings.warn(RefusedEntry(message, code), stacklevel=level)
