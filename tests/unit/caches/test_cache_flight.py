from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from runtime.caches.flight import SingleFlight


def together(count, work):
    barrier, results = threading.Barrier(count), [None] * count

    def run(i):
        barrier.wait()
        try:
            results[i] = work()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def calls():
    return []


@pytest.fixture
def waiting(monkeypatch):
    """How many wait for somebody else's computation."""
    found = threading.Semaphore(0)
    wait = Future.result

    def told(future, *args):
        found.release()
        return wait(future, *args)

    monkeypatch.setattr(Future, "result", told)
    return found


def slow(calls, result, waiting, others):
    """A computation that lasts until all ``others`` of the test wait for it."""

    def compute():
        calls.append(threading.get_ident())
        for _ in range(others):
            assert waiting.acquire(timeout=60)
        if isinstance(result, Exception):
            raise result
        return result

    return compute


def test_one_computation_for_all_that_wait(calls, waiting):
    flight = SingleFlight()
    assert together(8, lambda: flight.run("k", slow(calls, 42, waiting, 7))) == [42] * 8
    assert len(calls) == 1


def test_all_get_the_exception_and_the_next_tries_again(calls, waiting):
    flight = SingleFlight()
    error = KeyError("no")
    assert together(4, lambda: flight.run("k", slow(calls, error, waiting, 3))) == [error] * 4
    assert flight.run("k", lambda: 1) == 1


def test_keys_do_not_wait_for_each_other():
    flight = SingleFlight()
    assert flight.run("a", lambda: flight.run("b", lambda: 2) + 1) == 3


def test_a_computation_may_ask_for_its_own_key():
    flight = SingleFlight()
    assert flight.run("a", lambda: flight.run("a", lambda: 2) + 1) == 3


def test_an_interrupt_stops_one_thread_only(waiting):
    flight = SingleFlight()
    started = threading.Event()

    def interrupted():
        started.set()
        assert waiting.acquire(timeout=60)
        raise KeyboardInterrupt

    caught = []

    def first():
        try:
            flight.run("k", interrupted)
        except KeyboardInterrupt as error:
            caught.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait()
    assert flight.run("k", lambda: 1) == 1, "who waited computes it"
    thread.join()
    assert len(caught) == 1


def test_nobody_waits_longer_than_he_said():
    flight = SingleFlight()
    started, end = threading.Event(), threading.Event()

    def endless():
        started.set()
        return end.wait(60)

    thread = threading.Thread(target=lambda: flight.run("k", endless))
    thread.start()
    started.wait()
    with pytest.raises(TimeoutError):
        flight.run("k", lambda: 1, patience=0.05)
    end.set()
    thread.join()


def test_a_failure_that_concerns_the_other_alone_is_not_shared():
    flight = SingleFlight()
    started = threading.Event()

    def hasty():
        started.set()
        threading.Event().wait(0.2)
        raise TimeoutError

    def first():
        with pytest.raises(TimeoutError):
            flight.run("k", hasty)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait()
    own = {"patience": 60, "theirs": lambda error: isinstance(error, TimeoutError)}
    assert flight.run("k", lambda: 1, **own) == 1
    thread.join()
