"""Whether wasmtime is called directly (fast) or through wasmtime-py (slow), and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.wasm.engine import Code

TEST_MODULE = """(module
  (memory (export "memory") 1 2)
  (global (export "counter") (mut i32) (i32.const 7))
  (func (export "add") (param i64 i64) (result i64 i32)
    (i64.add (local.get 0) (local.get 1)) (i32.const 1))
  (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "poke") (i32.store (i32.const 8) (i32.const 77)))
  (func (export "trap") unreachable)
  (func (export "spin") (loop $again br $again)))"""


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """``direct``: calls go straight to wasmtime's C API; ``reason``: why not, else None."""

    direct: bool
    version: str
    library: str
    reason: str | None


_status: BridgeStatus | None = None


def bridge_status(compiled: Callable[[bytes], Code] | None = None) -> BridgeStatus:
    """Loads the library and tests it, once per process. ``RTFSC_WASM_BRIDGE=slow`` forces the slow path.
    ``compiled`` compiles the test's module, where there is a cache for it (it takes some ms)."""
    global _status
    if _status is None:
        _status = _probe(compiled)
    return _status


def direct(compiled: Callable[[bytes], Code] | None = None) -> bool:
    """Whether the direct bridge works here."""
    return bridge_status(compiled).direct


def _probe(compiled: Callable[[bytes], Code] | None) -> BridgeStatus:
    from runtime.wasm import capi

    path, version = "", "none"
    try:
        path, version = capi.library()
        if os.environ.get("RTFSC_WASM_BRIDGE") == "slow":
            return BridgeStatus(False, version, path, "RTFSC_WASM_BRIDGE=slow")
        capi.load()
        from runtime.wasm.engine import engine, wat2wasm
        from runtime.wasm.selftest import self_test

        self_test((compiled or engine().compile)(wat2wasm(TEST_MODULE)))
    except capi.BridgeError as error:
        return BridgeStatus(False, version, path, str(error))
    return BridgeStatus(True, version, path, None)
