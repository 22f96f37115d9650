"""Runs a recorded program again, on either engine, with the answers of its record in place of the world."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtfsc.evaluation import RESOURCE_KINDS
from runtime.chain.errors import ChainDamaged, Unrecorded
from runtime.chain.kept import Kept
from runtime.chain.recorder import told
from runtime.chain.replay import Diverged, Divergence, EndOfRecord, Recorded, ReplayHost
from runtime.chain.runs import Action, records, runs
from runtime.chain.values import Encoded, decoded
from runtime.values import Limits, RtfsError, layout

if TYPE_CHECKING:
    from rtfsc.source import SourceFile
    from runtime.engine import Runtime

_OF_THE_MACHINE = RESOURCE_KINDS | {"KeyboardInterrupt"}


@dataclass(slots=True)
class Replayed:
    """``actions``: how many were done again as recorded; ``divergence``: the first one that was not, or how
    the ends differ; ``note``: why something could not be compared."""

    run: Action
    engine: str
    actions: int = 0
    divergence: Divergence | None = None
    note: str = ""

    @property
    def same(self) -> bool:
        return self.divergence is None


def replay(
    runtime: Runtime, number: int, engine: str | None = None, source: SourceFile | None = None
) -> Replayed:
    """Compares value or error and all actions of the run with what is on record. Nothing has an effect.
    ``source``: another program, to see whether it would have done the same.

    Raises `Unrecorded` where something that is needed was not kept, `ChainDamaged`.
    """
    run, start = _found(runtime, number)
    recorded_on = run.details.get("engine", "wasm")
    replayed = Replayed(run, engine or recorded_on)
    kept = Kept(runtime.paths.chain)
    host = ReplayHost(_session(start, kept), kept, _shown)
    program = _program(runtime, start, replayed.engine, kept, source)
    with closing(_instance(program, start, replayed.engine, host)) as instance:
        _again(replayed, start, host, instance.run)
        if run is not start and replayed.same and not replayed.note:
            host.session = _session(run, kept)
            renamed = source is None and recorded_on == replayed.engine
            name = (run.details.get("export") if renamed else None) or run.name
            arguments = _arguments(run, kept)
            _again(replayed, run, host, lambda: _function(instance, name)(*arguments))
    replayed.actions = host.compared
    return replayed


def _found(runtime: Runtime, number: int) -> tuple[Action, Action]:
    """The run, and the one in which the top level of its instance was evaluated."""
    found = {run.number: run for run in runs(records(runtime.paths.chain))}
    run = found.get(number)
    if run is None:
        known = ", ".join(map(str, list(found)[-5:])) or "none"
        raise Unrecorded(
            f"no run {number} on record", hint=f"'rtfsc audit show' lists them; the last ones: {known}"
        )
    if run.type != "program":
        raise Unrecorded(
            f"{number} is a {run.type} of a function that a program has handed out, no run of it"
        )
    start = found.get(int(run.details.get("instance") or number))
    if start is None:
        raise ChainDamaged(f"run {number} belongs to an instance that is not on record")
    return run, start


def _session(run: Action, kept: Kept) -> Any:
    from runtime.host.session import Session

    context = run.details.get("context")
    return Session(context=decoded(kept.get(context)) if context else None)


def _arguments(run: Action, kept: Kept) -> list[Any]:
    return list(decoded(kept.get(run.inputs))) if run.inputs else []


def _function(instance: Any, name: str) -> Any:
    try:
        return instance.function(name)
    except KeyError:
        raise Unrecorded(f"the program exports no function {name}") from None


def _instance(program: bytes, run: Action, engine: str, host: Any) -> Any:
    from rtfsc.registry import executor

    limits = Limits(memory_bytes=int(run.details.get("memory") or 512 << 20), fuel=_fuel(run, engine))
    target = "wasm32" if engine == "wasm" else "rtfs-ir"
    instance = executor(target).instantiate(program, limits=limits, host=host)
    route = instance.router()  # type: ignore[attr-defined]
    for guard in range(layout.LIMITS_ROUTES):  # those of a file: the record knows which of them asked
        route(guard, False)
    return instance


def _fuel(run: Action, engine: str) -> int | None:
    """The engines count differently."""
    fuel = run.details.get("fuel")
    return int(fuel) if fuel and run.details.get("engine") == engine else None


def _program(runtime: Runtime, run: Action, engine: str, kept: Kept, source: SourceFile | None) -> bytes:
    """The bytes for the engine: of the source, what ran then, or made of the IR that was kept."""
    if source is not None:
        return runtime.compilation(source, engine).artifact
    if run.details.get("engine") == engine:
        if run.plan in kept:
            return kept.get(run.plan)
        if engine == "wasm":
            return _stored(runtime, run.plan)
    ir = run.details.get("ir")
    if not ir:
        raise Unrecorded(
            f"the program of run {run.number} was not kept in a form that the other engine takes",
            hint=f"rtfsc replay {run.number} --engine {run.details.get('engine', 'wasm')}",
        )
    data = kept.get(ir)
    if engine == "evaluator":
        return data
    from rtfsc.driver import compiling
    from rtfsc.ir.serial import loads
    from rtfsc.registry import backend

    with compiling():
        return backend("wasm32").compile(loads(data))


def _stored(runtime: Runtime, digest: str) -> bytes:
    """The module from the store, verified like any other."""
    if runtime.has_store:
        for entry in runtime.store.list():
            if entry.digest == digest:
                return runtime.store.fetch(entry).artifact
    raise Unrecorded(
        f"the module {digest[:16]} was not kept, and the store does not have it",
        hint="'rtfsc run --record' keeps what a replay needs",
    )


def _again(replayed: Replayed, run: Action, host: ReplayHost, call: Any) -> None:
    """Calls, and compares the end with that of the run."""
    host.expect(run)
    outputs, error, shown = None, None, ""
    try:
        elsewhere, value = host.outside()
        if not elsewhere:
            value = call()
        outputs, shown = Encoded(value).digest, _shown(value)
        _released(value)
        host.finish()
    except Diverged as diverged:
        replayed.divergence = diverged.divergence
        return
    except EndOfRecord:
        replayed.note = "the record ends before the run did; as far as it goes all is the same"
        return
    except Recorded as recorded:
        error = recorded.told
    except RtfsError as raised:
        error = told(raised)
    recorded_error = run.error
    if run.outcome in ("open", "cut"):
        replayed.note = "the record does not say how the run ended"
    elif error is None and recorded_error is None:
        if run.outputs is None:
            replayed.note = "the value of the run is not on record"
        elif outputs != run.outputs:
            replayed.divergence = Divergence(run.number, f"value {host.value(run.outputs)}", f"value {shown}")
    elif error != recorded_error:
        kinds = {told[0] for told in (error, recorded_error) if told is not None}
        if kinds & _OF_THE_MACHINE:
            replayed.note = f"ended by {', '.join(sorted(kinds))}, which is a matter of machine and engine"
            return
        then = f"{recorded_error[0]}: {recorded_error[1]}" if recorded_error else (
            f"value {host.value(run.outputs)}"
        )  # fmt: skip
        now = f"{error[0]}: {error[1]}" if error else f"value {shown}"
        replayed.divergence = Divergence(run.number, then, now)


def _shown(value: Any) -> str:
    from runtime.printing import printed

    text = printed(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _released(value: Any) -> None:
    from runtime.store.agreement import release

    release(value)
