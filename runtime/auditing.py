"""A runtime that keeps a causal chain: how its programs get on record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from runtime.chain.audit import Audit
from runtime.chain.kept import Kept
from runtime.chain.recorder import Recorder
from runtime.host.access import HostCallable
from runtime.once import once
from runtime.values import RtfsError

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from runtime.chain.chain import Chain
    from runtime.engine import Runtime
    from runtime.module import Provenance


_purpose: ContextVar[str] = ContextVar("rtfsc_purpose", default="")


@contextmanager
def purpose(intent: str) -> Iterator[None]:
    """What the programs that begin in the block are for, on whatever record they are."""
    token = _purpose.set(intent)
    try:
        yield
    finally:
        _purpose.reset(token)


class Auditor:
    """The chain of one runtime. Programs that must not be off the record do not run without it: what cannot
    be written ends the run."""

    def __init__(self, runtime: Runtime, audit: Audit) -> None:
        self.audit, self._runtime = audit, runtime

    @once
    def chain(self) -> Chain:
        chain = self.audit.chain(self._runtime.paths, self._runtime.keys)
        chain.open()
        return chain

    @once
    def kept(self) -> Kept | None:
        return Kept(self._runtime.paths.chain) if self.audit.record else None

    def recorder(self, make: Callable[[], Any], context: Mapping[str, Any] | None = None) -> Recorder:
        """On record: what ``make`` makes, a `Session` for one instance, when it is first needed."""
        from runtime.host.access import Deferred

        made: list[Any] = []

        def session() -> HostCallable:
            made.append(make())
            host: HostCallable = made[0]
            return host

        def values() -> Mapping[str, Any]:
            if not made:
                return dict(context or {})
            return {name: value for layer in made[0].contexts for name, value in layer.items()}

        intent = _purpose.get() or self.audit.intent
        return Recorder(Deferred(session), self.chain, intent=intent, kept=self.kept, context=values)

    def start(
        self, instance: Any, host: Recorder, provenance: Provenance, artifact: bytes | None,
        compilation: Compilation | None,
    ) -> None:  # fmt: skip
        """Evaluates the top level of the instance, on record. ``artifact``: its bytes, None for IR that was
        not serialised; ``compilation``: where there is one."""
        limits = self._runtime.limits
        details = {"engine": provenance.engine, "origin": provenance.origin}
        details |= {"fuel": str(limits.fuel or ""), "memory": str(limits.memory_bytes)}
        details["file"] = compilation.source.name if compilation is not None else ""
        if artifact is None or self.kept is not None:
            ir = _ir(compilation)
            if artifact is None:
                artifact = ir
            if self.kept is not None and artifact is not None:
                self.kept.put(artifact)
                details["ir"] = self.kept.put(ir) if ir is not None else ""
                if compilation is not None:
                    details["source"] = self.kept.put(compilation.source.text.encode())
        host.plan = hashlib.sha256(artifact or b"").hexdigest()
        host.details = details
        with host.program("", None) as run:
            instance.start()
            _give(instance, run)

    def close(self) -> None:
        if "chain" in self.__dict__:
            self.chain.close()


def _ir(compilation: Compilation | None) -> bytes | None:
    if compilation is None:
        return None
    from rtfsc.ir.serial import dumps

    return dumps(compilation.ir)


def _give(instance: Any, run: Any) -> None:
    """The value of the top level; one that is too large to be had is not known."""
    from runtime.store.agreement import release

    try:
        value = instance.run()
    except RtfsError:
        return
    run.gave(value)
    release(value)
