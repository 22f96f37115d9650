"""The loop: look up, else ask a model, check, sign and publish, so that the next caller finds it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rtfsc.diagnostics import DiagnosticError
from runtime.obs.events import kind_of, span
from runtime.providers.coding import Round
from runtime.providers.errors import ProviderError
from runtime.searching import search
from runtime.solving.errors import AwaitsSignatures, NoModel, NotAccepted, SolveError
from runtime.solving.evidence import FOLDER, Evidence, Progress, Recorder
from runtime.solving.judging import Accepted, Finding, judge
from runtime.solving.models import chosen
from runtime.solving.prompting import request_for, transcript
from runtime.solving.task import Task, read_task
from runtime.solving.turns import turn
from runtime.store.certify import CertificationError
from runtime.store.errors import ReadOnlyStore, StoreError
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
    `TrustError`. They have the evidence as an attribute ``evidence``.
    """
    if runtime is None:
        from runtime.engine import Runtime

        runtime = Runtime.init()
    asked = read_task(task, signature, examples)
    recorder = Recorder(asked, progress=progress, emit=runtime.emit)
    if evidence is not None:
        recorder.open(Path(evidence), given=True)
    work = Work(runtime, asked, recorder, key)
    if not generate:
        return work.told(lambda: work.look_up() or work.refuse_to_generate())
    return work.told(lambda: work.solve(model, rounds, timeout, prompt))


class Work:
    """One task of one caller."""

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
        provider = chosen(self.runtime, model)
        self.require_publishable(prompt)
        if self.recorder.evidence.folder is None:
            self.recorder.open(self.runtime.paths.home / FOLDER, given=False)
        return self.generate(provider, rounds, timeout)

    def refuse_to_generate(self) -> Solution:
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

    def require_publishable(self, prompt: Prompt | None) -> None:
        """Before a model is asked for what could not be stored. The key is unlocked now, not later."""
        runtime = self.runtime
        runtime.choice.require_reachable()
        if isinstance(self.key, str):
            if self.key not in runtime.keys:
                hint = "'rtfsc init' makes the local one, 'rtfsc keys new' others"
                raise SolveError(f"there is no key '{self.key}' to sign with", hint=hint)
            self.key = runtime.keys.load(self.key, prompt)
        health = runtime.store.check()
        if not health.writable:
            raise ReadOnlyStore(f"What a model writes could not be stored: {health.reason}")

    # -- the model

    def generate(self, provider: ModelProvider, rounds: int, timeout: float) -> Solution:
        self.recorder.evidence.model = provider.id
        waited = time.perf_counter()

        def waiting() -> None:
            self.recorder.step("wait", "waiting", "another process works on this task")

        with turn(self.runtime.paths.home / FOLDER / "turns", self.task.key[:32], waiting):
            done = self.look_up(again=True)
            if done is not None:
                self.recorder.step("wait", "done", "another process has solved it", since=waited)
                return done
            return self._rounds(provider, rounds, timeout)

    def _rounds(self, provider: ModelProvider, rounds: int, timeout: float) -> Solution:
        refused: list[Round] = []
        for number in range(1, rounds + 1):
            answer = self._answer(provider, refused, number, timeout)
            if isinstance(answer, Finding):
                verdict: Accepted | Finding = answer
                text = ""
            else:
                text = answer
                verdict = self._judged(text, number)
            if isinstance(verdict, Accepted):
                done = self._published(verdict, number)
                if isinstance(done, Solution):
                    return done
                verdict = done
            refused.append(Round(text, verdict.text))
        raise NotAccepted(
            f"{provider.id} was asked {rounds} time{'s'[: rounds != 1]}, and no answer may be published; "
            f"the last one: {_first_line(refused[-1].diagnostics)}",
            hint=self._where(),
        )

    def _where(self) -> str | None:
        folder = self.recorder.evidence.folder
        return None if folder is None else f"prompts, answers and findings are in {folder}"

    def _answer(
        self, provider: ModelProvider, refused: list[Round], number: int, timeout: float
    ) -> str | Finding:
        request = request_for(self.task, refused, provider, timeout)
        prompt = transcript(request)
        since = time.perf_counter()
        try:
            with span(self.runtime.emit, "model.asked", "model.failed", model=provider.id) as told:
                response = provider.infer(request)
                told.update(stop_reason=response.stop_reason, input_tokens=response.input_tokens,
                            output_tokens=response.output_tokens, cost=provider.cost_per_call())  # fmt: skip
        except ProviderError as error:
            self.recorder.step("ask", "failed", f"{error.code} {error}", since=since, round=number,
                               prompt_txt=prompt)  # fmt: skip
            raise
        detail = f"{response.model}, {len(response.text)} characters"
        texts = {"prompt_txt": prompt, "answer_txt": response.text}
        self.recorder.step("ask", "answered", detail, since=since, round=number, **texts)
        if response.stop_reason == "length":
            return self._refused(
                Finding("answer", "The answer was cut off. Write a shorter program."), number
            )
        return response.text

    def _judged(self, answer: str, number: int) -> Accepted | Finding:
        since = time.perf_counter()
        verdict = judge(self.task, answer)
        if isinstance(verdict, Finding):
            return self._refused(verdict, number, since)
        self.recorder.step("check", "accepted", _counted(self.task), since=since, round=number,
                           program_rtfs=verdict.source.text)  # fmt: skip
        return verdict

    def _refused(self, finding: Finding, number: int, since: float | None = None) -> Finding:
        self.recorder.step("check", finding.stage, _first_line(finding.text), since=since, round=number,
                           finding_txt=finding.text)  # fmt: skip
        return finding

    # -- publishing

    def _published(self, accepted: Accepted, number: int) -> Solution | Finding:
        since = time.perf_counter()
        namespace = "solved" if self.task.named else "distilled"
        name = f"{namespace}.{self.task.name}-{self.task.key[:12]}"
        try:
            published = self.runtime.publish(
                accepted.source, name=name, key=self.key, purpose=self.task.key[:32]
            )
        except CertificationError as error:
            return self._refused(Finding("engines", error.message), number, since)
        except DiagnosticError as error:
            return self._refused(Finding("types", str(error)), number, since)
        entry = published.entry
        self.recorder.evidence.digest = entry.digest
        detail = f"{entry.name} sha256 {entry.digest[:16]}, {published.certificate.inputs} inputs agree"
        self.recorder.step("publish", entry.status.lower(), detail, since=since,
                           program_rtfs=accepted.source.text)  # fmt: skip
        if entry.status != "Verified":
            raise AwaitsSignatures(
                f"{entry.name} is stored and waits for signatures: {entry.status_reason}",
                hint=f"'rtfsc trust countersign {entry.digest[:16]}'",
            )
        function = self.runtime.get(entry, self.task.name)[self.task.name]
        return Solution(
            function, entry.digest, self.task.name, True, self.recorder.evidence, accepted.remarks
        )


def _nearest(found: Any) -> str:
    if not found.candidates:
        return "no stored function has this interface and says what it does"
    best = found.candidates[0]
    why = "; ".join(best.reasons)
    return f"nearest: {best.text or best.export}, similarity {best.score:.3f}, {best.verdict}: {why}"


def _counted(task: Task) -> str:
    shown, kept = len(task.shown), len(task.kept)
    if not shown:
        return "compiles with the asked interface; there are no examples"
    more = f" and {kept} that was not shown" if kept else ""
    return f"{shown} example{'s'[: shown != 1]}{more} met on both engines"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:200]
