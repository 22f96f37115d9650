"""What came of looking into the store: a line in its governance log, and an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.obs.events import tell

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.store.index import Entry


def record(
    runtime: Runtime,
    by: str,
    key: str,
    entry: Entry | None,
    outcome: str,
    seconds: float,
    *,
    score: float | None = None,
    detail: str = "",
    error: str | None = None,
) -> None:
    """``by``: the kind of ``key``; ``outcome``: ``hit``, ``miss`` or ``refused``; ``entry``: what was hit or
    refused; ``error``: the code of a refusal."""
    runtime.store.record(by, key, entry, outcome, score, detail)
    module, digest, signer = (None,) * 3 if entry is None else (entry.name, entry.digest, entry.signer)
    tell(
        runtime.emit, f"store.{outcome}", by=by, request=key, module=module, digest=digest,
        signer=signer if outcome == "hit" else None, score=score, error=error, seconds=seconds,
        reason=detail if outcome == "miss" else None,
    )  # fmt: skip
