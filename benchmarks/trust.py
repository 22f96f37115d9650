"""What trust costs: signing, verifying once and again, reading a log for the first time, proofs."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.timing import interleaved, microseconds, milliseconds, table

_LOG = 20_000


def trust() -> str:
    """Figures of docs/trust.md."""
    from runtime.trust import envelope
    from runtime.trust.keys import SigningKey
    from runtime.trust.seen import Seen
    from runtime.trust.store import TrustedKey, TrustStore
    from runtime.trust.verifier import Verifier

    key, artifact = SigningKey.generate(), b"\0asm" + bytes(10_000)
    store = TrustStore().with_key(TrustedKey(key.public, "k"))
    digest = hashlib.sha256(artifact).hexdigest()
    payload = _statement(digest).encode()
    manifest = envelope.sign(payload, key).encode()
    warm = Verifier(store)
    warm.verify(manifest, digest)

    def repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
        def runs() -> None:
            for _ in range(times):
                run()

        return runs

    contenders = {
        "SHA-256 of 10 KB": (lambda: hashlib.sha256(artifact).digest(), 200),
        "Ed25519: sign": (lambda: key.sign(payload), 50),
        "a manifest: state and sign": (lambda: envelope.sign(_statement(digest).encode(), key).encode(), 50),
        "a manifest: verify the first time": (lambda: Verifier(store).verify(manifest, digest), 50),
        "a manifest: verify again": (lambda: warm.verify(manifest, digest), 500),
    }
    times = interleaved({name: repeated(run, count) for name, (run, count) in contenders.items()})
    rows = [[name, microseconds(times[name] / contenders[name][1])] for name in contenders]
    with tempfile.TemporaryDirectory() as folder:
        index, log = _log(key, Seen(Path(folder) / "seen.sqlite"), Verifier(store))
        rows += _log_rows(index, log, Verifier(store), Path(folder))
    return table("Trust", ["what", "time"], rows)


def _statement(digest: str) -> Any:
    from runtime.trust.statement import Build, Certificate, Export, Predicate, Statement

    other = hashlib.sha256(b"x").hexdigest()
    build = Build(other, "wasm32", "O2", "compiler", "rt", (1, 0))
    exports = tuple(Export(f"f{i}", "function", other, other, other) for i in range(4))
    certificate = Certificate(0, 160, 0, ("evaluator", "wasm32"), other)
    return Statement(digest, Predicate("shop.pricing", build, exports, other, certificate=certificate))


def _log(key: Any, seen: Any, verifier: Any) -> tuple[Any, Any]:
    """A log of ``_LOG`` publications with a head at its end, read once."""
    from runtime.store.memory import MemoryIndex
    from runtime.store.publications import PublicationLog
    from runtime.trust import records
    from runtime.trust.records import Publication

    index = MemoryIndex()
    for i in range(_LOG):
        digest = hashlib.sha256(b"%d" % i).hexdigest()
        index.append_log(records.sign(Publication("n", i, digest, digest, 0), key).leaf)
    log = PublicationLog(index, seen.store("s"), verifier)
    log.seal(key)
    return index, log


def _log_rows(index: Any, log: Any, verifier: Any, folder: Path) -> list[list[str]]:
    from runtime.store.publications import PublicationLog
    from runtime.trust import merkle
    from runtime.trust.seen import Seen

    fresh = iter(range(1000))

    def newcomer() -> None:
        seen = Seen(folder / f"{next(fresh)}.sqlite")
        PublicationLog(index, seen.store("s"), verifier).refresh(now=True)
        seen.close()

    hashes = log.seen.hashes(0, _LOG)
    root = merkle.root(hashes)
    middle = _LOG // 3
    proof = merkle.inclusion_proof(hashes, middle)
    runs = {
        f"a log of {_LOG:,} records: first reading": newcomer,
        "the same log again": lambda: log.refresh(now=True),
        "the same log: proof of inclusion": lambda: merkle.inclusion_proof(hashes, middle),
        "check of that proof": lambda: merkle.check_inclusion(hashes[middle], middle, _LOG, proof, root),
    }
    times = interleaved(runs, 5)
    return [[name, milliseconds(times[name])] for name in runs]
