"""Backends and executors by target name: ours directly, others by entry point."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfsc.backend import BytecodeBackend, BytecodeExecutor

# Ours are listed here too: reading the metadata of every installed package costs start-up time.
_BACKENDS = {"wasm32": "backend_wasm.backend:Wasm32Backend", "rtfs-ir": "rtfsc.ir.backend:IrBackend"}
_EXECUTORS = {
    "wasm32": "runtime.wasm.executor:WasmExecutor",
    "rtfs-ir": "runtime.evaluator.executor:IrExecutor",
}


class UnknownTarget(LookupError):
    """No backend or executor of that name is installed."""


def backend(target: str) -> BytecodeBackend:
    found: BytecodeBackend = _load("rtfsc.backends", _BACKENDS, target)
    return found


@cache
def executor(target: str) -> BytecodeExecutor:
    """One per process: executors keep what they compiled."""
    found: BytecodeExecutor = _load("rtfsc.executors", _EXECUTORS, target)
    return found


def targets() -> list[str]:
    from importlib.metadata import entry_points

    return sorted({*_BACKENDS, *(point.name for point in entry_points(group="rtfsc.backends"))})


def _load(group: str, known: dict[str, str], target: str) -> Any:
    if target in known:
        module, name = known[target].split(":")
        return getattr(import_module(module), name)()
    from importlib.metadata import entry_points

    for point in entry_points(group=group, name=target):
        return point.load()()
    raise UnknownTarget(f"no {group.split('.')[1][:-1]} for target {target!r}; known: {', '.join(targets())}")
