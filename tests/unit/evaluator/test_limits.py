"""Deadline, fuel, memory, output and interrupts: none can be caught, and the instance stays usable."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from deadlines import in_time

from rtfsc.ir.text import parse
from runtime.evaluator.executor import Instance, IrExecutor
from runtime.values import (
    DeadlineExceeded,
    FuelExhausted,
    HostFunction,
    Limits,
    MemoryLimitExceeded,
    OutputLimitExceeded,
)
from runtime.values.interruption import stoppable

TEXT = """(module "m"
  (export "spin" (func spin) (params "n") (types ":any") (result ":any"))
  (export "calls" (func calls) (params "n") (types ":any") (result ":any"))
  (export "fill" (func fill) (params "n") (types ":any") (result ":any"))
  (export "echo" (func echo) (params "n") (types ":any") (result ":any"))
  (export "host" (func host) (params "n") (types ":any") (result ":any"))
  (function spin (params n) (try (loop l ((i int) 0) (if (lt i n) (recur l (int.add i 1)) i)) (e) "caught"))
  (function calls (params n) (if (eq n 0) "done" (call calls (num.dec n) !tail)))
  (function fill (params n) (try (loop l ((i int) 0) (v (vector))
    (if (lt i n) (recur l (int.add i 1) (conj v v)) (count v))) (e) "caught"))
  (function echo (params n) n)
  (function host (params n) (do (call-value n) (call spin 1000000000000)))
  (function $init (params) nil))"""


def load(**limits: int) -> Instance:
    return IrExecutor().instantiate_module(parse(TEXT), limits=Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["spin", "calls"])
def test_deadline(name: str) -> None:
    with load(deadline_ms=300) as instance:
        f = instance.function(name)
        for _ in range(2):
            with pytest.raises(DeadlineExceeded, match="Deadline of 300 ms exceeded"):
                f(10**15)
        assert in_time(f, 10) in (10, "done")


def test_fuel_is_deterministic() -> None:
    def needed(n: int) -> int:
        low, high = 0, 100_000
        while low < high:
            middle = (low + high) // 2
            with load(fuel=middle) as instance:
                try:
                    instance.function("calls")(n)
                    high = middle
                except FuelExhausted:
                    low = middle + 1
        return low

    assert needed(1000) == needed(1000)
    assert needed(1000) == 1000
    with load(fuel=5000) as instance:
        spin = instance.function("spin")
        with pytest.raises(FuelExhausted, match="Fuel of 5000 exhausted"):
            spin(10**9)
        assert spin(4000) == 4000
        assert spin(4000) == 4000


def test_memory_limit_leaves_the_instance_usable() -> None:
    with load(memory_bytes=8 << 20) as instance:
        fill = instance.function("fill")
        for _ in range(3):
            with pytest.raises(MemoryLimitExceeded, match="Memory limit of 8388608 bytes exceeded"):
                fill(10**9)
            assert fill(100) == 100
        with pytest.raises(MemoryLimitExceeded):
            instance.function("echo")("x" * (9 << 20))
        assert instance.function("echo")("x" * 1000) == "x" * 1000


def test_memory_of_a_large_call_is_given_back() -> None:
    def resident() -> int:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    with load() as instance:
        fill = instance.function("fill")
        before = resident()
        assert fill(1_000_000) == 1_000_000
        assert resident() - before < 32 << 20
        assert fill(100) == 100


def test_memory_limit_under_a_host_function() -> None:
    with load(memory_bytes=8 << 20) as instance:
        fill, host = instance.function("fill"), instance.function("host")
        with pytest.raises(MemoryLimitExceeded):
            host(HostFunction(lambda: fill(10**9)))
        with pytest.raises(MemoryLimitExceeded):
            host(HostFunction(lambda: "x" * (9 << 20)))
        assert fill(10) == 10


def test_output_limit() -> None:
    with load(output_bytes=4096) as instance:
        echo = instance.function("echo")
        with pytest.raises(OutputLimitExceeded, match="Output limit of 4096 bytes exceeded"):
            echo(list(range(1000)))
        with pytest.raises(OutputLimitExceeded):
            echo("x" * 5000)
        assert echo([1]) == [1]


def test_deadline_counts_the_time_in_host_functions() -> None:
    with load(deadline_ms=30) as instance, pytest.raises(DeadlineExceeded):
        instance.function("host")(HostFunction(lambda: time.sleep(0.05)))


def test_other_threads_run_meanwhile() -> None:
    spinning = threading.Event()

    def tick() -> None:
        spinning.wait(60)
        for _ in range(5):
            time.sleep(0.001)
        running.stop(KeyError("enough"))

    thread = threading.Thread(target=tick)
    with stoppable() as running, load(deadline_ms=60_000) as instance:
        thread.start()
        with pytest.raises(KeyError, match="enough"):
            instance.function("host")(HostFunction(spinning.set))  # and then it spins
    thread.join()


def test_an_interrupt_ends_a_loop() -> None:
    script = textwrap.dedent(
        f"""
        from rtfsc.ir.text import parse
        from runtime.evaluator.executor import IrExecutor
        instance = IrExecutor().instantiate_module(parse({TEXT!r}))
        spin = instance.function("spin")
        try:
            print("ready", flush=True)
            spin(10**15)
        except KeyboardInterrupt:
            print("interrupted", spin(5), flush=True)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted 5\n"
        assert process.wait(120) == 0
