"""``rtfsc doctor``: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rtfsc.cli.common import OK, PROGRAM_ERROR, print_json

if TYPE_CHECKING:
    from runtime.engine import Runtime


FINE, WARNED, FAILED = "ok  ", "warn", "FAIL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    try:
        rows = [_probe(name, check) for name, check in _checks().items()]
    finally:
        while _opened:
            _opened.pop().close()
    if options.json:
        print_json(
            [
                {"what": name, "ok": how != FAILED, "warning": how == WARNED, "text": text}
                for name, how, text in rows
            ]
        )
    else:
        for name, how, text in rows:
            print(f"{how}  {name}: {text}")
    return PROGRAM_ERROR if any(how == FAILED for _, how, _ in rows) else OK


class Degraded(Exception):
    """It works, but not as well as it could."""


def _probe(name: str, check: Callable[[], str]) -> tuple[str, str, str]:
    try:
        return name, FINE, check()
    except Degraded as warning:
        return name, WARNED, str(warning)
    except Exception as error:
        return name, FAILED, f"{type(error).__name__}: {error}"


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
        raise Degraded(f"calls take the slow path, some 20 µs each and without profiles: {status.reason}")
    return f"direct calls into wasmtime {status.version}"


def _native_cache() -> str:
    from rtfsc.registry import executor

    cache = executor("wasm32").cache()  # type: ignore[attr-defined]
    reason = cache.unusable_reason()
    if reason:
        raise RuntimeError(f"{cache.folder}: {reason}; modules are compiled again in every process")
    return str(cache.folder)


def _store() -> str:
    runtime = _runtime()
    choice = runtime.choice
    said = f"{choice.location}, by {choice.origin}"
    folder = choice.location.folder
    if folder is not None and not folder.exists():
        return f"none yet in {said}"
    health = runtime.store.check()
    if not health.writable:
        raise RuntimeError(f"{said} is read-only: {health.reason}")
    return f"{said}, can be read and written"


def _blobs() -> str:
    """Of a remote store, apart from its index: each may be what does not answer."""
    runtime = _runtime()
    backend = runtime.store.blobs.backend
    return _answered(runtime.choice.location.blobs, lambda: list(backend.names("probe")), backend.probe)


def _index() -> str:
    runtime = _runtime()
    index = runtime.store.index
    return _answered(runtime.choice.location.index, lambda: index.log_size(), index.read_only_reason)


def _answered(address: str, read: Callable[[], object], unwritable: Callable[[], str | None]) -> str:
    from time import perf_counter

    from runtime.store.location import without_secrets

    read()
    start = perf_counter()
    read()
    elapsed = (perf_counter() - start) * 1e3
    reason = unwritable()
    if reason is not None:
        raise RuntimeError(f"{without_secrets(address)} is read-only: {reason}")
    return f"{without_secrets(address)} can be read and written, answers in {elapsed:.1f} ms"


def _cache() -> str:
    cache = _runtime().store.blobs.cache
    assert cache is not None
    return f"{cache.folder} has {cache.size() / 1e6:.1f} of at most {cache.most / 1e6:.0f} MB"


_opened: list[Runtime] = []


def _runtime() -> Runtime:
    """One for all checks, closed at the end."""
    from runtime.engine import Runtime

    if not _opened:
        _opened.append(Runtime(store=True))
    return _opened[0]


def _keys() -> str:
    from runtime.engine import Runtime

    runtime = Runtime()
    return f"{len(runtime.keys.list())} signing keys, {len(runtime.trust_file.load().keys)} trusted"


def _checks() -> dict[str, Callable[[], str]]:
    from runtime.store.errors import StoreError

    try:
        remote = _runtime().choice.location.remote
    except StoreError:
        remote = False  # which the check of the store reports
    return {**_CHECKS, **(_REMOTE if remote else {})}


_REMOTE: dict[str, Callable[[], str]] = {
    "store: blobs": _blobs,
    "store: index": _index,
    "store: local copies": _cache,
}
_CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "evaluator": _evaluator,
    "wasm": _wasm,
    "bridge": _bridge,
    "native code cache": _native_cache,
    "store": _store,
    "keys": _keys,
}
