"""IR to code: one function.

A function's frame holds its closure (slot 0), its parameters, then variables and temporaries in the
manner of a stack.  The slot of a result is written last, after all operands have been read, so it may
be one of them.  Every visitor answers the representation that it left there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rtfsc.ir import types as T
from rtfsc.ir.live import Liveness
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Function,
    Global,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Try,
    Var,
)  # fmt: skip
from rtfsc.ir.types import rep
from rtfsc.ir.walk import nodes
from rtfsc.ir.weight import grows
from rtfsc.primitives.ops import OPS
from runtime.evaluator.branches import compile_branch
from runtime.evaluator.code import ARGUMENTS, HEADER, Assembler, FunctionCode, Label
from runtime.evaluator.primitives import INDEX, OWN, c_result, instruction
from runtime.values import layout

if TYPE_CHECKING:
    from runtime.evaluator.compile import Linker

LETTER: Final = {"i64": "int", "f64": "float", "i32": "bool"}
"""Unboxed representations in names of instructions."""
_IMMEDIATE: Final = {
    **dict.fromkeys(["int.add", "int.add-nat", "int.nat-add", "i64.add"], "int_add_imm"),
    **dict.fromkeys(["int.sub", "int.sub-nat", "i64.sub"], "int_sub_imm"),
}


def small(value: int) -> bool:
    """Fits the operand of an instruction."""
    return -(2**31) <= value < 2**31


def arity_of(function: Function) -> int:
    """Number of fixed parameters, with the flags of a function value."""
    fixed = len(function.params) - function.rest
    return fixed | layout.ARITY_REST * function.rest | layout.ARITY_LIBRARY * function.library


class FunctionCompiler:
    """Compiles one function."""

    def __init__(self, linker: Linker, function: Function) -> None:
        self.linker, self.function = linker, function
        self.asm = Assembler()
        self.slots: dict[Var, int] = {}
        self.loops: dict[str, tuple[Label, list[int], list[str]]] = {}
        self.weight = 0
        """That of this frame where it is counted, on the path that is being compiled."""
        self.result = rep(function.result)
        self.top = self.most = 0
        self.live = Liveness(function, partial(linker.polls.is_point, function.name))

    def run(self) -> FunctionCode:
        function = self.function
        closure = self.reserve()
        if function.self_var is not None:
            self.slots[function.self_var] = closure
        for param in function.params:
            self.slots[param] = self.reserve()
        if function.name in self.linker.polls.entries:
            wanted = set(self.live.entry)
            roots = [self.slots[param] for param in function.params if param in wanted]
            if function.captures or function.self_var in wanted:
                roots.append(closure)
            self.asm.emit("collect", 0, roots=roots)
        for i, var in enumerate(function.captures):
            slot = self.slots[var] = self.reserve()
            self.asm.emit("capture", slot, i)
            self.convert(slot, slot, "val", rep(var.type))
        self.tail(function.body)
        self.asm.patch()
        asm = self.asm
        return FunctionCode(
            function.name, asm.words, asm.sites, asm.guards, asm.roots, self.most + 1, arity_of(function),
            self.result,
        )  # fmt: skip

    def roots(self, e: Expr) -> set[int]:
        """The slots that hold what is needed after a point where a collection may happen."""
        return {self.slots[var] for var in self.live.after(e)}

    # --- slots ----------------------------------------------------------------------------------

    def reserve(self) -> int:
        slot = self.top
        self.use(slot + 1)
        return slot

    def use(self, top: int) -> None:
        self.top = top
        self.most = max(self.most, top)

    def operand(self, e: Expr, want: str) -> int:
        """A slot that holds the value: that of the variable itself, or a new temporary."""
        if type(e) is Local and rep(e.var.type) == want:
            return self.slots[e.var]
        slot = self.reserve()
        self.into(e, slot, want)
        return slot

    def operands(self, args: list[Expr], wants: list[str]) -> list[int]:
        return [self.operand(e, want) for e, want in zip(args, wants, strict=True)]

    def into(self, e: Expr, slot: int, want: str) -> None:
        """Puts the value into a slot in the representation that is wanted. Keeps no temporaries."""
        top = self.top
        got = _VISIT[type(e)](self, e, slot, want)
        if got != want and e.type != T.NEVER:
            self.convert(slot, slot, got, want)
        self.top = top

    def convert(self, d: int, s: int, got: str, want: str) -> None:
        if got == want:
            if d != s:
                self.asm.emit("move", d, s)
        elif want == "val":
            self.asm.emit(f"box_{LETTER[got]}", d, s)
        elif got == "val":
            self.asm.emit(f"unbox_{LETTER[want]}", d, s)
        else:
            raise ValueError(f"{self.function.name}: representation {got} where {want} is expected")

    # --- leaves ---------------------------------------------------------------------------------

    def const(self, e: Const, d: int, want: str) -> str:
        pool, asm = self.linker.pool, self.asm
        if e.type == T.INT and want == "i64":
            if small(e.value):
                asm.emit("load_int", d, e.value)
            else:
                asm.emit("load_const", d, pool.integer(e.value))
            return "i64"
        if e.type == T.FLOAT and want == "f64":
            asm.emit("load_const", d, pool.floating(e.value))
            return "f64"
        if e.type == T.BOOL:
            asm.emit("load_int", d, int(e.value) if want == "i32" else 2 | e.value << 2)
            return "i32" if want == "i32" else "val"
        if e.type == T.NIL:
            asm.emit("load_int", d, 0)
        elif e.type == T.INT and small(e.value << 1 | 1):
            asm.emit("load_int", d, e.value << 1 | 1)
        else:
            asm.emit("load_const", d, pool.boxed(e))
        return "val"

    def local(self, e: Local, d: int, want: str) -> str:
        self.convert(d, self.slots[e.var], rep(e.var.type), want)
        return want

    def get_global(self, e: Global, d: int, want: str) -> str:
        number, got = self.linker.program.globals[e.name]
        if e.checked:
            self.asm.emit("global_checked", d, number, self.linker.pool.text(e.name), site=e.site)
        else:
            self.asm.emit("global", d, number)
        return got

    def set_global(self, e: SetGlobal, d: int, want: str) -> str:
        number, got = self.linker.program.globals[e.name]
        self.into(e.value, d, got)
        if got == "val":  # collections do not look at globals: what they hold stays where it is
            self.asm.emit("keep", d, roots={d, *self.roots(e)})
        self.asm.emit("set_global", number, d)
        return got

    # --- bindings and control -------------------------------------------------------------------

    def bind(self, var: Var, value: Expr) -> None:
        """A variable that only renames another shares its slot."""
        self.slots[var] = self.operand(value, rep(var.type))

    def let(self, e: Let, d: int, want: str) -> str:
        self.bind(e.var, e.value)
        self.into(e.body, d, want)
        return want

    def let_rec(self, e: LetRec, d: int, want: str) -> str:
        self.bind_rec(e)
        self.into(e.body, d, want)
        return want

    def bind_rec(self, e: LetRec) -> None:
        for var, closure in e.bindings:
            self.slots[var] = self.reserve()
            self.new_closure(closure, self.slots[var])
        for var, closure in e.bindings:
            self.fill_closure(closure, self.slots[var])

    def seq(self, e: Seq, d: int, want: str) -> str:
        self.effects(e.effects)
        self.into(e.result, d, want)
        return want

    def effects(self, effects: list[Expr]) -> None:
        for effect in effects:
            top = self.top
            self.operand(effect, rep(effect.type))
            self.top = top

    def if_(self, e: If, d: int, want: str) -> str:
        orelse, end = Label(), Label()
        compile_branch(self, e.test, orelse, False)
        self.into(e.then, d, want)
        if e.then.type != T.NEVER:
            self.asm.jump("jump", to=end)
        self.asm.place(orelse)
        self.into(e.orelse, d, want)
        self.asm.place(end)
        return want

    def loop(self, e: Loop, d: int, want: str) -> str:
        self.enter_loop(e)
        self.into(e.body, d, want)
        return want

    def enter_loop(self, e: Loop) -> None:
        slots = []
        for var, init in zip(e.vars, e.inits, strict=True):
            slots.append(self.reserve())
            self.into(init, slots[-1], rep(var.type))
            self.slots[var] = slots[-1]
        start = Label()
        self.asm.place(start)
        if (self.function.name, e.label) in self.linker.polls.loops:
            self.asm.emit("collect", 0, roots=self.roots(e))
        self.loops[e.label] = start, slots, [rep(var.type) for var in e.vars]

    def recur(self, e: Recur, d: int, want: str) -> str:
        """A variable that no later argument reads is set at once, the others at the end."""
        start, slots, reps = self.loops[e.label]
        reads = [self._reads(arg) for arg in e.args] if len(e.args) > 1 else []
        late: list[tuple[int, int]] = []
        for i, arg in enumerate(e.args):
            if type(arg) is Local and self.slots[arg.var] == slots[i]:
                continue
            if any(slots[i] in later for later in reads[i + 1 :]):
                late.append((slots[i], self.reserve()))
                self.into(arg, late[-1][1], reps[i])
            else:
                self.into(arg, slots[i], reps[i])
        for slot, temporary in late:
            self.asm.emit("move", slot, temporary)
        self.asm.jump("loop", to=start)
        return want

    def _reads(self, e: Expr) -> set[int]:
        return {self.slots[n.var] for n in nodes(e) if type(n) is Local and n.var in self.slots}

    def try_(self, e: Try, d: int, want: str) -> str:
        end = Label()
        self.guard(e, lambda: self.into(e.body, d, want))
        if e.body.type != T.NEVER:
            # The jump lies behind the guarded words and before the handler.
            self.asm.jump("jump", to=end)
        self.catch(e)
        self.into(e.handler, d, want)
        self.asm.place(end)
        return want

    def guard(self, e: Try, body: Callable[[], None]) -> None:
        depth = self.reserve()
        self.asm.emit("try", depth)
        start = len(self.asm.words)
        handler = Label()
        body()
        self.asm.guards.append((start, len(self.asm.words), handler))
        self._handler = handler, depth

    def catch(self, e: Try) -> None:
        handler, depth = self._handler
        self.asm.place(handler)
        slot = self.slots[e.var] = self.reserve()
        self.asm.emit("catch", slot, depth)

    # --- calls ----------------------------------------------------------------------------------

    def window(self, callee: Expr | None, args: list[Expr], reps: list[str]) -> int:
        """Evaluates callee and arguments into the window of a call."""
        base = self.top
        self.use(base + ARGUMENTS)
        if callee is not None:
            self.into(callee, base + HEADER, "val")
        for e, want in zip(args, reps, strict=True):
            self.into(e, self.reserve(), want)
        return base

    def call(self, e: Call, d: int, want: str) -> str:
        callee = self.linker.module.functions[e.func]
        base = self.window(e.closure, e.args, [rep(p.type) for p in callee.params])
        self.asm.emit("call", d, self.linker.program.index[e.func], base, site=e.site, roots=self.roots(e))
        return rep(callee.result)

    def call_value(self, e: CallValue, d: int, want: str) -> str:
        base = self.window(e.callee, e.args, ["val"] * len(e.args))
        self.asm.emit("call_value", d, base, len(e.args), site=e.site, roots=self.roots(e))
        return "val"

    def apply(self, e: Apply, d: int, want: str) -> str:
        base = self.window(e.callee, [e.args], ["val"])
        self.asm.emit("apply", d, base, site=e.site, roots=self.roots(e))
        return "val"

    def closure(self, e: Closure, d: int, want: str) -> str:
        if not e.captures:
            self.new_closure(e, d)
            return "val"
        slot = self.reserve()
        self.new_closure(e, slot)
        self.fill_closure(e, slot)
        self.asm.emit("move", d, slot)
        return "val"

    def new_closure(self, e: Closure, d: int) -> None:
        number = self.linker.closure_number(e.func, len(e.captures))
        if e.captures:
            self.asm.emit("closure", d, number, len(e.captures))
        else:
            self.asm.emit("static_closure", d, number)

    def fill_closure(self, e: Closure, slot: int) -> None:
        for i, capture in enumerate(e.captures):
            top = self.top
            self.asm.emit("set_capture", slot, i, self.operand(capture, "val"))
            self.top = top

    def prim(self, e: Prim, d: int, want: str) -> str:
        if e.op == "host":
            return self.host(e, d)
        op = OPS[e.op]
        name, asm = instruction(op), self.asm
        if e.op in _IMMEDIATE and type(e.args[1]) is Const and small(e.args[1].value):
            a = self.operand(e.args[0], "i64")
            asm.emit(_IMMEDIATE[e.op], d, a, e.args[1].value, site=e.site)
            return "i64"
        if op.variadic:
            base = self.top
            for arg in e.args:
                self.into(arg, self.reserve(), "val")
            asm.emit(name, d, INDEX[e.op], base, len(e.args), site=e.site)
            return "val"
        slots = self.operands(e.args, [rep(t) for t in op.params])
        if op.inline:
            asm.emit(name, d, *slots, *([e.imm] if op.imm else []), site=e.site)
            return "val" if e.op in ("as", "check") else rep(op.result)
        if op.imm:
            slots.append(self.reserve())
            asm.emit("load_const", slots[-1], self.linker.pool.text(str(e.imm)))
        asm.emit(name, d, *([] if e.op in OWN else [INDEX[e.op]]), *slots, site=e.site)
        return c_result(op)

    def host(self, e: Prim, d: int) -> str:
        """The operation's name is the first argument."""
        base = self.top
        self.asm.emit("load_const", self.reserve(), self.linker.pool.text(e.imm))
        for arg in e.args:
            self.into(arg, self.reserve(), "val")
        self.asm.emit("host", d, base, len(e.args) + 1, site=e.site, roots=self.roots(e))
        return "val"

    # --- tail position --------------------------------------------------------------------------

    def before(self, e: Expr) -> None:
        """Counts the frame before a part that can grow the stack (`rtfsc.ir.weight.grows`)."""
        weights = self.linker.weights
        own = weights.get(self.function.name, 0)
        if own and not self.weight and grows(e, weights):
            self.weight = own
            self.asm.emit("enter", own)

    def tail(self, e: Expr) -> None:
        """Evaluates the expression and returns its value from the function."""
        top, weight = self.top, self.weight
        kind = type(e)
        if kind in _TAIL:
            _TAIL[kind](self, e)
        else:
            self._return(e)
        self.top, self.weight = top, weight

    def tail_local(self, e: Local) -> None:
        self.asm.emit("return", self.operand(e, self.result), self.weight)

    def tail_let(self, e: Let) -> None:
        self.before(e.value)
        self.bind(e.var, e.value)
        self.tail(e.body)

    def tail_let_rec(self, e: LetRec) -> None:
        self.bind_rec(e)
        self.tail(e.body)

    def tail_seq(self, e: Seq) -> None:
        for effect in e.effects:
            self.before(effect)
            self.effects([effect])
        self.tail(e.result)

    def tail_if(self, e: If) -> None:
        self.before(e.test)
        orelse = Label()
        top = self.top
        compile_branch(self, e.test, orelse, False)
        self.top = top
        self.tail(e.then)
        self.asm.place(orelse)
        self.tail(e.orelse)

    def tail_loop(self, e: Loop) -> None:
        self.before(e)
        self.enter_loop(e)
        self.tail(e.body)

    def tail_recur(self, e: Recur) -> None:
        self.recur(e, 0, "val")

    def tail_try(self, e: Try) -> None:
        self.before(e)
        slot = self.reserve()
        self.guard(e, lambda: self.into(e.body, slot, self.result))
        if e.body.type != T.NEVER:
            self.asm.emit("return", slot, self.weight)
        self.catch(e)
        self.tail(e.handler)

    def tail_call(self, e: Call) -> None:
        callee = self.linker.module.functions[e.func]
        if not e.tail or rep(callee.result) != self.result:
            return self._return(e)
        self.before(e)
        base = self.window(e.closure, e.args, [rep(p.type) for p in callee.params])
        number = self.linker.program.index[e.func]
        return self.asm.emit("tail_call", number, base, len(e.args), self.weight, site=e.site)

    def tail_call_value(self, e: CallValue) -> None:
        if not e.tail or self.result != "val":
            return self._return(e)
        self.before(e)
        base = self.window(e.callee, e.args, ["val"] * len(e.args))
        self.asm.emit("tail_call_value", base, len(e.args), self.weight, site=e.site)
        # Code of the library does not replace this frame.
        return self.asm.emit("return", base, self.weight)

    def tail_apply(self, e: Apply) -> None:
        if not e.tail or self.result != "val":
            return self._return(e)
        self.before(e)
        base = self.window(e.callee, [e.args], ["val"])
        self.asm.emit("tail_apply", base, self.weight, site=e.site)
        return self.asm.emit("return", base, self.weight)

    def _return(self, e: Expr) -> None:
        self.before(e)
        self.into(e, slot := self.reserve(), self.result)
        if e.type != T.NEVER:
            self.asm.emit("return", slot, self.weight)


_VISIT: Final[dict[type, Callable[[FunctionCompiler, Any, int, str], str]]] = {
    Const: FunctionCompiler.const, Local: FunctionCompiler.local, Global: FunctionCompiler.get_global,
    SetGlobal: FunctionCompiler.set_global, Let: FunctionCompiler.let, LetRec: FunctionCompiler.let_rec,
    Seq: FunctionCompiler.seq, If: FunctionCompiler.if_, Loop: FunctionCompiler.loop,
    Recur: FunctionCompiler.recur, Call: FunctionCompiler.call, CallValue: FunctionCompiler.call_value,
    Apply: FunctionCompiler.apply, Closure: FunctionCompiler.closure, Prim: FunctionCompiler.prim,
    Try: FunctionCompiler.try_,
}  # fmt: skip
_TAIL: Final[dict[type, Callable[[FunctionCompiler, Any], None]]] = {
    Local: FunctionCompiler.tail_local, Let: FunctionCompiler.tail_let, LetRec: FunctionCompiler.tail_let_rec,
    Seq: FunctionCompiler.tail_seq, If: FunctionCompiler.tail_if, Loop: FunctionCompiler.tail_loop,
    Recur: FunctionCompiler.tail_recur, Call: FunctionCompiler.tail_call, Try: FunctionCompiler.tail_try,
    CallValue: FunctionCompiler.tail_call_value, Apply: FunctionCompiler.tail_apply,
}  # fmt: skip
