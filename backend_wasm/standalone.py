"""One file with everything in it: a module, the runtime library, and what starts them.

The result imports nothing but what its programs need of a host (`rtfs_host`), so that any WebAssembly engine
with tail calls can run it. It exports what the module exports, and under names that no program can have:

* ``rtfs:start () -> val``: starts the instance once and answers the value of the last form, or ``ERR``;
  before it, a host may set the limits ``MAX`` and ``DEPTH`` in the memory, zero stands for the usual ones;
* ``_initialize ()``: the same for engines that follow WASI, a trap if the top level raises;
* ``rtfs:memory``, ``rtfs:table``, ``rtfs:__stack_pointer`` and the functions `HOST` of the runtime library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from backend_wasm import layout as L
from backend_wasm.assemble import assemble
from backend_wasm.constants import encode
from backend_wasm.merge.merge import merge
from backend_wasm.sections import (
    INTERFACE,
    canonical_json,
    custom_section,
    read_interface,
    read_sections,
)
from backend_wasm.text import string
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const

PREFIX: Final = "rtfs:"
HOST: Final = (
    "memory", "table", "__stack_pointer", "rt_init", "rt_reset", "rt_buffer", "rt_decode", "rt_encode",
    "rt_str_pr", "rt_raise_host", "rt_handle", "rt_handle_value", "rt_handle_close", "rt_evacuate",
)  # fmt: skip
"""What hosts use of the runtime library."""

DEFAULT_MEMORY: Final = 512 << 20
"""Limit in bytes where the host has set none in ``MAX`` before it starts the instance."""

_RT: Final = Path(__file__).with_name("rt.wasm")
_CUSTOM: Final = ("rtfs.interface", "rtfs.sites", "rtfs.action", "producers")


def standalone(module: bytes) -> bytes:
    """``module``: one of ours, not yet standalone. Raises `MalformedModule`."""
    interface = read_interface(module)
    names = [function["name"] for function in interface["functions"]]
    own = {export["name"] for export in interface["exports"]}

    def exports(of: str, name: str) -> str | None:
        if of == "module":
            return name
        if of == "rtfs":
            return PREFIX + name if name in HOST else None
        return None if name in own else name

    parts = {"rtfs": _RT.read_bytes(), "module": module, "start": assemble(_start(names))}
    custom = read_sections(module)
    custom[INTERFACE] = canonical_json({**interface, "standalone": True})
    return merge(parts, exports) + b"".join(custom_section(n, custom[n]) for n in _CUSTOM if n in custom)


def _start(names: list[str]) -> str:
    """The module that starts the two others: what hosts do otherwise (docs/abi.md)."""
    data = encode(Const(T.VEC, [Const(T.STR, name) for name in names]))
    return f"""(module
(import "rtfs" "memory" (memory 1))
(import "rtfs" "rt_init" (func $rt_init))
(import "rtfs" "rt_buffer" (func $rt_buffer (param i32) (result i32)))
(import "rtfs" "rt_decode" (func $rt_decode (param i32) (result i64)))
(import "module" "$init" (func $init (param i64) (result i64)))
(data $names {string(data)})
(func $start (export "{PREFIX}start") (result i64)
  (local $at i32) (local $budget i32) (local $value i64)
  (local.set $budget (i32.load (i32.const {L.STATE_DEPTH})))
  (if (i32.eqz (i32.load (i32.const {L.STATE_MAX})))
    (then (i32.store (i32.const {L.STATE_MAX}) (i32.const {DEFAULT_MEMORY}))))
  call $rt_init
  (if (local.get $budget) (then (i32.store (i32.const {L.STATE_DEPTH}) (local.get $budget))))
  (local.set $at (call $rt_buffer (i32.const {len(data)})))
  (memory.init $names (local.get $at) (i32.const 0) (i32.const {len(data)}))
  (local.set $value (call $init (call $rt_decode (local.get $at))))
  (i32.store (i32.const {L.STATE_MARK})
    (i32.and (i32.add (i32.load (i32.const {L.STATE_HP})) (i32.const 7)) (i32.const -8)))
  (i32.store (i32.const {L.STATE_FRESH}) (i32.const 0))
  local.get $value)
(func (export "_initialize")
  (if (i64.eq (call $start) (i64.const {L.SPECIAL_ERR})) (then unreachable))))"""
