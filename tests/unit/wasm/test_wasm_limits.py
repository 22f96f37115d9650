"""Traps and limits: every one is an error of its kind, and the next call works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deadlines import in_time

from runtime.values import (
    DeadlineExceeded,
    DivisionByZero,
    FuelExhausted,
    HostFunction,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    RtfsError,
    StackOverflow,
)
from runtime.wasm.executor import Instance

ROOT = Path(__file__).resolve().parents[3]


def usable(instance: Instance) -> bool:
    identity, add1 = instance.function("identity"), instance.function("add1")
    return in_time(identity, ["text", 1]) == ["text", 1] and in_time(add1, 1) == 2


def test_errors_carry_kind_and_span(instance: Instance) -> None:
    with pytest.raises(DivisionByZero) as caught:
        instance.function("divide")(1, 0)
    assert (caught.value.kind, caught.value.code, caught.value.span) == ("DivisionByZero", "R005", (30, 40))
    with pytest.raises(DivisionByZero) as caught:
        instance.function("divide")(1, None)
    assert caught.value.span == (10, 20)
    assert usable(instance)


def test_spans_of_the_caller_replace_those_of_the_artifact(instance: Instance) -> None:
    instance._machine.spans = [(1, 2), (3, 4)]
    with pytest.raises(DivisionByZero) as caught:
        instance.function("divide")(1, 0)
    assert caught.value.span == (3, 4)


@pytest.mark.parametrize(
    ("name", "message"), [("crash", "unreachable"), ("wild", "out of bounds memory access")]
)
def test_traps_are_internal_errors(instance: Instance, name: str, message: str) -> None:
    with pytest.raises(RtfsError, match=message) as caught:
        instance.function(name)()
    assert caught.value.kind == "InternalError"
    assert usable(instance)


def test_native_stack_is_a_backstop(instance: Instance) -> None:
    with pytest.raises(StackOverflow):
        instance.function("recurse")()
    assert usable(instance)


def test_deadline(make: Callable[..., Instance]) -> None:
    instance = make(deadline_ms=300)  # enough for what is to work, however busy the machine is
    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            instance.function("spin")()
        assert time.monotonic() - start >= 0.29
        assert caught.value.data == {"limit": 300}
        assert usable(instance)


def test_memory_limit(make: Callable[..., Instance]) -> None:
    instance = make(memory_bytes=4 << 20)
    with pytest.raises(MemoryLimitExceeded, match="4194304"):
        instance.function("eat")()
    assert usable(instance)
    with pytest.raises(MemoryLimitExceeded):
        instance.function("identity")("x" * (5 << 20))
    assert usable(instance)
    with pytest.raises(MemoryLimitExceeded):
        make(memory_bytes=1000)


def test_output_limit(make: Callable[..., Instance]) -> None:
    instance = make(output_bytes=1000)
    for value in ("x" * 1001, ["x" * 300] * 4):
        with pytest.raises(OutputLimitExceeded):
            instance.function("identity")(value)
    assert instance.function("identity")("x" * 900) == "x" * 900


def test_fuel(make: Callable[..., Instance]) -> None:
    instance = make(fuel=10_000)
    with pytest.raises(FuelExhausted, match="10000"):
        instance.function("spin")()
    assert usable(instance)


def test_garbage_of_calls_is_dropped(make: Callable[..., Instance]) -> None:
    instance = make(memory_bytes=4 << 20)
    garbage = instance.function("garbage")
    for _ in range(100):
        assert garbage(1 << 20) == 1 << 20


def test_many_errors_and_traps_leave_no_memory_behind() -> None:
    """In a process of its own: what other tests once needed would hide it, what they still do would count."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("Linux tells how much memory a process has now")
    child = in_child("""
        import gc
        from runtime.values import RtfsError
        instance = make()
        add1, divide, crash, identity = map(instance.function, ("add1", "divide", "crash", "identity"))
        def work(times):
            told = 0
            for i in range(times):
                add1(i)
                identity({"key": [i, "text"]})
                for call in (lambda: divide(1, 0), crash):
                    try:
                        call()
                    except RtfsError:
                        told += 1
            gc.collect()
            assert told == 2 * times
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        before = work(500)
        print(work(3000) - before)
    """)
    out, error = child.communicate(timeout=120)
    assert child.returncode == 0, error
    assert int(out) < 4 << 20


def test_instances_are_freed(make: Callable[..., Instance], executor: object) -> None:
    from wasm_samples import artifact

    data = artifact()
    for _ in range(300):  # each reserves 4 GiB of addresses
        instance = executor.instantiate(data)  # type: ignore[attr-defined]
        assert instance.function("add1")(1) == 2


def test_another_thread_runs_during_a_long_call_and_waits(make: Callable[..., Instance]) -> None:
    instance, other = make(deadline_ms=1000), make()
    seen: list[tuple[str, int]] = []

    def work() -> None:
        seen.append(("other", other.function("add1")(1)))
        seen.append(("same", in_time(instance.function("add1"), 1)))

    thread = threading.Thread(target=work)
    in_time(instance.function("add1"), 1)

    def start() -> None:
        if not thread.ident:
            thread.start()

    in_time(instance.function("with-host"), HostFunction(start), [])
    with pytest.raises(DeadlineExceeded):
        instance.function("spin")()
    thread.join(120)
    assert seen == [("other", 2), ("same", 2)]


def in_child(code: str) -> subprocess.Popen[str]:
    head = """
        import sys, os, time
        from runtime.values import Limits, DeadlineExceeded
        from runtime.wasm.executor import WasmExecutor
        from deadlines import in_time
        from wasm_samples import artifact
        def make(**limits): return WasmExecutor().instantiate(artifact(), limits=Limits(**limits))
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(code)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def test_control_c_stops_an_endless_loop() -> None:
    child = in_child("""
        instance = make()
        spin = instance.function("spin")
        try:
            print("ready", flush=True)
            spin()
        except KeyboardInterrupt:
            print("interrupted", instance.function("add1")(1), flush=True)
    """)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n", child.communicate()
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    try:
        out, error = child.communicate(timeout=120)
    finally:
        child.kill()
    assert out == "interrupted 2\n", error


def test_deadlines_work_after_a_fork() -> None:
    child = in_child("""
        instance = make(deadline_ms=300)
        assert in_time(instance.function("add1"), 1) == 2
        pid = os.fork()
        try:
            instance.function("spin")()
        except DeadlineExceeded:
            if pid == 0:
                os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """)
    out, error = child.communicate(timeout=120)
    assert out == "7\n", error


def test_deadlines_work_after_a_pause() -> None:
    child = in_child("""
        instance = make(deadline_ms=50)
        for _ in range(2):
            try:
                instance.function("spin")()
            except DeadlineExceeded:
                print("ended")
            time.sleep(0.3)  # the ticker has gone to sleep
    """)
    out, error = child.communicate(timeout=120)
    assert out == "ended\nended\n", error
