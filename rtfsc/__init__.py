"""rtfsc compiles RTFS, a small pure language, to signed WebAssembly that is found and run again.

>>> import rtfsc
>>> rtfsc.compile("(defn twice [n] (* 2 n))").twice(21)
42
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfsc.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from rtfsc.diagnostics import Diagnostic, DiagnosticError
    from runtime.chain.audit import Audit
    from runtime.delegation.context import Environment
    from runtime.delegation.setup import open_delegation
    from runtime.delegation.types import DelegationMetadata
    from runtime.engine import Runtime
    from runtime.host.capability import Capability, capability
    from runtime.host.handling import Handling
    from runtime.host.session import Delegation, Event, Host
    from runtime.module import Module, Provenance
    from runtime.retrieving import Found, RefusedEntry
    from runtime.solving import Solution, SolveError, solve
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError
    from runtime.values import (
        ArithmeticOverflow,
        ArityError,
        DeadlineExceeded,
        DivisionByZero,
        ErrorValue,
        FuelExhausted,
        HostError,
        HostFunction,
        IndexOutOfBounds,
        InstanceClosed,
        InvalidArgument,
        Keyword,
        LimitExceeded,
        Limits,
        List,
        MemoryLimitExceeded,
        OutputLimitExceeded,
        Resource,
        RtfsError,
        RtfsTypeError,
        StackOverflow,
        Symbol,
        Timestamp,
        UndefinedSymbol,
    )
    from runtime.wasm.errors import ModuleRejected

__all__ = [
    "ArithmeticOverflow",
    "ArityError",
    "Audit",
    "Capability",
    "DeadlineExceeded",
    "Delegation",
    "DelegationMetadata",
    "Diagnostic",
    "DiagnosticError",
    "DivisionByZero",
    "Environment",
    "ErrorValue",
    "Event",
    "Found",
    "FuelExhausted",
    "Handling",
    "Host",
    "HostError",
    "HostFunction",
    "IndexOutOfBounds",
    "InstanceClosed",
    "InvalidArgument",
    "Keyword",
    "LimitExceeded",
    "Limits",
    "List",
    "MemoryLimitExceeded",
    "Module",
    "ModuleRejected",
    "OutputLimitExceeded",
    "Provenance",
    "RefusedEntry",
    "Resource",
    "RtfsError",
    "RtfsTypeError",
    "Runtime",
    "Solution",
    "SolveError",
    "StackOverflow",
    "StoreError",
    "Symbol",
    "Timestamp",
    "TrustError",
    "UndefinedSymbol",
    "__version__",
    "capability",
    "compile",
    "load",
    "open_delegation",
    "solve",
]

# Name → module that has it: loaded when it is first asked for, so that importing rtfsc is cheap. The
# others of `__all__` are values and their errors.
_LAZY = {
    "Audit": "runtime.chain.audit",
    "Capability": "runtime.host.capability",
    "Handling": "runtime.host.handling",
    "Delegation": "runtime.host.session",
    "DelegationMetadata": "runtime.delegation.types",
    "Environment": "runtime.delegation.context",
    "Event": "runtime.host.session",
    "Host": "runtime.host.session",
    "capability": "runtime.host.capability",
    "Diagnostic": "rtfsc.diagnostics",
    "DiagnosticError": "rtfsc.diagnostics",
    "Found": "runtime.retrieving",
    "Module": "runtime.module",
    "ModuleRejected": "runtime.wasm.errors",
    "Provenance": "runtime.module",
    "RefusedEntry": "runtime.retrieving",
    "Runtime": "runtime.engine",
    "Solution": "runtime.solving",
    "SolveError": "runtime.solving",
    "StoreError": "runtime.store.errors",
    "TrustError": "runtime.trust.errors",
    "open_delegation": "runtime.delegation.setup",
    "solve": "runtime.solving",
}


def compile(
    source: str,
    *,
    engine: str = "wasm",
    level: int = 2,
    limits: Limits | None = None,
    filename: str = "<source>",
    path: Iterable[str | os.PathLike[str]] = (),
    grant: Iterable[str | Capability] = (),
) -> Module:
    """Compiles a program and evaluates its top level; the exports are attributes of the result.

    ``engine``: ``wasm`` or ``evaluator``. ``level``: 0, 1 or 2. ``filename``: what diagnostics show.
    ``path``: folders where imported modules are looked for, after that of ``filename``. ``grant``: what it
    may call outside, see `Runtime`.

    Raises `DiagnosticError` for source that is refused, `RtfsError` if the top level fails.
    """
    from runtime.engine import Runtime

    return Runtime(engine=engine, level=level, limits=limits, path=path, grant=grant).compile(
        source, filename=filename
    )


def load(
    module: str | os.PathLike[str] | bytes,
    *,
    limits: Limits | None = None,
    modules: Mapping[str, bytes] | None = None,
) -> Module:
    """A compiled module from a file or from bytes; the compiler is not loaded. See `Runtime.load`."""
    from runtime.engine import Runtime

    return Runtime(limits=limits).load(module, modules=modules)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rtfsc' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LAZY.get(name, "runtime.values")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _refuse_foreign_packages() -> None:
    """``runtime`` and ``backend_wasm`` are common words: say so at once where they are somebody else's."""
    from importlib.util import find_spec
    from os.path import dirname, realpath

    home = dirname(dirname(realpath(__file__)))
    for package in ("runtime", "backend_wasm"):
        spec = find_spec(package)
        origin = realpath(spec.origin) if spec and spec.origin else None
        if origin is None or dirname(dirname(origin)) != home:
            raise ImportError(
                f"rtfsc needs its own package '{package}' in {home}, but 'import {package}' finds "
                f"{origin or 'none'}; rename the other one or take it off sys.path"
            )


_refuse_foreign_packages()
