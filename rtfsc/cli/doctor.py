"""``rtfsc doctor``: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable

from rtfsc.cli.common import OK, PROGRAM_ERROR, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    rows = [_probe(name, check) for name, check in _CHECKS.items()]
    if options.json:
        print_json([{"what": name, "ok": ok, "text": text} for name, ok, text in rows])
    else:
        for name, ok, text in rows:
            print(f"{'ok  ' if ok else 'FAIL'}  {name}: {text}")
    return OK if all(ok for _, ok, _ in rows) else PROGRAM_ERROR


def _probe(name: str, check: Callable[[], str]) -> tuple[str, bool, str]:
    try:
        return name, True, check()
    except Exception as error:
        return name, False, f"{type(error).__name__}: {error}"


def _python() -> str:
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    if sys.version_info < (3, 11) or free_threaded:
        raise RuntimeError(
            f"Python {platform.python_version()} is not supported: 3.11 or later, with the GIL"
        )
    return f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}"


def _evaluator() -> str:
    import rtfsc

    assert rtfsc.compile("(defn f [n] (* n 6))", engine="evaluator").f(7) == 42
    return "runs"


def _wasm() -> str:
    import rtfsc

    assert rtfsc.compile("(defn f [n] (* n 6))", engine="wasm").f(7) == 42
    return "runs"


def _bridge() -> str:
    from runtime.wasm.bridge import bridge_status

    status = bridge_status()
    if not status.direct:
        raise RuntimeError(f"calls take the slow path: {status.reason}")
    return f"direct calls into wasmtime {status.version}"


def _native_cache() -> str:
    from rtfsc.registry import executor

    cache = executor("wasm32").cache()  # type: ignore[attr-defined]
    reason = cache.unusable_reason()
    if reason:
        raise RuntimeError(f"{cache.folder}: {reason}; modules are compiled again in every process")
    return str(cache.folder)


def _store() -> str:
    from runtime.engine import Runtime

    runtime = Runtime(store=True)
    if not runtime.paths.store.exists():
        return f"none yet in {runtime.paths.store}"
    health = runtime.store.check()
    if not health.writable:
        raise RuntimeError(f"{runtime.paths.store} is read-only: {health.reason}")
    return f"{runtime.paths.store} can be read and written"


def _keys() -> str:
    from runtime.engine import Runtime

    runtime = Runtime()
    return f"{len(runtime.keys.list())} signing keys, {len(runtime.trust_file.load().keys)} trusted"


_CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "evaluator": _evaluator,
    "wasm": _wasm,
    "bridge": _bridge,
    "native code cache": _native_cache,
    "store": _store,
    "keys": _keys,
}
