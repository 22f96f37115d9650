"""What was done for a task, step by step; kept in a folder where a person can read it.

::

    RUN/evidence.json     the task, every step, and the digests of the texts beside it
    RUN/1-prompt.txt      what the model was asked in the first round
    RUN/1-answer.txt      what it answered, word for word
    RUN/1-finding.txt     why that was refused
    RUN/program.rtfs      what was accepted
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.obs.events import Emit, tell
from runtime.trust.files import private_folder, write_atomic

if TYPE_CHECKING:
    from runtime.solving.task import Task

FOLDER = "solving"
"""Below the user's data folder."""
KEPT_RUNS = 500
"""Older folders of runs are removed."""


@dataclass(frozen=True, slots=True)
class Step:
    """``name``: ``look-up``, ``wait``, ``ask``, ``check`` or ``publish``; ``outcome``: a word, such as
    ``hit``, ``miss``, ``answered``, ``accepted`` or the stage of a finding. ``texts``: SHA-256 by file
    name."""

    name: str
    outcome: str
    detail: str
    seconds: float
    round: int = 0
    texts: dict[str, str] = field(default_factory=dict)


Progress = Callable[[Step], None]


@dataclass(slots=True)
class Evidence:
    """``folder``: where it is kept, None where nothing was asked of a model, or nothing can be written.
    ``digest``: of the module that does the task, "" if there is none."""

    run: str
    task: str
    signature: str
    interface_hash: str
    steps: list[Step] = field(default_factory=list)
    model: str = ""
    digest: str = ""
    folder: Path | None = None

    @property
    def rounds(self) -> int:
        """How often a model was asked."""
        return sum(step.name == "ask" for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        facts = asdict(self)
        facts["folder"] = None if self.folder is None else str(self.folder)
        return facts


class Recorder:
    """Writes the evidence of one run as it comes, so that it is there whatever ends the run."""

    def __init__(self, task: Task, *, progress: Progress | None, emit: Emit | None) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        run = f"{stamp}-{task.key[:8]}-{os.urandom(3).hex()}"
        self.evidence = Evidence(run, task.text, task.signature, task.interface_hash)
        self._progress, self._emit = progress, emit
        self._started = time.perf_counter()
        self._pending: list[tuple[str, str]] = []

    def open(self, folder: Path, *, given: bool) -> None:
        """From now on texts are written, into the folder itself where the user ``given`` it. A folder of ours
        that cannot be written is done without; raises OSError for the user's."""
        target = folder if given else folder / self.evidence.run
        try:
            private_folder(target)
            self.evidence.folder = target
            self._write()
        except OSError:
            self.evidence.folder = None
            if given:
                raise
        if not given:
            _remove_oldest(folder)

    def step(
        self,
        name: str,
        outcome: str,
        detail: str = "",
        *,
        since: float | None = None,
        round: int = 0,
        **texts: str,
    ) -> None:
        """``texts``: by their file names, underscores for dots; ``since``: of `time.perf_counter`."""
        seconds = 0.0 if since is None else time.perf_counter() - since
        digests = {}
        for key, text in texts.items():
            file = key.replace("_", ".")
            file = f"{round}-{file}" if round else file
            digests[file] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            self._keep(file, text)
        step = Step(name, outcome, detail, round_off(seconds), round, digests)
        self.evidence.steps.append(step)
        tell(self._emit, "solve.step", run=self.evidence.run, task=self.evidence.task, step=name,
             outcome=outcome, detail=detail, seconds=seconds)  # fmt: skip
        if self._progress is not None:
            self._progress(step)
        self._write()

    def done(self, outcome: str) -> None:
        tell(self._emit, "solve.done", run=self.evidence.run, task=self.evidence.task, outcome=outcome,
             module=self.evidence.digest, rounds=self.evidence.rounds,
             seconds=time.perf_counter() - self._started)  # fmt: skip
        self._write()

    def _keep(self, file: str, text: str) -> None:
        folder = self.evidence.folder
        if folder is not None:
            with suppress(OSError):
                write_atomic(folder / file, text.encode("utf-8", "surrogatepass"))

    def _write(self) -> None:
        if self.evidence.folder is None:
            return
        text = json.dumps(self.evidence.as_json(), indent=2, ensure_ascii=True) + "\n"
        self._keep("evidence.json", text)


def round_off(seconds: float) -> float:
    return round(seconds, 6)


def _remove_oldest(folder: Path) -> None:
    """Names of runs begin with their time."""
    from shutil import rmtree

    with suppress(OSError):
        runs = sorted(path for path in folder.iterdir() if (path / "evidence.json").exists())
        for path in runs[:-KEPT_RUNS]:
            rmtree(path, ignore_errors=True)
