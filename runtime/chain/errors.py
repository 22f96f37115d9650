"""What can be wrong with a causal chain; all are `TrustError`."""

from __future__ import annotations

from runtime.trust.errors import TrustError


class ChainDamaged(TrustError):
    """Records were changed, removed, inserted or put in another order."""

    code = "T024"


class ChainTruncated(ChainDamaged):
    """The chain ends before a point that was signed."""

    code = "T025"


class Unrecorded(TrustError):
    """What a replay needs was not kept, or is not what it was."""

    code = "T026"
