"""Functions of the emitter's own, written into a module once when something uses them.

``$:callN (callee, arg…, site)`` calls any value with N arguments; ``$:slow (callee, n, site)`` is its
rare part, arguments in `SCRATCH`; ``$:apply (callee, arguments, site)`` takes them in a collection.
All answer a boxed value or ``ERR``; errors of what they do themselves get the site.
"""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.context import ModuleContext
from backend_wasm.text import params

NOT_LIBRARY = ~(L.ARITY_LIBRARY << 32)
"""What takes the flag from the first 8 bytes of a function value."""

_FRAME = 4
"""Weight of the helper's own frame, where it has to stay for the site."""


def fn_header(arity: int) -> int:
    """The first 8 bytes of a function value of the program with so many parameters, no rest, as a number."""
    return L.KIND_FN | arity << 32


def scratch(slot: int) -> str:
    return f"i64.store offset={L.STATE_SCRATCH + 8 * slot}"


def _arguments(n: int) -> list[str]:
    return [f"local.get {i + 1}" for i in range(n)]


def call_helper(module: ModuleContext, arity: int) -> str:
    def make(module: ModuleContext) -> list[str]:
        kind = module.call_type(arity)
        return [
            f"(func $:call{arity} (param $f i64){' (param i64)' * arity} (param $site i32) (result i64)",
            "  (local $r i64)",
            "  local.get $f", "  i64.const 7", "  i64.and", "  i64.eqz",
            "  if",
            "    local.get $f", "    i32.wrap_i64", "    i64.load",
            f"    i64.const {NOT_LIBRARY}", "    i64.and",
            f"    i64.const {fn_header(arity)}", "    i64.eq",
            "    if",
            *_enter(module, kind, ["local.get $f", *_arguments(arity)]),
            "    end",
            "  end",
            *(line for i in range(arity)
              for line in ("  i32.const 0", f"  local.get {i + 1}", f"  {scratch(i)}")),
            "  local.get $f", f"  i32.const {arity}", "  local.get $site",
            f"  return_call {slow_helper(module)}",
            ")",
        ]  # fmt: skip

    return module.helper(f"call{arity}", make)


def slow_helper(module: ModuleContext) -> str:
    return module.helper("slow", _slow)


def _slow(module: ModuleContext) -> list[str]:
    return [
        "(func $:slow (param $f i64) (param $n i32) (param $site i32) (result i64)",
        "  (local $kind i32) (local $r i64)",
        *_object_kind(),
        *_when_kind(L.KIND_FN, [
            *_variadic_fits("local.get $n"),
            "if",
            *_enter(module, module.call_type(1),
                    ["local.get $f", f"i32.const {L.STATE_SCRATCH}", "local.get $n", module.rt("rt_list")]),
            "end",
        ]),
        "  block $done",
        *_when_kind(L.KIND_KW, [
            *_when_count(1, ["local.get $f", *_slot(0), module.rt("rt_kw_get"), "local.set $r", "br $done"]),
            *_when_count(2, ["local.get $f", *_slot(0), *_slot(1), module.rt("rt_kw_get_or"), "local.set $r",
                             "br $done"]),
        ]),
        *_slow_host(module),
        "    local.get $f", "    local.get $n", f"    {module.rt('rt_closure_call_error')}",
        "    local.set $r",
        "  end",
        *_return_sited(module),
        ")",
    ]  # fmt: skip


SEPARATE_ARITIES = 21
"""Function values of fewer parameters than this can be applied to a list of arguments, and be called by the
host, wherever they come from."""


def apply_helper(module: ModuleContext) -> str:
    return module.helper("apply", _apply)


def _apply(module: ModuleContext) -> list[str]:
    """Written out by `finish_apply`, when all arities are known."""
    slow_helper(module)
    for name in ("rt_call_args", "rt_seq_to_list"):
        module.rt(name)
    return []


def finish_apply(module: ModuleContext) -> None:
    """Completes ``$:apply``: a branch table over the arities that function values can have. In a module that
    is linked to others these are not known: then those of its own, and all that programs have in practice."""
    own = {len(module.functions[name].params) for name in module.facts.values}
    arities = sorted(own | set(range(SEPARATE_ARITIES) if module.module.separate else ()))
    cases = " ".join(f"$n{n}" if n in arities else "$out" for n in range(arities[-1] + 1)) if arities else ""
    body = ["local.get $n", f"br_table {cases} $out"]
    for n in arities:
        slots = [line for i in range(n) for line in _slot(i)]
        body = [f"block $n{n}", *(f"  {line}" for line in body), "end",
                *_enter(module, module.call_type(n), ["local.get $f", *slots])]  # fmt: skip
    module.helpers["apply"] = [
        "(func $:apply (param $f i64) (param $args i64) (param $site i32) (result i64)",
        "  (local $kind i32) (local $n i32) (local $r i64)",
        "  local.get $args", "  i32.wrap_i64", f"  i32.load offset={L.SEQ_COUNT}", "  local.set $n",
        *_object_kind(),
        *_when_kind(L.KIND_FN, [
            *_variadic_fits("local.get $n"),
            "if",
            *_enter(module, module.call_type(1),
                    ["local.get $f", "local.get $args", module.rt("rt_seq_to_list")]),
            "end",
        ]),
        *_apply_host(module),
        "  local.get $args", f"  i32.const {L.STATE_SCRATCH}", f"  i32.const {L.LIMITS_SCRATCH_SLOTS}",
        f"  {module.rt('rt_call_args')}", "  drop",
        *_when_kind(L.KIND_FN, [
            *_arity(), f"i32.const {~L.ARITY_LIBRARY}", "i32.and", "local.get $n", "i32.eq",
            "if",
            "  block $out",
            *(f"    {line}" for line in body),
            "  end",
            "end",
        ]),
        "  local.get $f", "  local.get $n", "  local.get $site", f"  return_call {slow_helper(module)}",
        ")",
    ]  # fmt: skip


def _apply_host(module: ModuleContext) -> list[str]:
    if not module.facts.unknown:
        return []
    return _when_kind(L.KIND_HOSTFN, [
        "local.get $f", "i32.wrap_i64", "i32.load offset=4",
        "local.get $args", module.rt("rt_seq_to_list"), "call $:call_host", "local.set $r",
        *_return_sited(module),
        "return",
    ])  # fmt: skip


def _slow_host(module: ModuleContext) -> list[str]:
    """A module that calls no unknown values need not import what the host's functions want."""
    if not module.facts.unknown:
        return []
    return _when_kind(L.KIND_HOSTFN, [
        "local.get $f", "i32.wrap_i64", "i32.load offset=4",
        f"i32.const {L.STATE_SCRATCH}", "local.get $n", module.rt("rt_list"),
        "call $:call_host", "local.set $r", "br $done",
    ])  # fmt: skip


def _object_kind() -> list[str]:
    """``$kind``: the kind byte of an object, 0 for all else (memory before 1024 holds zeros)."""
    return [
        "  local.get $f", "  i64.const 7", "  i64.and", "  i64.eqz",
        "  if", "    local.get $f", "    i32.wrap_i64", "    i32.load8_u", "    local.set $kind", "  end",
    ]  # fmt: skip


def _when_kind(kind: int, body: list[str]) -> list[str]:
    return ["  local.get $kind", f"  i32.const {kind}", "  i32.eq", "  if",
            *(f"    {line}" for line in body), "  end"]  # fmt: skip


def _when_count(n: int, body: list[str]) -> list[str]:
    return ["local.get $n", f"i32.const {n}", "i32.eq", "if", *(f"  {line}" for line in body), "end"]


def _variadic_fits(count: str) -> list[str]:
    """1 if ``$f`` takes a rest and so many arguments are enough for its fixed parameters."""
    return [*_arity(), f"i32.const {L.ARITY_REST}", "i32.and", "i32.const 0", "i32.ne",
            *_arity(), f"i32.const {L.ARITY_REST - 1}", "i32.and", count, "i32.le_u", "i32.and"]  # fmt: skip


def _arity() -> list[str]:
    return ["local.get $f", "i32.wrap_i64", f"i32.load offset={L.FN_ARITY}"]


def _enter(module: ModuleContext, kind: str, operands: list[str]) -> list[str]:
    """Goes on in the code of ``$f``. Under code of the library, whose errors have no site, it stays."""
    operands = [*operands, "local.get $f", "i32.wrap_i64", f"i32.load offset={L.FN_CODE}"]
    if not module.library_values:
        return [*operands, f"return_call_indirect $:table (type {kind})"]
    depth = ["i32.const 0", f"i32.load offset={L.STATE_DEPTH}"]
    return [
        *_arity(), f"i32.const {L.ARITY_LIBRARY}", "i32.and",
        "if",
        *depth, f"i32.const {_FRAME}", "i32.lt_s",
        "if", module.rt("rt_stack_overflow"), "local.set $r", *_return_sited(module), "return", "end",
        "i32.const 0", *depth, f"i32.const {_FRAME}", "i32.sub", f"i32.store offset={L.STATE_DEPTH}",
        *operands, f"call_indirect $:table (type {kind})", "local.set $r",
        "i32.const 0", *depth, f"i32.const {_FRAME}", "i32.add", f"i32.store offset={L.STATE_DEPTH}",
        *_return_sited(module), "return",
        "end",
        *operands, f"return_call_indirect $:table (type {kind})",
    ]  # fmt: skip


def _slot(i: int) -> list[str]:
    return ["i32.const 0", f"i64.load offset={L.STATE_SCRATCH + 8 * i}"]


def _return_sited(module: ModuleContext) -> list[str]:
    """Returns ``$r``, with the site in the pending error if it is one."""
    return ["  local.get $r", f"  i64.const {L.SPECIAL_ERR}", "  i64.eq", "  if", "    local.get $site",
            f"    {module.rt('rt_error_site')}", "  end", "  local.get $r"]  # fmt: skip


def adaptor(module: ModuleContext, c_name: str, count: int) -> str:
    """``$:rt_str.3 (a, b, c)``: a variadic op with its arguments on the stack."""

    def make(module: ModuleContext) -> list[str]:
        return [
            f"(func $:{c_name}.{count}{params(['val'] * count)} (result i64)",
            *(line for i in range(count)
              for line in ("  i32.const 0", f"  local.get {i}", f"  {scratch(i)}")),
            f"  i32.const {L.STATE_SCRATCH}", f"  i32.const {count}", f"  {module.rt(c_name)}",
            ")",
        ]  # fmt: skip

    return module.helper(f"{c_name}.{count}", make)


def checked_helper(module: ModuleContext, name: str) -> str:
    """``$:add (a, b, site) -> (result, error)``, also ``sub`` and ``mul``: the error has its site."""
    operation = {"add": L.OPERATION_ADD, "sub": L.OPERATION_SUB, "mul": L.OPERATION_MUL}[name]

    def make(module: ModuleContext) -> list[str]:
        return [
            f"(func $:{name} (param $a i64) (param $b i64) (param $site i32) (result i64 i32) (local $r i64)",
            "  local.get $a", "  local.get $b", f"  i64.{name}", "  local.set $r",
            *_OVERFLOWS[name],
            "  if",
            "    local.get $a", "    local.get $b", f"    i32.const {operation}", "    local.get $site",
            f"    call {overflow_helper(module)}", "    i64.const 0", "    i32.const 1", "    return",
            "  end",
            "  local.get $r", "  i32.const 0",
            ")",
        ]  # fmt: skip

    return module.helper(name, make)


_OVERFLOWS = {
    "add": ["  local.get $r", "  local.get $a", "  i64.xor", "  local.get $r", "  local.get $b", "  i64.xor",
            "  i64.and", "  i64.const 0", "  i64.lt_s"],
    "sub": ["  local.get $a", "  local.get $b", "  i64.xor", "  local.get $r", "  local.get $a", "  i64.xor",
            "  i64.and", "  i64.const 0", "  i64.lt_s"],
    "mul": ["  local.get $b", "  i64.eqz",
            "  if (result i32)",
            "    i32.const 0",
            "  else",
            "    local.get $b", "    i64.const -1", "    i64.eq",
            "    if (result i32)",
            "      local.get $a", f"      i64.const {-(1 << 63)}", "      i64.eq",
            "    else",
            "      local.get $r", "      local.get $b", "      i64.div_s",
            "      local.get $a", "      i64.ne",
            "    end",
            "  end"],
}  # fmt: skip
"""1 where ``$r`` is not the exact result of ``$a`` and ``$b``."""


def overflow_helper(module: ModuleContext) -> str:
    """``$:overflow (a, b, operation, site)``: sets the error and its site."""

    def make(module: ModuleContext) -> list[str]:
        return [
            "(func $:overflow (param i64 i64 i32 i32)",
            "  local.get 2", "  local.get 0", "  local.get 1", f"  {module.rt('rt_overflow2')}", "  drop",
            "  local.get 3", f"  {module.rt('rt_error_site')}",
            ")",
        ]  # fmt: skip

    return module.helper("overflow", make)
