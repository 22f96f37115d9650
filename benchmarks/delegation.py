"""What deciding costs: at a site that has decided before, in L1, and where a call has to ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.timing import Stopwatch, bar, interleaved, nanoseconds, table

ROUNDS = 15
LOOKUPS = 100_000
_FIB = "(defn fib {hint} [n : Int] : Int (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))"
_MANY = "(defn many {hint} [n x] (if (= n 0) x (+ 1 (many (- n 1) x))))"
_STEP = """(defn step {hint} [x : Int] : Int (+ x 1))
(defn run [n : Int] : Int (loop [i 0 sum 0] (if (< i n) (recur (+ i 1) (step sum)) sum)))"""
_POLICY = '[defaults]\nguard = ["*"]\n'
_TYPED = '[[rule]]\nsymbol = "*"\nargs = ["string"]\ntarget = "remote-nobody"\n'
CASES: tuple[tuple[str, str, str, tuple[int, ...], int], ...] = (
    ("fib, typed", _FIB, "fib", (22,), 57_313),
    ("recursion, untyped", _MANY, "many", (5_000, 0), 5_001),
    ("a function that was inlined", _STEP, "run", (100_000,), 100_000),
)
"""Name, program, export, arguments, calls of guarded functions."""


def delegation() -> str:
    """Calls with and without guards, in turn; lookups in L1; calls that ask every time."""
    return "\n".join([_sites(), _lookups()])


def _sites() -> str:
    rows = []
    for name, program, export, arguments, calls in CASES:
        for engine, limit in (("evaluator", 5e-9), ("wasm", None)):
            plain, guarded = (_bound(program, export, engine, arguments, policy) for policy in ("", _POLICY))
            assert plain() == guarded()
            times = interleaved({"plain": plain, "guarded": guarded}, ROUNDS, Stopwatch)
            added = (times["guarded"] - times["plain"]) / calls
            verdict = f"≤ 5: {bar(added, limit)}" if limit is not None and "inlined" not in name else ""
            rows.append([name, engine, f"{times['plain'] / calls * 1e9:.1f}", f"{added * 1e9:.1f}", verdict])
    asking = _bound(_MANY, "many", "evaluator", (1_000, 0), _TYPED)
    asked = interleaved({"asked": asking}, ROUNDS, Stopwatch)["asked"] / 1_001
    rows.append(["a rule looks at types: each call asks", "evaluator", "", f"{asked * 1e9:.0f}", ""])
    return table("Delegation: a call at a site that has decided", ["program", "engine", "ns a call",
                 "ns added", "bar"], rows)  # fmt: skip


def _bound(
    program: str, export: str, engine: str, arguments: tuple[int, ...], policy: str
) -> Callable[[], object]:
    """The call, after it has been made once: what can be decided for good has been."""
    from runtime.delegation.setup import open_delegation
    from runtime.engine import Runtime

    delegating = open_delegation(text=policy) if policy else None
    function = Runtime(engine=engine, delegation=delegating).compile(program.format(hint=""))[export]
    function(*arguments)
    return lambda: function(*arguments)


def _lookups() -> str:
    from runtime.delegation.context import CallContext, Environment
    from runtime.delegation.setup import open_delegation

    engine = open_delegation(text=_TYPED).policies
    environment = Environment("tenant", ["a", "b"])
    contexts = [CallContext.of_call(f"module/f{i}", [i, "x"], environment) for i in range(10_000)]
    for context in contexts:
        engine.decide(context)
    same = contexts[5_000]
    equal = CallContext.of_call("module/f5000", [7, "y"], environment)
    cases: dict[str, Callable[[], Any]] = {
        "nothing (the loop)": _many(_nothing, same),
        "L1, the same context": _many(engine.l1.get, same),
        "L1, an equal context": _many(engine.l1.get, equal),
        "the engine's decision, from L1": _many(engine.decide, equal),
    }
    times = interleaved(cases, ROUNDS, Stopwatch)
    loop = times.pop("nothing (the loop)")
    rows = [
        [name, nanoseconds((seconds - loop) / LOOKUPS),
         f"≤ 100 ns: {bar((seconds - loop) / LOOKUPS, 100e-9)}" if name.startswith("L1") else ""]
        for name, seconds in times.items()
    ]  # fmt: skip
    return table("Delegation: decisions of 10,000 functions", ["lookup", "time", "bar"], rows)


def _nothing(_: object) -> None:
    return None


def _many(look: Callable[[Any], Any], context: object) -> Callable[[], None]:
    def run() -> None:
        for _ in range(LOOKUPS):
            look(context)

    return run
