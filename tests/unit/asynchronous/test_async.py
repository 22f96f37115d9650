"""Calls that are awaited."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

import rtfsc
from rtfsc import Limits, Runtime, capability
from runtime.chain.runs import records, runs
from runtime.values.errors import InstanceClosed

ENGINES = ["wasm", "evaluator"]
pytestmark = pytest.mark.parametrize("engine", ENGINES)
SPIN = "(defn spin [] (loop [i 0] (if (< i 0) i (recur (+ 1 (rem i 1000))))))\n(defn twice [n] (* 2 n))"


@capability("my.sleep")
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@capability("my.thread")
def thread() -> int:
    return threading.get_ident()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 120))


def runtime(engine: str, **options: Any) -> Runtime:
    return Runtime(**{"engine": engine, "grant": [sleep, thread], **options})


def test_a_call_is_awaited(engine: str) -> None:
    module = runtime(engine).compile(
        "(defn twice [n] (* 2 n))\n(defn bad [] (/ 1 0))\n(defn t [] (call :my.thread))"
    )

    async def work() -> None:
        assert await module.twice.call_async(21) == 42
        with pytest.raises(rtfsc.DivisionByZero):
            await module.bad.call_async()
        with pytest.raises(TypeError):
            await module.twice.call_async()
        assert await module.t.call_async() != threading.get_ident()
        values = await asyncio.gather(*(module.twice.call_async(i) for i in range(200)))
        assert values == [2 * i for i in range(200)]

    run(work())


async def watched_and_cancelled(module: Any) -> None:
    """The loop goes on while ``spin`` runs, which ends when it is cancelled."""
    spinning = asyncio.create_task(module.spin.call_async())
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not spinning.done()
    spinning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await spinning


def test_the_loop_goes_on(engine: str) -> None:
    """While a program computes, and while one waits."""
    module = runtime(engine).compile(SPIN)

    async def work() -> None:
        await watched_and_cancelled(module)
        assert await module.twice.call_async(4) == 8  # the instance is free again

    run(work())


@pytest.mark.parametrize("work", ["(= a b)", "(serialize-json a)"])
def test_the_loop_goes_on_beside_work_on_much_at_a_time(engine: str, work: str) -> None:
    """Rounds that are few and long: the evaluator looked after 256 of them."""
    module = runtime(engine).compile(
        f"(defn spin [] (let [a (vec (range 2000000)) b (vec (range 2000000))]"
        f" (loop [i 0] (if (< i 0) i (let [c {work}] (recur (if c (+ 1 (rem i 1000)) 1)))))))"
    )
    run(watched_and_cancelled(module))


def test_calls_have_deadlines(engine: str) -> None:
    free = threading.Event()

    @capability("my.hold")
    def hold() -> bool:
        return free.wait(60)

    module = runtime(engine, grant=[hold]).compile(SPIN + "(defn held [] (call :my.hold))")

    async def work() -> None:
        with pytest.raises(rtfsc.DeadlineExceeded, match="30 ms"):
            await module.spin.call_async(deadline_ms=30)
        first = asyncio.create_task(module.held.call_async())
        await asyncio.sleep(0)  # it is the first to ask
        spinning = asyncio.create_task(module.spin.call_async(deadline_ms=30))
        with pytest.raises(rtfsc.DeadlineExceeded):  # for its turn
            await module.twice.call_async(1, deadline_ms=20)
        free.set()
        assert await first is True
        with pytest.raises(rtfsc.DeadlineExceeded):
            await spinning
        assert await module.twice.call_async(4, deadline_ms=60_000) == 8

    run(work())


def test_what_waits_for_its_turn_is_cancelled(engine: str) -> None:
    begun, free = threading.Event(), threading.Event()

    @capability("my.hold")
    def hold(n: int) -> int:
        begun.set()
        assert free.wait(60)
        return n

    module = runtime(engine, grant=[hold]).compile("(defn held [n] (call :my.hold n))")

    async def work() -> None:
        tasks = [asyncio.create_task(module.held.call_async(n)) for n in range(40)]
        await asyncio.to_thread(begun.wait, 60)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.sleep(0.02)
        free.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert done[0] == 0 and all(isinstance(d, asyncio.CancelledError) for d in done[1:])
        assert await module.held.call_async(7) == 7

    run(work())


def test_many_at_once(engine: str) -> None:
    all_there = threading.Barrier(20)

    @capability("my.meet")
    def meet(n: int) -> int:
        all_there.wait(60)
        return n

    async def work() -> None:
        async with runtime(engine, grant=[meet]).pool("(defn meet [n] (call :my.meet n))", size=20) as pool:
            assert await asyncio.gather(*(pool.call("meet", n) for n in range(20))) == list(range(20))
            with pytest.raises(KeyError):
                await pool.call("none")
        with pytest.raises(InstanceClosed):
            await pool.call("meet", 1)

    run(work())


def test_a_pool_is_closed_while_calls_run_and_wait(engine: str) -> None:
    async def work() -> None:
        async with runtime(engine).pool(SPIN, size=2) as pool:
            with pytest.raises(rtfsc.DeadlineExceeded):
                await pool.call("spin", deadline_ms=30)  # it ends a little later
            running = [asyncio.ensure_future(pool.call("spin")) for _ in range(5)]
            await asyncio.sleep(0.05)
        for call in running:
            with pytest.raises(InstanceClosed, match="closed"):
                await asyncio.wait_for(call, 60)

    run(work())


def test_a_pool_has_so_many_instances(engine: str) -> None:
    async def work() -> None:
        async with runtime(engine).pool(
            "(defn t [] (call :my.sleep 0.01) (call :my.thread))", size=3
        ) as pool:
            await asyncio.gather(*(pool.call("t") for _ in range(30)))
            assert len(pool._members) == 3 and all(member.waiting == 0 for member in pool._members)

    run(work())
    with pytest.raises(ValueError, match="at least"):
        runtime(engine).pool("1", size=0)
    with pytest.raises(rtfsc.DiagnosticError):
        runtime(engine).pool("(defn f [")


def test_several_loops_use_one_module(engine: str) -> None:
    module = runtime(engine).compile(SPIN)
    found: list[int] = []

    def loop() -> None:
        found.extend(asyncio.run(asyncio.wait_for(gathered(), 120)))

    async def gathered() -> list[int]:
        return list(await asyncio.gather(*(module.twice.call_async(i) for i in range(50))))

    threads = [threading.Thread(target=loop) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert sorted(found) == sorted([2 * i for i in range(50)] * 4)


def test_a_loop_that_ends_leaves_nothing_running(engine: str) -> None:
    module = runtime(engine).compile(SPIN)

    async def work() -> None:
        asyncio.create_task(module.spin.call_async())  # noqa: RUF006
        await asyncio.sleep(0.02)

    asyncio.run(work())
    assert run(module.twice.call_async(4)) == 8


def test_limits_and_synchronous_calls_hold_too(engine: str) -> None:
    module = runtime(engine, limits=Limits(deadline_ms=2000)).compile(SPIN)
    with pytest.raises(rtfsc.DeadlineExceeded):
        run(module.spin.call_async())
    assert module.twice(4) == 8


def test_awaited_calls_are_on_record(engine: str, tmp_path: Path) -> None:
    with Runtime.init(home=tmp_path, store=False, engine=engine, audit=True, grant=[sleep]) as own:
        module = own.compile("(defn nap [s] (call :my.sleep s))\n(defn spin [] (loop [] (recur)))")
        assert run(module.nap.call_async(0.0)) == 0.0
        with pytest.raises(rtfsc.DeadlineExceeded):
            run(module.spin.call_async(deadline_ms=2000))  # what never began is not on record
        assert run(module.nap.call_async(0.0)) == 0.0
    found = runs(records(own.paths.chain))
    assert [(a.name, a.outcome) for a in found] == [
        ("", "done"), ("nap", "done"), ("spin", "error"), ("nap", "done"),
    ]  # fmt: skip


def test_nothing_is_kept(engine: str) -> None:
    module = runtime(engine).compile("(defn twice [n] (* 2 n))")
    run(module.twice.call_async(1))
    owner = weakref.ref(module.twice.owner)
    module.close()
    del module
    end = time.monotonic() + 60
    while owner() is not None and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    assert owner() is None


def test_a_closed_module_says_so(engine: str) -> None:
    module = runtime(engine).compile("(defn twice [n] (* 2 n))")
    twice = module.twice
    module.close()
    with pytest.raises(Exception, match="closed"):
        run(twice.call_async(1))
