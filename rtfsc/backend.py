"""The two protocols behind which targets live, found by the entry points ``rtfsc.backends`` and
``rtfsc.executors``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from rtfsc.ir.nodes import Module, Place


class BytecodeBackend(Protocol):
    """Turns a verified module into the bytes of one target. Pure: same module and options, same bytes."""

    target: str

    def compile(self, module: Module, *, action: Mapping[str, Any] | None = None) -> bytes:
        """``action`` is recorded in the artifact: what it was built from."""

    def fingerprint(self) -> str:
        """Digest of everything besides the module that decides the bytes (emitter, runtime library)."""


class Instance(Protocol):
    """A module loaded into an engine. Errors of the program raise `runtime.values.RtfsError`."""

    def start(self) -> None:
        """Evaluates the top level (once) and drops its value. `function` and `value` do so first."""

    def run(self) -> Any:
        """Evaluates the top level (once) and returns the value of the last form."""

    def run_printed(self) -> str:
        """Like `run`, with the value in printed RTFS form."""

    def function(self, name: str) -> Callable[..., Any]:
        """The exported function; calls convert by the table in docs/embedding.md."""

    def value(self, name: str) -> Any:
        """The exported global."""

    def close(self) -> None: ...


class BytecodeExecutor(Protocol):
    """Runs the bytes of one target. ``spans`` are (start, end) per site id, the caller's own where it
    has the source; ``names`` display names per function. None: those in the artifact. ``host`` performs the
    operation ``host``; None denies every capability."""

    target: str

    def instantiate(
        self,
        artifact: bytes,
        *,
        limits: Any,
        spans: Sequence[Place] | None = None,
        names: Sequence[str] | None = None,
        host: Callable[[str, list[Any]], Any] | None = None,
    ) -> Instance: ...
