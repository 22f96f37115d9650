"""Layout of a module: imports, types, globals, functions, data, exports, `$init` and `$apply`."""

from __future__ import annotations

from dataclasses import dataclass

from backend_wasm import layout as L
from backend_wasm.context import ERROR_SITE, RECORD, SITE_HELPER, ModuleContext
from backend_wasm.convert import convert
from backend_wasm.expressions import natural, operand, value
from backend_wasm.function import FunctionEmitter
from backend_wasm.functions import emit_code, emit_export, emit_function
from backend_wasm.helpers import apply_helper, finish_apply
from backend_wasm.sections import entry_name
from backend_wasm.signatures import wasm_type
from backend_wasm.text import WASM, string
from rtfsc.ir import types as T
from rtfsc.ir.nodes import INIT, Function, Global, Module
from rtfsc.ir.separate import link_name

MODULE_PREFIX = "rtfs/"
"""Before the name of a module in the imports of another one."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """The WAT text of a module, the sites of the IR that its site ids mean (id *n + 1* is entry *n*), and the
    identifiers of its functions by name."""

    wat: str
    sites: list[int]
    identifiers: dict[str, str]


def emit_module(module: Module, marks: bool = False) -> Emitted:
    """The same text for the same module, always. ``marks``: see `backend_wasm.code_map`."""
    m = ModuleContext(module, marks)
    body: list[str] = []
    for function in m.functions.values():
        body += emit_function(m, function)
    codes = _codes(m, body)
    exports = _exports(m, body)
    body += _init(m)
    body += _apply(m)
    if m.module.separate:
        body += _error_site(m)
    for lines in m.helpers.values():
        body += lines
    out = ["(module", *_imports(m), *_types(m), *_globals(m)]
    out += exports
    if codes:
        out.append(f"(elem $:code func {' '.join(codes)})")
    data = _records(m, codes) + (m.pool.buffer() if len(m.pool) else b"")
    if data:
        out.append(f"(data $:data {string(data)})")
    out += body
    out.append(")\n")
    return Emitted("\n".join(out), list(m.sites), m.function_names)


def _imports(m: ModuleContext) -> list[str]:
    out = ['(import "rtfs" "memory" (memory 1))', '(import "rtfs" "table" (table $:table 0 funcref))']
    out += [f'(import "rtfs" "{name}" (func ${name}{wasm_type(name)}))' for name in sorted(m.imports)]
    if m.facts.unknown and "slow" in m.helpers:
        out.append('(import "rtfs_host" "call_host" (func $:call_host (param i32 i64) (result i64)))')
    out += [
        f"(import {string(MODULE_PREFIX + module)} {string(name)} (func {identifier} (result i64)))"
        for (module, name), identifier in m.links.items()
    ]
    if m.host:
        out.append('(import "rtfs_host" "host" (func $:host (param i64 i64) (result i64)))')
    return out


def _types(m: ModuleContext) -> list[str]:
    return [
        f"(type $:t{n} (func (param i64{' i64' * n}) (result i64)))" for n in sorted(m.arities)
    ]  # fmt: skip


def _globals(m: ModuleContext) -> list[str]:
    out = ["(global $:F (mut i64) (i64.const 0))"] if m.facts.values else []
    if m.facts.values or len(m.pool):
        out.append("(global $:made (mut i32) (i32.const 0))")
    if m.module.separate:
        out.append("(global $:sites (mut i32) (i32.const 0))")
    out += [f"(global $:c{i} (mut i64) (i64.const 0))" for i in range(len(m.pool))]
    for name, identifier in m.global_names.items():
        rep = m.global_rep(name)
        first = L.SPECIAL_UNDEF if rep == "val" else 0
        out.append(f"(global {identifier} (mut {WASM[rep]}) ({WASM[rep]}.const {first}))")
    return out


def _codes(m: ModuleContext, body: list[str]) -> list[str]:
    """Closure code of every function used as a value, in the order of their records."""
    codes = []
    for name in m.facts.values:
        code, lines = emit_code(m, m.functions[name])
        codes.append(code)
        body += lines
    return codes


def _records(m: ModuleContext, codes: list[str]) -> bytes:
    """Per function value its FNINFO and an FN without captures; `$init` adds addresses and names."""
    out = []
    for index, name in enumerate(m.facts.values):
        function = m.functions[name]
        fixed = len(function.params) - function.rest
        arity = fixed | L.ARITY_REST * function.rest | L.ARITY_LIBRARY * function.library
        info = L.KIND_FNINFO | len(function.captures) << 32
        out.append(info.to_bytes(8, "little") + bytes(8))
        out.append((L.KIND_FN | arity << 32).to_bytes(8, "little") + index.to_bytes(8, "little"))
    assert len(out) == 2 * len(codes)
    return b"".join(out)


def variant_signature(function: Function) -> str:
    letters = {"i64": "i", "f64": "f", "i32": "b", "val": "v"}
    return "".join(letters[T.rep(var.type)] for var in function.params)


def _exports(m: ModuleContext, body: list[str]) -> list[str]:
    out = []
    for export in m.module.exports:
        own = entry_name(export.name)
        link = link_name(export.name, export.def_hash) if m.module.separate == "module" else None
        if export.func is None:
            body += _value_export(m, export.name, link)
            continue
        if link is not None:
            closure = m.static_closure(export.func)
            body += [f"(func (export {string(link)}) (result i64)", *(f"  {line}" for line in closure), ")"]
        entry, lines = emit_export(m, m.functions[export.func])
        body += lines
        out.append(f"(export {string(own)} (func {entry}))")
        seen = set()
        for variant in export.variants:
            signature = variant_signature(m.functions[variant.func])
            if signature not in seen:
                seen.add(signature)
                target = m.function_names[variant.func]
                out.append(f"(export {string(f'{own}#{signature}')} (func {target}))")
    return out


def _value_export(m: ModuleContext, name: str, link: str | None) -> list[str]:
    f = FunctionEmitter(m, Function("", [], Global(name)), value, operand, natural)
    f.op(f"global.get {m.global_names[name]}")
    convert(f, m.global_rep(name), "val")
    declared = ["  " + " ".join(f.declared)] if f.declared else []
    linked = f" (export {string(link)})" if link is not None else ""
    return [f"(func (export {string('=' + name)}){linked} (result i64)", *declared, *f.out, ")"]


def _init(m: ModuleContext) -> list[str]:
    """`$init`: function values, constants, then the top level."""
    count, entries = len(m.facts.values), len(m.pool)
    lines = ['(func $:init (export "$init") (param $names i64) (result i64)',
             "  (local $p i32) (local $i i64) (local $v i64) (local $t i32)"]  # fmt: skip
    if m.module.separate:  # the last name is the number of sites before those of this module
        lines += ["  local.get $names", f"  i64.const {count}", f"  {m.rt('rt_seq_nth')}", "  i64.const 1",
                  "  i64.shr_s", "  i32.wrap_i64", "  global.set $:sites"]  # fmt: skip
    if count or entries:  # once, also where the top level was stopped and is evaluated anew
        made = [*_register(m, count), *_constants(m, count * RECORD, entries)]
        lines += ["  global.get $:made", "  i32.eqz", "  if", *(f"  {line}" for line in made),
                  *["    elem.drop $:code"] * bool(count), "    data.drop $:data",
                  "    i32.const 1", "    global.set $:made", "  end"]  # fmt: skip
    top = m.functions[INIT]
    lines += [f"  {m.rt('rt_settle')}", f"  call {m.function_names[INIT]}"]
    if INIT in m.facts.flagged:
        lines += ["  if", f"    i64.const {L.SPECIAL_ERR}", "    return", "  end"]
    lines += _boxed(m, T.rep(top.result))
    if INIT in m.facts.raises:
        error = f"  i64.const {L.SPECIAL_ERR}"
        lines += ["  local.tee $v", error, "  i64.eq", "  if", error, "  return", "  end", "  local.get $v"]
    return [*lines, f"  {m.rt('rt_keep')}", ")"]


def _error_site(m: ModuleContext) -> list[str]:
    """``rt_error_site`` with the site's number in the instance; 0 is none in both."""
    m.imports[ERROR_SITE] = None
    return [f"(func $:{SITE_HELPER} (param i32)", "  local.get 0", "  if", "    local.get 0",
            "    global.get $:sites", "    i32.add", f"    call ${ERROR_SITE}", "  end", ")"]  # fmt: skip


def _apply(m: ModuleContext) -> list[str]:
    head = '(func (export "$apply") (param i64 i64) (result i64)'
    if not m.facts.values and not m.facts.unknown and not m.module.separate:
        # No function value can come from here, and this module calls none.
        error = m.rt_name("rt_closure_call_error")
        return [head, "  local.get 0", "  i32.const 0", f"  return_call {error}", ")"]
    helper = apply_helper(m)
    finish_apply(m)
    return [head, "  local.get 0", "  local.get 1", "  i32.const 0", f"  return_call {helper}", ")"]


def _register(m: ModuleContext, count: int) -> list[str]:
    if not count:
        return []
    size = count * RECORD
    return [
        f"  i32.const {size}", f"  {m.rt('rt_alloc')}", "  local.tee $p",
        "  i64.extend_i32_u", "  global.set $:F",
        "  local.get $p", "  i32.const 0", f"  i32.const {size}", "  memory.init $:data",
        "  ref.null func", f"  i32.const {count}", "  table.grow $:table", "  local.tee $t",
        "  i32.const 0", f"  i32.const {count}", "  table.init $:table $:code",
        "  loop $next",
        "    local.get $p", "    local.get $names", "    local.get $i", f"    {m.rt('rt_seq_nth')}",
        f"    i64.store offset={L.FNINFO_NAME}",
        "    local.get $p", "    local.get $p", f"    i32.load offset={L.FN_CAPTURES + L.FN_CODE}",
        "    local.get $t", "    i32.add", f"    i32.store offset={L.FN_CAPTURES + L.FN_CODE}",
        "    local.get $p", "    local.get $p", f"    i32.store offset={L.FN_CAPTURES + L.FN_INFO}",
        "    local.get $p", f"    i32.const {RECORD}", "    i32.add", "    local.set $p",
        "    local.get $i", "    i64.const 1", "    i64.add", "    local.tee $i",
        f"    i64.const {count}", "    i64.lt_u", "    br_if $next",
        "  end",
    ]  # fmt: skip


def _constants(m: ModuleContext, offset: int, entries: int) -> list[str]:
    if not entries:
        return []
    size = len(m.pool.buffer())
    lines = [
        f"  i32.const {size}", f"  {m.rt('rt_buffer')}", "  local.tee $p",
        f"  i32.const {offset}", f"  i32.const {size}", "  memory.init $:data",
        "  local.get $p", f"  {m.rt('rt_decode')}", "  local.set $v",
    ]  # fmt: skip
    nth = m.rt("rt_seq_nth")
    for i in range(entries):
        lines += ["  local.get $v", f"  i64.const {i}", f"  {nth}", f"  global.set $:c{i}"]
    return lines


def _boxed(m: ModuleContext, rep: str) -> list[str]:
    if rep == "val":
        return []
    if rep == "i32":
        tag = f"  i64.const {L.SPECIAL_FALSE}"
        return ["  i64.extend_i32_u", "  i64.const 2", "  i64.shl", tag, "  i64.or"]
    return [f"  {m.rt('rt_box_int' if rep == 'i64' else 'rt_box_float')}"]
