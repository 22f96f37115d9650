from __future__ import annotations

from runtime.caches.circuit import FIRST_PAUSE_S, LONGEST_PAUSE_S, Circuit


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_it_stays_closed_while_all_works():
    circuit = Circuit(Clock())
    for _ in range(3):
        assert circuit.admits()
        circuit.worked()
    assert circuit.closed
    assert circuit.failures == 0


def test_after_a_failure_nobody_asks_for_a_while_then_one_does():
    clock = Clock()
    circuit = Circuit(clock)
    assert circuit.admits()
    circuit.failed()
    assert not circuit.closed
    assert not circuit.admits()
    clock.now += FIRST_PAUSE_S
    assert [circuit.admits() for _ in range(3)] == [True, False, False]
    circuit.worked()
    assert circuit.closed
    assert circuit.admits()


def test_pauses_grow_to_a_limit_and_start_anew_after_success():
    clock = Clock()
    circuit = Circuit(clock)
    pauses = []
    assert circuit.admits()
    for _ in range(9):
        circuit.failed()
        started = clock.now
        while not circuit.admits():
            clock.now += 0.125
        pauses.append(clock.now - started)
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, 15, 15]
    assert pauses[-1] == LONGEST_PAUSE_S
    circuit.worked()
    circuit.failed()
    clock.now += FIRST_PAUSE_S
    assert circuit.admits()


def test_failures_of_calls_that_were_under_way_are_one_failure():
    clock = Clock()
    circuit = Circuit(clock)
    assert all(circuit.admits() for _ in range(5))
    for _ in range(5):
        circuit.failed()
    assert circuit.failures == 5
    clock.now += FIRST_PAUSE_S
    assert circuit.admits()


def test_who_tries_and_never_says_what_came_of_it_blocks_nobody_for_ever():
    clock = Clock()
    circuit = Circuit(clock)
    circuit.failed()
    clock.now += FIRST_PAUSE_S
    assert circuit.admits()  # and then its thread was interrupted
    clock.now += FIRST_PAUSE_S
    assert circuit.admits()
