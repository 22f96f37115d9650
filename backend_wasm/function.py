"""State of emitting one function: lines of code, locals, error targets, the depth counter.

Code is written as flat WAT, one instruction a line. Every value is left on the operand stack in one
of the representations of `rtfsc.ir.types` or, where the code does not get there, as `NEVER`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from backend_wasm import layout as L
from backend_wasm.context import ModuleContext
from backend_wasm.text import WASM, Names
from rtfsc.ir import types as T
from rtfsc.ir.live import Liveness
from rtfsc.ir.nodes import Expr, Function, Var

NEVER = "never"
NONE = "none"
"""Representation wanted by who wants no value."""


_OPPOSITE = {
    "i64.lt_s": "i64.ge_s", "i64.ge_s": "i64.lt_s", "i64.gt_s": "i64.le_s", "i64.le_s": "i64.gt_s",
    "i64.eq": "i64.ne", "i64.ne": "i64.eq",
}  # fmt: skip
"""Comparisons of integers; those of floats have no opposite, because of NaN."""


@dataclass(slots=True)
class Handler:
    """Where errors go: label ``fail``, or ``sited`` with the site as i32. They are blocks whose lines
    are dropped if nothing branches there."""

    fail: str
    sited: str
    base: bool
    fail_used: bool = False
    sited_used: bool = False


class FunctionEmitter:
    """``value``, ``operand`` and ``natural`` are those of `backend_wasm.expressions`, handed in because
    primitives and calls need them and are needed by them."""

    def __init__(
        self,
        module: ModuleContext,
        function: Function,
        value: Callable[[FunctionEmitter, Expr, str], None],
        operand: Callable[[FunctionEmitter, Expr, str], tuple[str, str]],
        natural: Callable[[FunctionEmitter, Expr], str],
    ) -> None:
        self._value, self._operand, self._natural = value, operand, natural
        self.module = module
        self.function = function
        self.out: list[str] = []
        self.pad = "  "
        self.names = Names()
        self.locals: dict[Var, str] = {}
        self.declared: list[str] = []
        self.free: dict[str, list[str]] = {"i64": [], "f64": [], "i32": []}
        self.handlers: list[Handler] = []
        self.result = T.rep(function.result)
        self.flagged = function.name in module.facts.flagged
        self.loops = 1 if function.name in module.facts.counted else 0
        self.counting = False
        self.weight = module.facts.weights.get(function.name, 0)
        self.labels = 0
        self.targets: dict[str, tuple[str, list[Var]]] = {}
        """WAT label and variables of each loop around."""

        self.checked = 0, -1
        """Where the last test for an error began and ended in ``out``."""
        polls = module.polls
        self.live = Liveness(function, partial(polls.is_point, function.name))
        """What has to be kept over collections."""

    def value(self, e: Expr, want: str) -> None:
        """Leaves the value on the stack in representation ``want``; nothing for `NONE`."""
        self._value(self, e, want)

    def natural(self, e: Expr) -> str:
        """Leaves the value in whatever representation costs least, which is the answer."""
        return self._natural(self, e)

    def operand(self, e: Expr, want: str) -> tuple[str, str]:
        """The value as an instruction that can be repeated, and the temporary to release or ``""``."""
        return self._operand(self, e, want)

    # --- lines

    def op(self, *lines: str) -> None:
        pad = self.pad
        for line in lines:
            self.out.append(pad + line)

    def get(self, name: str) -> None:
        """Reads a local; directly after its own assignment both become a tee."""
        last = self.out[-1] if self.out else ""
        if last == f"{self.pad}local.set {name}":
            self.out[-1] = f"{self.pad}local.tee {name}"
        else:
            self.out.append(f"{self.pad}local.get {name}")

    def set(self, name: str) -> None:
        """Assigns a local; a result that was just tested for an error is kept there from the start."""
        start, end = self.checked
        if end == len(self.out):
            self.out.pop()
            self.out[start] = f"{self.pad}local.tee {name}"
            self.checked = 0, -1  # the output is a line shorter: ``end`` means nothing any more
        else:
            self.out.append(f"{self.pad}local.set {name}")

    def left(self) -> bool:
        """Whether control never comes past the last line."""
        last = self.out[-1].split() if self.out else [""]
        return last[0] in ("return", "return_call", "return_call_indirect", "br", "unreachable")

    def negate(self) -> None:
        """The other truth of the i32 on the stack."""
        opposite = _OPPOSITE.get(self.out[-1].strip())
        if opposite is None:
            self.op("i32.eqz")
        else:
            self.out[-1] = self.pad + opposite

    def drop(self) -> None:
        """Removes the value on the stack, or the line that only put it there."""
        word, _, name = self.out[-1].strip().partition(" ")
        if word in ("local.get", "global.get", "i64.const", "i32.const", "f64.const"):
            self.out.pop()
            self.checked = 0, -1
        elif word == "local.tee":
            self.out[-1] = f"{self.pad}local.set {name}"
        else:
            self.op("drop")

    @contextmanager
    def nested(self, opening: str) -> Iterator[None]:
        """A block, loop or if, with its ``end``."""
        self.open(opening)
        yield
        self.close()

    def open(self, opening: str) -> None:
        self.op(opening)
        self.pad += "  "

    def orelse(self) -> None:
        self.out.append(self.pad[:-2] + "else")

    def close(self) -> None:
        self.pad = self.pad[:-2]
        self.op("end")

    @property
    def hot(self) -> bool:
        """Code that may run often: worth its bytes inline."""
        return self.loops > 0

    def label(self, hint: str) -> str:
        self.labels += 1
        return f"${hint}{self.labels}"

    # --- locals

    def bind(self, var: Var) -> str:
        name = self.locals.get(var)
        if name is None:
            name = self.locals[var] = self.names.fresh(var.name)
            self.declared.append(f"(local {name} {WASM[T.rep(var.type)]})")
        return name

    def temp(self, wasm: str) -> str:
        """A local for short use; give it back with `release`."""
        if self.free[wasm]:
            return self.free[wasm].pop()
        name = self.names.fresh(f"t.{wasm}")
        self.declared.append(f"(local {name} {wasm})")
        return name

    def release(self, wasm: str, *names: str) -> None:
        self.free[wasm].extend(name for name in names if name)

    # --- errors

    @property
    def handler(self) -> Handler:
        return self.handlers[-1]

    def fail(self, site: int) -> None:
        """Leaves for the error target; the error is pending."""
        target = self.handler
        if site:
            target.sited_used = True
            self.op(f"i32.const {self.module.site(site)}", f"br {target.sited}")
        else:
            target.fail_used = True
            self.op(f"br {target.fail}")

    def fail_if(self, site: int) -> None:
        """`fail` if the i32 on the stack is not 0."""
        if site:
            with self.nested("if"):
                self.fail(site)
        else:
            self.handler.fail_used = True
            self.op(f"br_if {self.handler.fail}")

    def check_error(self, site: int, keep: bool = True) -> None:
        """The boxed result on the stack: leaves if it is `ERR`."""
        temp = self.temp("i64")
        start = len(self.out)
        if keep:
            self.op(f"local.tee {temp}")
        self.op(f"i64.const {L.SPECIAL_ERR}", "i64.eq")
        self.fail_if(site)
        if keep:
            self.get(temp)
            self.checked = start, len(self.out)
        self.release("i64", temp)

    @contextmanager
    def catching(self, base: bool) -> Iterator[Handler]:
        """Code inside has a fresh error target; after it, control arrives there. The code inside must
        not fall through."""
        n = self.label("")[1:]
        handler = Handler(f"$fail{n}", f"$error{n}", base)
        self.handlers.append(handler)
        start, pad = len(self.out), self.pad
        self.out += [f"{pad}block {handler.fail}", f"{pad}block {handler.sited} (result i32)"]
        self.pad += "  "
        yield handler
        self.pad = pad
        self.handlers.pop()
        self.out += [f"{pad}end", f"{pad}{self.module.rt('rt_error_site')}"] if handler.sited_used else []
        self.out += [f"{pad}end"] if handler.fail_used or handler.sited_used else []
        if not handler.sited_used:
            self.out[start + 1] = ""
        if not (handler.fail_used or handler.sited_used):
            self.out[start] = ""

    # --- depth

    def enter(self) -> None:
        """Lowers `DEPTH` by the frame's weight; below 0 StackOverflow is raised."""
        if self.counting:
            return
        self.counting = True
        depth = self.temp("i32")
        self.op("i32.const 0", f"i32.load offset={L.STATE_DEPTH}", f"local.tee {depth}",
                f"i32.const {self.weight}", "i32.lt_s")  # fmt: skip
        with self.nested("if"):
            self.op(self.module.rt("rt_stack_overflow"), "drop")
            self.fail(0)
        self.op("i32.const 0", f"local.get {depth}", f"i32.const {self.weight}", "i32.sub",
                f"i32.store offset={L.STATE_DEPTH}")  # fmt: skip
        self.release("i32", depth)

    def leave(self) -> None:
        """Raises `DEPTH` again, before the function returns or makes a tail call."""
        if self.counting:
            # Loaded anew: a local that lives over the calls costs more than this.
            self.op("i32.const 0", "i32.const 0", f"i32.load offset={L.STATE_DEPTH}",
                    f"i32.const {self.weight}", "i32.add", f"i32.store offset={L.STATE_DEPTH}")  # fmt: skip
