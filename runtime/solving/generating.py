"""A model writes the function: asked in rounds, judged, signed and published."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from rtfsc.diagnostics import DiagnosticError
from runtime.obs.events import span
from runtime.providers.coding import Round
from runtime.providers.errors import ProviderError
from runtime.providers.waiting import answered
from runtime.solving.errors import AwaitsSignatures, NotAccepted, SolveError
from runtime.solving.evidence import FOLDER
from runtime.solving.judging import Accepted, Finding, judge
from runtime.solving.loop import Solution, Work
from runtime.solving.models import chosen
from runtime.solving.prompting import request_for, transcript
from runtime.solving.turns import turn
from runtime.store.certify import CertificationError
from runtime.store.errors import ReadOnlyStore

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.providers.base import ModelProvider, Response
    from runtime.solving.task import Task
    from runtime.trust.keys import Prompt


_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
"""What cannot be part of a module's name."""
_CUT: Final = "The answer was cut off. Write a shorter program."


class Generation:
    """``model`` as for `chosen`; it is asked ``most`` times at most, ``timeout`` seconds each."""

    def __init__(self, work: Work, model: str | ModelProvider | None, most: int, timeout: float) -> None:
        self._work, self._model, self._most, self._timeout = work, model, most, timeout
        self._runtime, self._task, self._recorder = work.runtime, work.task, work.recorder
        self._key = work.key

    def run(self, prompt: Prompt | None) -> Solution:
        """``prompt`` is asked for the passphrase of the key."""
        provider = chosen(self._runtime, self._model)
        self._require_publishable(prompt)
        if self._recorder.evidence.folder is None:
            self._recorder.open(self._runtime.paths.home / FOLDER, given=False)
        return self._in_turn(provider)

    def _require_publishable(self, prompt: Prompt | None) -> None:
        """Before a model is asked for what could not be stored. The key is unlocked now, not later."""
        runtime = self._runtime
        runtime.choice.require_reachable()
        if isinstance(self._key, str):
            if self._key not in runtime.keys:
                hint = "'rtfsc init' makes the local one, 'rtfsc keys new' others"
                raise SolveError(f"there is no key '{self._key}' to sign with", hint=hint)
            self._key = runtime.keys.load(self._key, prompt)
        health = runtime.store.check()
        if not health.writable:
            raise ReadOnlyStore(f"What a model writes could not be stored: {health.reason}")

    def _in_turn(self, provider: ModelProvider) -> Solution:
        self._recorder.evidence.model = provider.id
        waited = time.perf_counter()

        def waiting() -> None:
            self._recorder.step("wait", "waiting", "another process works on this task")

        with turn(self._runtime.paths.home / FOLDER / "turns", self._task.key[:32], waiting):
            done = self._work.look_up(again=True)
            if done is not None:
                self._recorder.step("wait", "done", "another process has solved it", since=waited)
                return done
            return self._rounds(provider)

    def _rounds(self, provider: ModelProvider) -> Solution:
        refused: list[Round] = []
        for number in range(1, self._most + 1):
            response = self._asked(provider, refused, number)
            verdict = self._judged(response, number)
            if isinstance(verdict, Accepted):
                done = self._published(verdict, number)
                if isinstance(done, Solution):
                    return done
                verdict = done
            refused.append(Round(response.text, verdict.text))
        asked = f"{provider.id} was asked {self._most} time{'s'[: self._most != 1]}"
        last = _first_line(refused[-1].diagnostics)
        raise NotAccepted(
            f"{asked}, and no answer may be published; the last one: {last}", hint=self._where()
        )

    def _where(self) -> str | None:
        folder = self._recorder.evidence.folder
        return None if folder is None else f"prompts, answers and findings are in {folder}"

    def _asked(self, provider: ModelProvider, refused: list[Round], number: int) -> Response:
        request = request_for(self._task, refused, provider, self._timeout)
        prompt = transcript(request)
        since = time.perf_counter()
        try:
            with span(self._runtime.emit, "model.asked", "model.failed", model=provider.id) as told:
                response = answered(provider, request)
                told.update(stop_reason=response.stop_reason, input_tokens=response.input_tokens,
                            output_tokens=response.output_tokens, cost=provider.cost_per_call())  # fmt: skip
        except ProviderError as error:
            self._recorder.step("ask", "failed", f"{error.code} {error}", since=since, round=number,
                               prompt_txt=prompt)  # fmt: skip
            raise
        detail = f"{response.model}, {len(response.text)} characters"
        texts = {"prompt_txt": prompt, "answer_txt": response.text}
        self._recorder.step("ask", "answered", detail, since=since, round=number, **texts)
        return response

    def _judged(self, response: Response, number: int) -> Accepted | Finding:
        since = time.perf_counter()
        cut = response.stop_reason == "length"
        verdict = Finding("answer", _CUT) if cut else judge(self._task, response.text)
        if isinstance(verdict, Finding):
            return self._refused(verdict, number, since)
        self._recorder.step("check", "accepted", _counted(self._task), since=since, round=number,
                           program_rtfs=verdict.source.text)  # fmt: skip
        return verdict

    def _refused(self, finding: Finding, number: int, since: float) -> Finding:
        self._recorder.step("check", finding.stage, _first_line(finding.text), since=since, round=number,
                           finding_txt=finding.text)  # fmt: skip
        return finding

    # -- publishing

    def _published(self, accepted: Accepted, number: int) -> Solution | Finding:
        if _is_shared(self._runtime):
            faster = self._work.look_up(again=True)
            if faster is not None:
                return faster
        since = time.perf_counter()
        namespace = "solved" if self._task.named else "distilled"
        name = f"{namespace}.{_NO_NAME.sub('-', self._task.name)}-{self._task.key[:12]}"
        try:
            published = self._runtime.publish(
                accepted.source, name=name, key=self._key, purpose=self._task.key[:32]
            )
        except CertificationError as error:
            return self._refused(Finding("engines", error.message), number, since)
        except DiagnosticError as error:
            return self._refused(Finding("types", str(error)), number, since)
        entry = published.entry
        self._recorder.evidence.digest = entry.digest
        detail = f"{entry.name} sha256 {entry.digest[:16]}, {published.certificate.inputs} inputs agree"
        self._recorder.step("publish", entry.status.lower(), detail, since=since,
                           program_rtfs=accepted.source.text)  # fmt: skip
        if entry.status != "Verified":
            raise AwaitsSignatures(
                f"{entry.name} is stored and waits for signatures: {entry.status_reason}",
                hint=f"'rtfsc trust countersign {entry.digest[:16]}'",
            )
        function = self._runtime.get(entry, self._task.name)[self._task.name]
        return Solution(
            function, entry.digest, self._task.name, True, self._recorder.evidence, accepted.remarks
        )


def _is_shared(runtime: Runtime) -> bool:
    """Whether somebody on another machine may have been faster, whom our turn did not keep away."""
    return runtime.choice.location.folder is None


def _counted(task: Task) -> str:
    shown, kept = len(task.shown), len(task.kept)
    if not shown:
        return "compiles with the asked interface; there are no examples"
    more = f" and {kept} that was not shown" if kept else ""
    return f"{shown} example{'s'[: shown != 1]}{more} met on both engines"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:200]
