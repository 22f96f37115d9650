"""What a runtime is told about the chain that it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.chain.chain import Chain
    from runtime.store.paths import Paths
    from runtime.trust.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Audit:
    """``record``: keep inputs, outputs and programs, so that runs can be replayed, and not their digests
    alone; ``intent``: what the runs are for, in the user's words; ``key``: name of the key that signs;
    ``seal_every``: lines between two signed heads, 1 to sign each."""

    record: bool = False
    intent: str = ""
    key: str = "local"
    seal_every: int = 1000
    prompt: Callable[[str], str] | None = None

    def chain(self, paths: Paths, keys: KeyRing) -> Chain:
        """The chain in the user's home."""
        from runtime.chain.chain import Chain

        return Chain(paths.chain, lambda: keys.load(self.key, self.prompt), seal_every=self.seal_every)
