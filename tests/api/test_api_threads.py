"""Modules that several threads use: each call gets its own functions and values, nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtfsc import HostFunction

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
(defn pile [n] (loop [i 0 v []] (if (< i n) (recur (inc i) (conj v [i])) (count v))))
(defn each [f xs] (map f xs))
(defn adder [n] (fn [x] (+ x n)))
(defn go [f] (f))
"""


def in_threads(*works: Callable[[], None]) -> None:
    """Runs them all; raises what one of them raised."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def test_functions_of_a_call_are_not_those_of_another_thread(
    compile: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long calls with collections in one thread; the others wait with functions and handles in hand."""
    module = compile(SOURCE)
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)

    def granted(thread: int) -> None:
        for i in range(60):
            given = HostFunction(lambda x, i=i: [thread, i, x])
            assert module.each(given, [1, 2]) == [[thread, i, 1], [thread, i, 2]]

    def handles(thread: int) -> None:
        for i in range(60):
            with module.adder(1000 * thread + i) as function:
                assert function(1) == 1000 * thread + i + 1
                assert module.each(function, [0]) == [1000 * thread + i]

    try:
        in_threads(
            *(lambda k=k: granted(k) for k in range(3)),
            *(lambda k=k: handles(k) for k in range(3)),
            lambda: [module.pile(200_000) for _ in range(6)] and None,
        )
    finally:
        sys.setswitchinterval(before)
    assert module.pile(10) == 10


def test_threads_that_wait_for_each_other_are_told(compile: Callable[..., Any]) -> None:
    one, other = compile(SOURCE), compile(SOURCE)
    both_inside = threading.Barrier(2)
    told: list[Any] = []

    def through(first: Any, second: Any) -> None:
        def inside() -> Any:
            both_inside.wait(60)
            return second.go(HostFunction(lambda: 1))

        try:
            told.append(first.go(HostFunction(inside)))
        except RuntimeError as error:
            told.append(str(error))

    in_threads(lambda: through(one, other), lambda: through(other, one))
    circle = "threads wait for each other: each is in an instance that another one wants"
    assert circle in told
    assert set(told) <= {circle, 1}  # when one gave up, the other one could go on
    assert one.go(HostFunction(lambda: 2)) == other.go(HostFunction(lambda: 2)) == 2


@pytest.fixture(params=["evaluator", "wasm", "slow"])
def way(request: pytest.FixtureRequest) -> str:
    """Also through wasmtime-py."""
    return str(request.param)


def in_child(code: str, way: str) -> str:
    """What a Python process of its own prints."""
    engine = way.replace("slow", "wasm")
    head = f"import os, threading, rtfsc\nENGINE, SOURCE = {engine!r}, {SOURCE!r}\n"
    own = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    if way == "slow":
        own["RTFSC_WASM_BRIDGE"] = "slow"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)], capture_output=True, text=True, timeout=120,
        env={**os.environ, **own},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_child_of_a_fork_compiles_and_calls(way: str) -> None:
    """The threads that wasmtime compiles with are not in the child."""
    told = in_child(
        """
        number = int.from_bytes(os.urandom(6), "big")  # no machine code of it is kept
        parent = rtfsc.compile(f"(defn f [] {number})", engine=ENGINE)
        pid = os.fork()
        if pid == 0:
            child = rtfsc.compile(f"(defn f [x] (map (fn [y] (+ x y)) [{number}]))", engine=ENGINE)
            os._exit(parent.f() == number and child.f(1) == [number + 1])
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
        way,
    )
    assert told == "1\n"


def test_a_child_of_a_fork_has_threads_of_its_own(way: str) -> None:
    """Those of the parent wait for work there, and are not in the child."""
    told = in_child(
        """
        import asyncio
        from runtime.host.handling import Handling
        more = rtfsc.capability("my.more")(lambda x: x + 1)
        runtime = rtfsc.Runtime(
            engine=ENGINE, grant=[more], handling={"my.more": Handling(timeout_ms=60_000)}
        )
        module = runtime.compile("(defn f [x] (call :my.more x)) (defn g [x] x)")
        both = lambda: (module.f(1), asyncio.run(module.g.call_async(3)))
        assert both() == (2, 3)
        pid = os.fork()
        if pid == 0:
            os._exit(both() == (2, 3))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), both())
        """,
        way,
    )
    assert told == "1 (2, 3)\n"


def test_an_instance_that_a_lost_thread_was_in_is_not_waited_for(way: str) -> None:
    told = in_child(
        """
        module = rtfsc.compile(SOURCE, engine=ENGINE)
        inside, leave = threading.Event(), threading.Event()
        stay = rtfsc.HostFunction(lambda: inside.set() or leave.wait() and None)
        thread = threading.Thread(target=module.go, args=(stay,))
        thread.start()
        inside.wait()
        pid = os.fork()
        if pid == 0:
            try:
                module.pile(1)
            except RuntimeError as error:
                os._exit(7 if "gone" in str(error) else 8)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        leave.set()
        thread.join()
        print(module.pile(3))
        """,
        way,
    )
    assert told == "7\n3\n"


def test_threads_that_compile_at_once_share_one_engine(way: str) -> None:
    """The first use of wasmtime in a process: code of two engines does not go together."""
    told = in_child(
        """
        import sys
        sys.setswitchinterval(1e-6)
        together, found = threading.Barrier(6), []
        def work(i):
            together.wait()
            module = rtfsc.compile(f"(defn f [x] (map (fn [y] (+ y {i})) x))", engine=ENGINE)
            found.append(module.f([1]))
        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(sorted(found))
        """,
        way,
    )
    assert told == "[[1], [2], [3], [4], [5], [6]]\n"
