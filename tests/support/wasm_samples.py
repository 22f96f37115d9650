"""Small artifacts written by hand, so that these tests need neither front end nor backend."""

from __future__ import annotations

from typing import Any

from backend_wasm.sections import INTERFACE, SITES, canonical_json, custom_section
from runtime.wasm.engine import wat2wasm

HEAD = """(module
  (import "rtfs" "memory" (memory 1))
  (import "rtfs" "table" (table $table 0 funcref))
  (import "rtfs" "rt_error_site" (func $site (param i32)))
  (import "rtfs" "rt_div_zero" (func $div_zero (result i64)))
  (import "rtfs" "rt_str_pr" (func $pr (param i64) (result i64)))
  (import "rtfs" "rt_alloc" (func $alloc (param i32) (result i32)))
  (import "rtfs" "rt_fninfo" (func $fninfo (param i64 i32) (result i32)))
  (import "rtfs" "rt_closure" (func $closure (param i32 i32 i32 i32) (result i64)))
  (import "rtfs" "rt_call_args" (func $call_args (param i64 i32 i32) (result i32)))
"""

BODY = """
  (import "rtfs_host" "call_host" (func $call_host (param i32 i64) (result i64)))
  (global $base (mut i32) (i32.const 0))
  (type $closure1 (func (param i64 i64) (result i64)))
  (elem declare func $identity)

  (func (export "$init") (param $names i64) (result i64)
    (global.set $base (table.grow $table (ref.func $identity) (i32.const 1)))
    (i64.const 85))

  ;; the boxed entry differs, so that tests see which one was called
  (func (export "add1#i") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1)))
  (func (export "add1") (param i64) (result i64) (i64.xor (local.get 0) (i64.const 4)))

  (func (export "half#f") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "half") (param i64) (result i64) (local.get 0))
  (func (export "negate#b") (param i32) (result i32) (i32.eqz (local.get 0)))
  (func (export "negate") (param i64) (result i64) (local.get 0))

  (func (export "divide#ii") (param i64 i64) (result i64 i32)
    (if (result i64 i32) (i64.eqz (local.get 1))
      (then (drop (call $div_zero)) (call $site (i32.const 2)) (i64.const 0) (i32.const 1))
      (else (i64.div_s (local.get 0) (local.get 1)) (i32.const 0))))
  (func (export "divide") (param i64 i64) (result i64)
    (drop (call $div_zero)) (call $site (i32.const 1)) (i64.const 10))

  (func $identity (export "$identity_code") (param i64 i64) (result i64) (local.get 1))
  (func (export "identity") (param i64) (result i64) (local.get 0))
  (func (export "show") (param i64) (result i64) (call $pr (local.get 0)))
  (func (export "pick") (param i64 i64) (result i64) (local.get 1))
  (func (export "crash") (result i64) unreachable)
  (func (export "wild") (result i64) (i64.load (i32.const 0xfffffff0)))
  (func (export "forged") (param i64) (result i64) (i64.const 0x7ffffff8))
  (func (export "spin") (result i64) (loop $again br $again) (i64.const 1))
  (func $recurse (export "recurse") (result i64) (i64.add (call $recurse) (i64.const 2)))
  (func (export "eat") (result i64)
    (loop $again (drop (call $alloc (i32.const 1000000))) br $again) (i64.const 1))
  (func (export "garbage") (param i64) (result i64)
    (drop (call $alloc (i32.wrap_i64 (i64.shr_s (local.get 0) (i64.const 1))))) (local.get 0))
  (func (export "make") (result i64)
    (call $closure (i32.const 1) (global.get $base) (call $fninfo (i64.const 0) (i32.const 0)) (i32.const 0)))
  ;; calls the host function in its first argument with the list of all others
  (func (export "with-host") (param i64 i64) (result i64)
    (call $call_host (i32.load offset=4 (i32.wrap_i64 (local.get 0))) (local.get 1)))
  (func (export "$apply") (param i64 i64) (result i64) (local $args i32)
    (local.set $args (call $alloc (i32.const 64)))
    (drop (call $call_args (local.get 1) (local.get $args) (i32.const 8)))
    (call_indirect (type $closure1) (local.get 0) (i64.load (local.get $args))
      (i32.load offset=8 (i32.wrap_i64 (local.get 0)))))
  (func (export "=answer") (result i64) (i64.const 85))
)"""


def export(name: str, params: list[str], *variants: tuple[str, str, bool], rest: bool = False,
           types: list[str] | None = None) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name, "kind": "function", "params": params, "rest": rest, "result_type": ":any",
        "doc": f"{name}.",
        "param_types": types or [":any"] * len(params), "effects": [], "examples": [], "def_hash": "",
        "interface_hash": "",
        "variants": [
            {"export": f"{name}#{p}", "params": p, "result": r, "raises": e} for p, r, e in variants
        ],
    }  # fmt: skip


EXPORTS = [
    export("add1", ["n"], ("i", "i", False)),
    export("half", ["x"], ("f", "f", False)),
    export("negate", ["b"], ("b", "b", False)),
    export("divide", ["a", "b"], ("ii", "i", True)),
    export("identity", ["x"]),
    export("pick", ["a", "rest"], rest=True),
    export("show", ["x"]),
    *[export(name, []) for name in ("crash", "wild", "spin", "recurse", "eat", "make")],
    export("forged", ["x"]),
    export("garbage", ["n"]),
    export("with-host", ["f", "x"]),
    {**export("answer", []), "kind": "value"},
]


def interface(exports: list[dict[str, Any]] = EXPORTS, abi: tuple[int, int] = (1, 0)) -> dict[str, Any]:
    functions = [{"origin": ["d", 0], "name": "make"}]
    return {"abi": list(abi), "name": "test", "exports": exports, "functions": functions}


def artifact(body: str = HEAD + BODY, described: dict[str, Any] | None = None) -> bytes:
    sites = [["d", 0, 10, 20], ["d", 1, 30, 40]]
    return (
        wat2wasm(body)
        + custom_section(INTERFACE, canonical_json(described or interface()))
        + custom_section(SITES, canonical_json(sites))
    )
