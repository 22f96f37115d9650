"""Waiting for another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from runtime.values.errors import RtfsError, limit_error
from runtime.values.interruption import check, stoppable
from runtime.values.turns import TopLevel, Turn, Waiting


def test_a_turn_is_one_thread_at_a_time() -> None:
    turn, inside, most = Turn("inside"), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with turn:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (inside, most) == (0, 1)


def test_who_has_the_turn_cannot_have_it_again() -> None:
    turn = Turn("you have it")
    with turn, pytest.raises(RuntimeError, match="you have it"):
        turn.__enter__()
    with turn:
        pass


def test_a_waiting_thread_can_be_stopped() -> None:
    turn, told = Turn("inside"), []
    ready, stop = threading.Event(), None

    def wait() -> None:
        nonlocal stop
        with stoppable() as running:
            stop = running.stop
            try:
                ready.set()
                turn.__enter__()
            except KeyError as error:
                told.append(error)

    with turn:
        thread = threading.Thread(target=wait)
        thread.start()
        ready.wait(60)
        assert isinstance(stop, Callable)  # type: ignore[arg-type]
        stop(KeyError("enough"))
        thread.join(60)
    assert [str(error) for error in told] == ["'enough'"]


def test_a_top_level_is_evaluated_once() -> None:
    values, top_level = iter([1, 2]), TopLevel[int]()
    assert [top_level.value(lambda: next(values)) for _ in range(3)] == [1, 1, 1]


def test_what_the_program_raised_is_raised_again() -> None:
    errors, top_level = [RtfsError("X", "first"), RtfsError("X", "second")], TopLevel[int]()

    def fail() -> int:
        raise errors.pop(0)

    for _ in range(2):
        with pytest.raises(RtfsError, match="first"):
            top_level.value(fail)


@pytest.mark.parametrize("error", [KeyError("enough"), limit_error("DeadlineExceeded", 3)])
def test_what_was_stopped_is_evaluated_anew(error: Exception) -> None:
    top_level = TopLevel[int]()

    def evaluate() -> int:
        check()
        return 7

    with stoppable() as running:
        running.stop(error)
        with pytest.raises(type(error)):
            top_level.value(evaluate)
    assert top_level.value(evaluate) == 7


def test_what_was_interrupted_is_evaluated_anew() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    top_level = TopLevel[int]()
    with pytest.raises(KeyboardInterrupt):
        top_level.value(interrupted)
    assert top_level.value(lambda: 7) == 7


def test_a_thread_that_is_gone_is_not_waited_for() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    waiting = Waiting()
    with pytest.raises(RuntimeError, match="gone"):
        for _ in range(1000):
            waiting.round(2**62)  # no thread has this number
    waiting.close()


def test_a_thread_that_has_left_and_ended_meanwhile_is_not_missed() -> None:
    """Whose number was read before it left: the next look finds another one inside."""
    waiting = Waiting()
    waiting.rounds = 99
    for owner in (2**62, threading.get_ident(), 2**62 + 1, threading.get_ident()):
        waiting.round(owner)
    waiting.close()
