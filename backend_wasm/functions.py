"""Functions to code: prologue, body, error exit; and the wrappers through which others call them."""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.calls import load_captures
from backend_wasm.context import ModuleContext
from backend_wasm.control import result
from backend_wasm.convert import convert
from backend_wasm.expressions import natural, operand, value
from backend_wasm.function import FunctionEmitter
from backend_wasm.roots import poll
from backend_wasm.text import WASM, params, results
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Function


def emit_function(module: ModuleContext, function: Function) -> list[str]:
    """The definition of one function under its identifier."""
    f = FunctionEmitter(module, function, value, operand, natural)
    declared = _parameters(f)
    raises = function.name in module.facts.raises
    if raises:
        with f.catching(base=True) as handler:
            _body(f)
            if not f.left():
                f.op("return")
        if handler.fail_used or handler.sited_used:
            _error_exit(f)
        elif f.out[-1].endswith("return"):
            f.out.pop()
    else:
        _body(f)
    head = f"(func {module.function_names[function.name]}{declared}{results(f.result, f.flagged)}"
    out = [head]
    if f.declared:
        out.append("  " + " ".join(f.declared))
    out += [line for line in f.out if line]
    out.append(")")
    return out


def _parameters(f: FunctionEmitter) -> str:
    """Declares parameters, loads captures; answers the text of the parameters."""
    function = f.function
    text = ""
    closure = ""
    if function.captures:
        closure = f.names.fresh(function.self_var.name if function.self_var else "closure")
        text += f" (param {closure} i64)"
        if function.self_var:
            f.locals[function.self_var] = closure
    for var in function.params:
        name = f.locals[var] = f.names.fresh(var.name)
        text += f" (param {name} {WASM[T.rep(var.type)]})"
    if function.name in f.module.polls.entries:
        wanted = set(f.live.entry)
        poll(f, [*filter(None, [closure]), *(f.locals[var] for var in function.params if var in wanted)])
    if closure:
        load_captures(f, closure)
    elif function.self_var and function.name in f.module.facts.values:
        f.op(*f.module.static_closure(function.name))
        f.set(f.bind(function.self_var))
    return text


def _body(f: FunctionEmitter) -> None:
    result(f, f.function.body, f.result, True)
    if f.flagged and not f.left():
        f.op("i32.const 0")


def _error_exit(f: FunctionEmitter) -> None:
    if f.flagged:
        f.op(f"{WASM[f.result]}.const 0", "i32.const 1")
    else:
        f.op(f"i64.const {L.SPECIAL_ERR}")


def emit_code(module: ModuleContext, function: Function) -> tuple[str, list[str]]:
    """Closure code of a function: its identifier, and the lines of a wrapper if it needs one."""
    if function.captures and not function.rest and _boxed_result(function):
        return module.function_names[function.name], []
    name = f"$:code.{module.function_names[function.name][1:]}"
    wrapper = _Wrapper(module, function)
    f = wrapper.f
    count = 1 if function.rest else len(function.params)
    f.module.call_type(count)
    if function.captures:
        f.op("local.get 0")
    if function.rest:
        wrapper.spread(len(function.params))
    else:
        f.op(*(f"local.get {i + 1}" for i in range(count)))
    wrapper.call()
    return name, wrapper.lines(f"(func {name} (param i64{' i64' * count}) (result i64)")


def emit_export(module: ModuleContext, function: Function) -> tuple[str, list[str]]:
    """The generic entry of an exported function, all boxed: itself where it is that already."""
    if not function.captures and _boxed_result(function):
        return module.function_names[function.name], []
    name = f"$:export.{module.function_names[function.name][1:]}"
    wrapper = _Wrapper(module, function)
    count = len(function.params)
    wrapper.f.op(*(f"local.get {i}" for i in range(count)))
    wrapper.call()
    return name, wrapper.lines(f"(func {name}{params(['val'] * count)} (result i64)")


def _boxed_result(function: Function) -> bool:
    return T.rep(function.result) == "val"


class _Wrapper:
    """A function with a boxed result around one with any; the verifier sees to boxed parameters."""

    def __init__(self, module: ModuleContext, function: Function) -> None:
        self.function = function
        self.f = FunctionEmitter(module, Function("", [], Const(T.NIL, None)), value, operand, natural)

    def spread(self, count: int) -> None:
        """From the list of all arguments: the fixed ones, then the list of the others."""
        f = self.f
        for i in range(count - 1):
            f.op("local.get 1", f"i64.const {i}", f.module.rt("rt_seq_nth"))
        if count > 1:
            f.op(f"i64.const {(count - 1) << 1 | 1}", "local.get 1", f.module.rt("rt_drop"))
        else:
            f.op("local.get 1")

    def call(self) -> None:
        f, function = self.f, self.function
        rep, flagged = T.rep(function.result), function.name in f.module.facts.flagged
        name = f.module.function_names[function.name]
        if rep == "val":
            f.op(f"return_call {name}")
            return
        f.op(f"call {name}")
        if flagged:
            with f.nested("if"):
                f.op(f"i64.const {L.SPECIAL_ERR}", "return")
        convert(f, rep, "val")

    def lines(self, head: str) -> list[str]:
        declared = ["  " + " ".join(self.f.declared)] if self.f.declared else []
        return [head, *declared, *(line for line in self.f.out if line), ")"]
