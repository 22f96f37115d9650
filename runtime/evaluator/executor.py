"""Runs IR in the evaluator: the executor behind the entry point ``rtfsc.executors``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rtfsc.ir.nodes import Export, Module, Place
from rtfsc.ir.types import rep
from runtime.evaluator.compile import compile_module
from runtime.host.access import HostCallable, stay_here
from runtime.values.limits import Limits

_LETTERS: Final = {"i64": "i", "f64": "f", "i32": "b", "val": "v"}


class IrExecutor:
    """Instantiates artifacts of target ``rtfs-ir`` (`rtfsc.backend.BytecodeExecutor`), or IR as it is."""

    target = "rtfs-ir"

    def instantiate(
        self,
        artifact: bytes,
        *,
        limits: Limits | None = None,
        spans: Sequence[Place] | None = None,
        names: Sequence[str] | None = None,
        host: HostCallable | None = None,
    ) -> Instance:
        """A fresh instance of serialised IR; its top level has not run yet. ``host``: what it may do outside;
        None denies every capability. Raises ``IRError``."""
        from rtfsc.ir.serial import loads
        from rtfsc.ir.verify import verify

        module = loads(artifact)
        verify(module)
        return self.instantiate_module(module, limits=limits, spans=spans, names=names, host=host)

    def instantiate_module(
        self,
        module: Module,
        *,
        limits: Limits | None = None,
        spans: Sequence[Place] | None = None,
        names: Sequence[str] | None = None,
        host: HostCallable | None = None,
    ) -> Instance:
        """A fresh instance of a verified module, not changed by it. ``names``: display names in the order of
        the module's functions."""
        if spans is None:
            spans = [site.place for site in module.sites]
        shown = {name: f.display_name or name for name, f in module.functions.items()}
        if names is not None:
            shown.update(zip(module.functions, names, strict=False))
        instance = Instance(module, limits or Limits(), shown, spans, host)
        if module.guards:
            stay_here(instance, len(module.guards))
        return instance


class Instance:
    """A module in memory (`rtfsc.backend.Instance`). Its top level runs at first use, once.

    One thread is in it at a time; a second one waits. Errors of the program raise `RtfsError`, and the
    instance stays usable after them and after limits.
    """

    def __init__(self, module: Module, limits: Limits, names: Mapping[str, str],
                 spans: Sequence[Place], host: HostCallable | None = None) -> None:  # fmt: skip
        from runtime.evaluator.native import Instance as Native

        self._module = module
        self._program = compile_module(module)
        self._native = Native(self._program, limits, names, spans)
        self._native.host = host
        self._exports = {export.name: export for export in module.exports}
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that are in use now, garbage included."""
        return self._native.memory_bytes

    def router(self) -> Callable[[int, bool], None]:
        """Says, from any thread and at any time, whether calls of the guarded function of a number
        (`rtfsc.ir.routes`) stay here without asking the host. It does not keep the instance."""
        found = weakref.ref(self._native)

        def route(number: int, here: bool) -> None:
            inner = found()
            if inner is not None:
                inner.route(number, here)

        return route

    def start(self) -> None:
        """Evaluates the top level (once) and drops its value."""
        self._native.start()

    def run(self) -> Any:
        """Evaluates the top level (once) and returns the value of the last form."""
        return self._native.run()

    def run_printed(self) -> str:
        """Like `run`, with the value in printed RTFS form."""
        return self._native.run_printed()

    def function(self, name: str) -> Callable[..., Any]:
        """The exported function; ``KeyError`` if there is none of this name."""
        found = self._functions.get(name)
        if found is None:
            export = self._export(name, is_function=True)
            self._native.start()
            found = self._functions[name] = self._bound(export)
        return found

    def value(self, name: str) -> Any:
        """The exported global; ``KeyError`` if there is none of this name."""
        self._export(name, is_function=False)
        return self._native.value(name)

    def close(self) -> None:
        """Frees the memory of the instance. Functions and handles of it raise `InstanceClosed` then."""
        self._native.close()

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _export(self, name: str, is_function: bool) -> Export:
        export = self._exports.get(name)
        if export is None or (export.func is not None) != is_function:
            raise KeyError(name)
        return export

    def _bound(self, export: Export) -> Callable[..., Any]:
        from runtime.evaluator.native import Function

        assert export.func is not None
        functions, program = self._module.functions, self._program
        variants = []
        for variant in export.variants:
            clone = functions[variant.func]
            letters = "".join(_LETTERS[rep(p.type)] for p in clone.params)
            variants.append((program.index[variant.func], letters, _LETTERS[rep(clone.result)]))
        variants.sort(key=lambda v: v[1].count("v"))
        types = export.param_types
        if len(types) != len(export.params):
            types = [":any"] * len(export.params)
        number = program.boxed[export.func]
        return Function(self._native, export.name, number, types, export.rest, variants, export.doc or None)
