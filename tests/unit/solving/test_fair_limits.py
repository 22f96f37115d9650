"""Deadlines of programs that are tried out: a machine that is busy speaks against none of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runtime.store import agreement
from runtime.store.agreement import Answer, ask, fairly
from runtime.values import DeadlineExceeded, MemoryLimitExceeded
from runtime.values.errors import limit_error


class Machine:
    """Gives a program ``share`` of the processor, which is interrupted after 200 ms."""

    def __init__(self, share: float, finishes_at: int = 99) -> None:
        self.now, self.used, self.runs = 0.0, 0.0, 0
        self._share, self._finishes_at = share, finishes_at

    def __call__(self, *arguments: Any) -> int:
        self.runs += 1
        if self.runs == self._finishes_at:
            return 42
        self.now += 0.2
        self.used += 0.2 * self._share
        raise limit_error("DeadlineExceeded", 200)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(share: float, finishes_at: int = 99) -> Machine:
        made = Machine(share, finishes_at)
        clock = SimpleNamespace(monotonic=lambda: made.now, thread_time=lambda: made.used)
        monkeypatch.setattr(agreement, "time", clock)
        return made

    return make


def test_a_program_that_had_the_processor_ran_into_its_deadline(machine: Any) -> None:
    program = machine(0.9)
    assert ask(program, ()) == Answer(limited=True) and program.runs == 1


@pytest.mark.parametrize("at", [2, 3])
def test_a_program_that_others_kept_from_the_processor_is_run_again(machine: Any, at: int) -> None:
    program = machine(0.1, finishes_at=at)
    assert ask(program, ()).value == 42 and program.runs == at


def test_but_not_for_ever(machine: Any) -> None:
    program = machine(0.1)
    with pytest.raises(DeadlineExceeded):
        fairly(program)
    assert program.runs == 3


def test_other_limits_are_the_same_on_every_machine() -> None:
    runs = []

    def greedy() -> None:
        runs.append(1)
        raise limit_error("MemoryLimit", 64 << 20)

    with pytest.raises(MemoryLimitExceeded):
        fairly(greedy)
    assert len(runs) == 1
