"""What the functions of one module share: names, imports, constants, helpers, call signatures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from backend_wasm import layout as L
from backend_wasm.analysis import Facts, analyse
from backend_wasm.constants import Pool
from backend_wasm.text import Names
from rtfsc.ir import types as T
from rtfsc.ir.collect import find_polls
from rtfsc.ir.nodes import Closure, Const, Module
from rtfsc.ir.normal import normalise

ERROR_SITE = "rt_error_site"
SITE_HELPER = "error_site"
"""Stands for it in modules that share an instance: their sites have numbers of their own."""
RECORD = 2 * L.FN_CAPTURES
"""Bytes per function value in the module's data: its FNINFO, then an FN without captures."""


MARK = "(;site;)"
"""Comment after a site id, in text that is read by `backend_wasm.code_map`."""


class ModuleContext:
    """``marks``: site ids carry `MARK`."""

    def __init__(self, module: Module, marks: bool = False) -> None:
        self.module = module
        self.marks = marks
        self.facts: Facts = analyse(module)
        polls = self.polls = find_polls(module, self.facts.weights)
        self.functions = {
            name: normalise(function, partial(polls.is_point, name)) if name in polls.collecting else function
            for name, function in module.functions.items()
        }
        self.pool = Pool()
        self.imports: dict[str, None] = {}
        self.arities: dict[int, None] = {}
        self.helpers: dict[str, list[str]] = {}
        self.sites: dict[int, int] = {}
        self.library_values = bool(module.separate) or any(
            module.functions[name].library for name in self.facts.values
        )
        """Whether code of the library can be called as a value."""
        self.links: dict[tuple[str, str], str] = {}
        """Imports from other modules: identifier by module and link name."""
        self.host = False
        """Whether the module performs an operation of the host."""
        names = Names()
        self.function_names = {name: names.fresh(name) for name in module.functions}
        names = Names()
        self.global_names = {name: names.fresh(name) for name in module.globals}

    def rt_name(self, c_name: str) -> str:
        """The identifier of a function of `rt`, which becomes an import."""
        if c_name == ERROR_SITE and self.module.separate:
            return f"$:{SITE_HELPER}"
        self.imports[c_name] = None
        return f"${c_name}"

    def rt(self, c_name: str) -> str:
        """The instruction that calls a function of `rt`."""
        return f"call {self.rt_name(c_name)}"

    def link(self, module: str, name: str) -> str:
        """The identifier of the function that answers what another module exports."""
        return self.links.setdefault((module, name), f"$:link.{len(self.links)}")

    def site(self, site: int) -> str:
        """The id of a site in this module: those that code refers to, in the order of first use."""
        if not site:
            return "0"
        number = self.sites.setdefault(site, len(self.sites) + 1)
        return f"{number} {MARK}" if self.marks else str(number)

    def constant(self, e: Const) -> str:
        """The instruction that reads a constant of the pool."""
        return f"global.get $:c{self.pool.add(e)}"

    def call_type(self, arity: int) -> str:
        """The type of closure code for so many arguments."""
        self.arities[arity] = None
        return f"$:t{arity}"

    def helper(self, name: str, make: Callable[[ModuleContext], list[str]]) -> str:
        """A function of the emitter's own, written when first asked for; answers its identifier."""
        if name not in self.helpers:
            self.helpers[name] = []  # taken before it is made: helpers may use each other
            self.helpers[name] = make(self)
        return f"$:{name}"

    def global_rep(self, name: str) -> str:
        """A global that may be read before it is set is boxed, to have a value that says so."""
        return "val" if name in self.facts.checked else T.rep(self.module.globals[name])

    def record(self, func: str) -> int:
        """Offset of a function's record from the global ``$:F``."""
        return self.facts.values[func] * RECORD

    def static_closure(self, e: Closure | str) -> list[str]:
        """The value of a function without captures."""
        func = e if isinstance(e, str) else e.func
        offset = self.record(func) + L.FN_CAPTURES
        return ["global.get $:F", f"i64.const {offset}", "i64.add"]
