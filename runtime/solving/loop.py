"""The loop: look up, else ask a model, check, sign and publish, so that the next caller finds it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runtime.obs.events import kind_of
from runtime.providers.errors import ProviderError
from runtime.searching import search
from runtime.solving.errors import NoModel, SolveError
from runtime.solving.evidence import Evidence, Progress, Recorder
from runtime.solving.task import Task, confirm, read_task
from runtime.store.errors import StoreError
from runtime.trust.errors import TrustError

if TYPE_CHECKING:
    import os

    from runtime.engine import Runtime
    from runtime.providers.base import ModelProvider
    from runtime.trust.keys import Prompt, SigningKey

ROUNDS: Final = 4
TIMEOUT: Final = 120.0


@dataclass(frozen=True, slots=True)
class Solution:
    """``function``: call it, or the solution itself. ``module``: SHA-256 of the verified module that it is
    in, hex; ``name``: of the function there; ``generated``: whether a model wrote it for this call;
    ``remarks``: what should be looked at, such as a program that is a table."""

    function: Callable[..., Any]
    module: str
    name: str
    generated: bool
    evidence: Evidence
    remarks: tuple[str, ...] = ()

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def solve(
    task: str,
    signature: str,
    examples: Sequence[tuple[Sequence[Any], Any]] = (),
    *,
    model: str | ModelProvider | None = None,
    runtime: Runtime | None = None,
    generate: bool = True,
    rounds: int = ROUNDS,
    timeout: float = TIMEOUT,
    key: str | SigningKey = "local",
    prompt: Prompt | None = None,
    evidence: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Solution:
    """A function that does the task: from the store, where one of exactly this interface does it; else a
    model writes it, and the next caller finds it in the store.

    ``signature``: ``(declare name [a : T …] : R)``, or ``[a : T …] : R``. ``examples``: arguments and result
    of calls; of three or more, one is not shown to the model. ``model``: its id in the runtime's
    ``delegation.toml``, or a provider (default: the one that is configured). ``runtime``: with a store
    (default: `Runtime.init`). ``generate``: False asks no model. ``rounds``: how often the model is asked at
    most, each time for at most ``timeout`` seconds. ``key``: that signs; ``prompt`` is asked for its
    passphrase. ``evidence``: a folder for prompts, answers and findings (default: one per run below the
    user's data folder). ``progress``: told of each step.

    Raises `UnsuitableTask`, `NoModel`, `NotAccepted` and `AwaitsSignatures`, all `SolveError`;
    `ProviderError` where the model fails, `DiagnosticError` for a signature that is wrong, `StoreError`,
    `TrustError`. What ends a run, but for the signature, has what was done as its attribute ``evidence``.
    """
    if runtime is None:
        from runtime.engine import Runtime

        runtime = Runtime.init()
    if rounds < 1 or not timeout > 0:
        raise ValueError("rounds and timeout must be above zero")
    if not runtime.has_store:
        raise SolveError("the runtime has no store to look into", hint="Runtime(store=True, …)")
    asked = read_task(task, signature, examples)
    recorder = Recorder(asked, progress=progress, emit=runtime.emit)
    if evidence is not None:
        recorder.open(Path(evidence), given=True)
    work = Work(runtime, asked, recorder, key)
    if not generate:
        return work.told(lambda: work.look_up() or work.refuse_to_generate())
    return work.told(lambda: work.solve(model, rounds, timeout, prompt))


class Work:
    """One task of one caller. What it takes to ask a model is loaded when one is asked."""

    def __init__(self, runtime: Runtime, task: Task, recorder: Recorder, key: str | SigningKey) -> None:
        self.runtime, self.task, self.recorder, self.key = runtime, task, recorder, key

    def told(self, do: Callable[[], Solution]) -> Solution:
        """What ``do`` gives; how it ended is told, and errors get the evidence."""
        try:
            solution = do()
        except (SolveError, ProviderError, StoreError, TrustError) as error:
            error.evidence = self.recorder.evidence  # type: ignore[union-attr]
            self.recorder.done(kind_of(error))
            raise
        finally:
            self.runtime.store.flush()
        self.recorder.done("generated" if solution.generated else "hit")
        return solution

    def solve(
        self, model: str | ModelProvider | None, rounds: int, timeout: float, prompt: Prompt | None
    ) -> Solution:
        found = self.look_up()
        if found is not None:
            return found
        from runtime.solving.generating import Generation

        confirm(self.task)
        return Generation(self, model, rounds, timeout).run(prompt)

    def refuse_to_generate(self) -> Solution:
        confirm(self.task)
        hint = "a model may write it: leave out --no-generate"
        raise NoModel(f"no stored function does this: {self.task.text}", hint=hint)

    # -- the store

    def look_up(self, again: bool = False) -> Solution | None:
        """``again``: because somebody else may have been faster; a miss is then no step."""
        since = time.perf_counter()
        found = search(self.runtime, self.task.interface_hash, self.task.text, self.task.examples)
        hit = found.hit
        if hit is None or hit.entry is None:
            if not again:
                self.recorder.step("look-up", "miss", _nearest(found), since=since)
            return None
        try:
            function = self.runtime.load_hit(found)
        except TrustError as error:
            self.recorder.step("look-up", "refused", f"{error.code} {error.message}", since=since)
            return None
        self.recorder.evidence.digest = hit.entry.digest
        detail = f"{hit.entry.name}/{hit.export}, similarity {hit.score:.3f}: {hit.text}"
        self.recorder.step("look-up", "hit", detail, since=since)
        return Solution(function, hit.entry.digest, hit.export, False, self.recorder.evidence)


def _nearest(found: Any) -> str:
    if not found.candidates:
        return "no stored function has this interface and says what it does"
    best = found.candidates[0]
    why = "; ".join(best.reasons)
    return f"nearest: {best.text or best.export}, similarity {best.score:.3f}, {best.verdict}: {why}"
