"""The stack of roots: what a function holds over a point where a collection may happen is stored there before
and read back after, because the collector moves objects.

The stack lies in linear memory from `ROOTS_BASE` to `DATA_BASE`. `DEPTH` bounds it first in all but odd
cases, and where it does not, a full stack is a StackOverflow too.
"""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.context import ModuleContext
from backend_wasm.function import FunctionEmitter
from rtfsc.ir.nodes import Expr

_BY_HELPER = 6
"""Most values that cold code hands to a helper."""


def hold(f: FunctionEmitter, e: Expr) -> list[str]:
    """Stores what is needed after ``e``; give the answer to `take_back` right after the call."""
    names = [f.bind(var) for var in f.live.after(e)]
    if names:
        _push(f, names)
    return names


def take_back(f: FunctionEmitter, names: list[str]) -> None:
    """Reads it again; results of the call stay on the operand stack below."""
    if names:
        _pop(f, names)


def poll(f: FunctionEmitter, names: list[str]) -> None:
    """Collects if it is time to; the variables are those needed after it."""
    f.op("i32.const 0", f"i32.load offset={L.STATE_HP}",
         "i32.const 0", f"i32.load offset={L.STATE_COLLECT_AT}", "i32.gt_u")  # fmt: skip
    with f.nested("if"):
        loops, f.loops = f.loops, 0  # rare: small code is better here
        if names:
            _push(f, names)
        f.op(f.module.rt("rt_collect"))
        if names:
            _pop(f, names)
        f.loops = loops


def _push(f: FunctionEmitter, names: list[str]) -> None:
    if not f.hot and len(names) <= _BY_HELPER:
        f.op(*(f"local.get {name}" for name in names), f"call {_hold_helper(f.module, len(names))}")
        return
    top = f.temp("i32")
    f.op("i32.const 0", f"i32.load offset={L.STATE_ROOTS}", f"local.tee {top}",
         f"i32.const {L.LIMITS_DATA_BASE - 8 * len(names)}", "i32.gt_u")  # fmt: skip
    with f.nested("if"):
        f.op(*_full(f.module))
    for i, name in enumerate(names):
        f.op(f"local.get {top}", f"local.get {name}", f"i64.store offset={8 * i}")
    f.op("i32.const 0", f"local.get {top}", f"i32.const {8 * len(names)}", "i32.add",
         f"i32.store offset={L.STATE_ROOTS}")  # fmt: skip
    f.release("i32", top)


def _pop(f: FunctionEmitter, names: list[str]) -> None:
    if not f.hot and len(names) <= _BY_HELPER:
        f.op(f"call {_take_back_helper(f.module, len(names))}")
        f.op(*(f"local.set {name}" for name in reversed(names)))
        return
    top = f.temp("i32")
    f.op("i32.const 0", *_lowered(len(names)), f"local.tee {top}", f"i32.store offset={L.STATE_ROOTS}")
    for i, name in enumerate(names):
        f.op(f"local.get {top}", f"i64.load offset={8 * i}", f"local.set {name}")
    f.release("i32", top)


def _lowered(n: int) -> list[str]:
    return ["i32.const 0", f"i32.load offset={L.STATE_ROOTS}", f"i32.const {8 * n}", "i32.sub"]


def _full(module: ModuleContext) -> list[str]:
    return [f"i32.const {L.ERRKIND_STACK_OVERFLOW}", module.rt("rt_trap"), "unreachable"]


def _hold_helper(module: ModuleContext, n: int) -> str:
    """``$:holdN (value…)``"""

    def make(module: ModuleContext) -> list[str]:
        return [
            f"(func $:hold{n} (param{' i64' * n}) (local $top i32)",
            "  i32.const 0", f"  i32.load offset={L.STATE_ROOTS}", "  local.tee $top",
            f"  i32.const {L.LIMITS_DATA_BASE - 8 * n}", "  i32.gt_u",
            "  if", *(f"    {line}" for line in _full(module)), "  end",
            *(line for i in range(n)
              for line in ("  local.get $top", f"  local.get {i}", f"  i64.store offset={8 * i}")),
            "  i32.const 0", "  local.get $top", f"  i32.const {8 * n}", "  i32.add",
            f"  i32.store offset={L.STATE_ROOTS}",
            ")",
        ]  # fmt: skip

    return module.helper(f"hold{n}", make)


def _take_back_helper(module: ModuleContext, n: int) -> str:
    """``$:heldN () -> value…``"""

    def make(module: ModuleContext) -> list[str]:
        return [
            f"(func $:held{n} (result{' i64' * n}) (local $top i32)",
            "  i32.const 0", *(f"  {line}" for line in _lowered(n)), "  local.tee $top",
            f"  i32.store offset={L.STATE_ROOTS}",
            *(line for i in range(n) for line in ("  local.get $top", f"  i64.load offset={8 * i}")),
            ")",
        ]  # fmt: skip

    return module.helper(f"held{n}", make)
