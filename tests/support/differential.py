"""One program on both engines at several levels: what each tells, whether they agree, and the smallest
program that still disagrees."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, Final

from program_host import Host
from typed_programs import Source

from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation, compile_text
from rtfsc.ir.nodes import Module
from rtfsc.options import CompileOptions
from rtfsc.passes import run
from rtfsc.registry import backend
from runtime.evaluator.executor import IrExecutor
from runtime.linked import modules_of
from runtime.values import HostFunction, Keyword, List
from runtime.values.errors import ErrorValue, RtfsError
from runtime.values.limits import Limits
from runtime.wasm.executor import RT, Uncompiled, WasmExecutor
from runtime.wasm.slow import SlowInstance

FIRST: Final = Limits(fuel=300_000, deadline_ms=1000, memory_bytes=64 << 20)
"""Of the first run: by fuel, so that the same programs are cut off on every machine."""
LIMITS: Final = Limits(deadline_ms=3000, memory_bytes=64 << 20)
LEVELS: Final = (0, 2)
CUT: Final = "cut off"
"""Where stack, time and memory end may differ; that they end may not."""
_CUT_KINDS: Final = {"StackOverflow", "DeadlineExceeded", "MemoryLimit", "FuelExhausted", "OutputLimit"}

CALLS: Final = 3
COUNTS: Final = (0, 1, 3, 2.5, -1, None)
VALUES: Final[tuple[Any, ...]] = (
    0, 1, -3, 7, 2**62, -(2**63), 2**63 - 1, 0.0, -0.0, 2.5, 1e300, float("nan"), float("inf"), None,
    True, False, "", "añ😀", Keyword("a"), [], [1, 2, 3], [1.5, 2], ["a"], {}, {Keyword("a"): 1}, {"k":
    [1]}, List([1, 2]), [[1, 2], [3, 4]], HostFunction(lambda *given: list(given)),
)  # fmt: skip

Outcomes = dict[str, str]
"""From ``evaluator -O0`` … to the printed value, or kind, message, place and data of the error."""


class Wasm(WasmExecutor):
    """Compiles every module anew: writing machine code to disk would cost more than it brings."""

    def _compile(self, wasm: bytes, digest: bytes, fuel: bool) -> Any:
        from runtime.wasm.engine import engine

        return engine(fuel).compile(wasm)


@cache
def _wasm() -> Wasm:
    return Wasm()


@cache
def _folder() -> Path:
    """Where the modules of the program at hand lie; one per process."""
    folder = tempfile.TemporaryDirectory(prefix="rtfsc-differential-")
    _folders.append(folder)
    return Path(folder.name)


_folders: list[Any] = []


def outcomes(source: Source | str, levels: tuple[int, ...] = LEVELS, verify: bool = True) -> Outcomes | None:
    """None if the program is refused. ``verify``: the IR after every pass."""
    source = source if isinstance(source, Source) else Source(source)
    for path, text in source.files.items():
        (_folder() / path).parent.mkdir(exist_ok=True)
        (_folder() / path).write_text(text, encoding="utf-8")
    options = CompileOptions(path=(str(_folder()),) if source.files else (), keep_modules=False)
    try:
        compilation = compile_text(source.text, options)
        plain = compilation.unoptimised
    except DiagnosticError:
        return None
    except Exception as error:
        return {"front end": _crash(error)}
    found: Outcomes = {}
    endless: set[str] = set()
    for level in levels:
        try:
            module = run(plain, level, verify=verify)
        except Exception as error:
            found[f"passes -O{level}"] = _crash(error)
            continue
        limits = LIMITS if found else FIRST
        for engine in ("evaluator", "wasm"):
            make = partial(_instantiate, engine, compilation, module, limits)
            told = found[f"{engine} -O{level}"] = _outcome(module, make, endless)
            if told.startswith(CUT):
                return found  # nothing to compare, and each further run would last as long
    return found


def other_ways(source: Source | str) -> Outcomes | None:
    """What one file with the runtime library in it, modules of their own, serialised IR and the slow way to
    wasmtime tell, beside the module as it is; all at -O2."""
    source = source if isinstance(source, Source) else Source(source)
    found = outcomes(source, (2,), verify=False)
    if found is None or disagrees(found) or CUT in str(found):
        return found
    options = CompileOptions(path=(str(_folder()),) if source.files else (), keep_modules=False)
    endless: set[str] = set()
    for way, make in _WAYS.items():
        try:
            compilation, instantiate = make(source.text, options)
            found[way] = _outcome(compilation.unoptimised, instantiate, endless)
        except Exception as error:
            found[way] = _crash(error)
    return found


def _standalone(text: str, options: CompileOptions) -> Any:
    compilation = compile_text(text, replace(options, standalone=True))
    artifact = compilation.artifact
    return compilation, lambda host: _wasm().instantiate(artifact, limits=LIMITS, host=host)


def _separate(text: str, options: CompileOptions) -> Any:
    compilation = compile_text(text, replace(options, separate=True))
    artifact, modules = compilation.artifact, modules_of(compilation)
    return compilation, lambda host: _wasm().instantiate(artifact, limits=LIMITS, host=host, modules=modules)


def _serialised(text: str, options: CompileOptions) -> Any:
    compilation = compile_text(text, replace(options, target="rtfs-ir"))
    artifact = compilation.artifact
    return compilation, lambda host: IrExecutor().instantiate(artifact, limits=LIMITS, host=host)


def _slow(text: str, options: CompileOptions) -> Any:
    compilation = compile_text(text, options)
    described = Uncompiled(compilation.artifact)
    return compilation, lambda host: SlowInstance(
        RT.read_bytes(), described.artifact, described.interface, LIMITS, described.spans,
        [function["name"] for function in described.interface["functions"]], host,
    )  # fmt: skip


_WAYS: Final[dict[str, Callable[[str, CompileOptions], Any]]] = {
    "standalone": _standalone, "separate": _separate, "serialised": _serialised, "slow": _slow,
}  # fmt: skip


def _instantiate(engine: str, compilation: Compilation, module: Module, limits: Limits, host: Any) -> Any:
    if engine == "evaluator":
        return IrExecutor().instantiate_module(module, limits=limits, host=host)
    artifact = backend("wasm32").compile(module, action=compilation.action)
    return _wasm().instantiate(artifact, limits=LIMITS, host=host)


def _outcome(module: Module, instantiate: Callable[[Any], Any], endless: set[str]) -> str:
    """``endless``: gets the call that was cut off, at which later runs stop too: what it did to the host
    cannot be compared."""
    host = Host()
    try:
        with instantiate(host.session) as instance:
            told = _told(instance.run_printed)
            if told.startswith(("!", CUT)):
                return told
            parts = [told]
            for label, call in _calls(module, instance):
                events = len(host.told)
                told = CUT if label in endless else _told(call)
                if CUT in told:
                    endless.add(label)
                    del host.told[events:]
                    break
                parts.append(f"{label} {told}")
            return "; ".join([*parts, *host.told])
    except Exception as error:
        return _crash(error)


def _told(call: Callable[[], Any]) -> str:
    """The value as text, or ``!`` and the error."""
    try:
        return _shown(call())
    except RtfsError as error:
        return _raised(error)
    except RecursionError:  # of `_shown`: too deep to tell
        return "deep"


def _calls(module: Module, instance: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Some calls of every export, each with its text. A parameter called n counts down, so it gets small
    numbers."""
    for export in module.exports:
        if export.func is not None:
            function, draw = instance.function(export.name), Random(export.name)
            for _ in range(CALLS if export.params else 1):
                given = [draw.choice(COUNTS if name == "n" else VALUES) for name in export.params]
                yield f"{export.name}{[_shown(value) for value in given]}", partial(function, *given)


def _shown(value: Any) -> str:
    """Like `repr`, the same for both engines; of a function what it gives for 1."""
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, HostFunction):
        return "host function"
    if callable(value):
        told = f"function {_told(lambda: value(1))}" if hasattr(value, "close") else "function"
        if hasattr(value, "close"):
            value.close()
        return told
    if isinstance(value, ErrorValue):
        return f"error({value.kind} {value.message!r} {_shown(value.data)} {value.type!r})"
    if isinstance(value, List):
        return "(" + " ".join(map(_shown, value.items)) + ")"
    if isinstance(value, dict):
        return "{" + " ".join(f"{key!r} {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return type(value).__name__ + "[" + " ".join(map(_shown, value)) + "]"
    return repr(value)


def _raised(error: RtfsError) -> str:
    if error.kind in _CUT_KINDS:
        return CUT
    if error.kind == "InternalError":
        return f"crash: {error.message}"
    return f"! {error.kind} {error.message!r} {error.span} {error.module} {_shown(error.data)}"


def _crash(error: Exception) -> str:
    return f"crash: {type(error).__name__}: {error}"


def disagreement(
    source: Source | str, levels: tuple[int, ...] = LEVELS, verify: bool = True
) -> Outcomes | None:
    found = outcomes(source, levels, verify)
    return found if found is not None and disagrees(found) else None


def disagrees(found: Outcomes) -> bool:
    told = set(found.values())
    if any("crash: " in text for text in told):
        return True
    return len(told) > 1 and CUT not in str(told) and not re.search("tack.overflow", str(told))


def minimised(source: Source | str, budget: int = 1500) -> Source:
    """A smaller program that disagrees too, from replacing and deleting parts; tries at most ``budget`` for
    the program and for each of its files."""
    whole = source if isinstance(source, Source) else Source(source)
    parts = {"": whole.text, **whole.files}

    def with_part(path: str, text: str) -> Source:
        files = {**parts, path: text}
        return Source(files.pop(""), files)

    for path in parts:
        parts[path] = _small(parts[path], partial(with_part, path), budget)
    return with_part("", parts[""])


def _small(text: str, program: Callable[[str], Source], budget: int) -> str:
    best = _read(text)
    shrunk = True
    while shrunk:
        shrunk = False
        for candidate in _smaller(best):
            budget -= 1
            if budget < 0:
                return _show(best)
            if disagreement(program(_show(candidate))):
                best, shrunk = candidate, True
                break
    return _show(best)


# Trees of a program: a text, or a list of an opening bracket and trees.

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#?[(\[{]|[)\]}]|[^\s()\[\]{}"]+')
_CLOSE: Final = {"(": ")", "[": "]", "{": "}", "#(": ")", "": ""}


def _read(source: str) -> list[Any]:
    stack: list[list[Any]] = [[""]]
    for token in _TOKEN.findall(source):
        if token in _CLOSE:
            stack.append([token])
        elif token in (")", "]", "}"):
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    return stack[0]


def _show(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    return str(tree[0]) + " ".join(map(_show, tree[1:])) + _CLOSE[tree[0]]


def _smaller(tree: list[Any]) -> Iterator[list[Any]]:
    """Trees with one part deleted, replaced by one of its parts, or by something plain; big changes first."""
    for path in sorted(_paths(tree), key=len):
        part = _at(tree, path)
        if path:
            yield _with(tree, path, None)
        if isinstance(part, list) and path:
            for inner in part[1:]:
                yield _with(tree, path, inner)
            for plain in ("nil", "0"):
                yield _with(tree, path, plain)
        if isinstance(part, list):
            for i in range(1, len(part) - 1):
                yield _with(tree, path, [*part[:i], *part[i + 2 :]])
        elif len(part) > 2 and path and part[0] in '0123456789-"':
            yield _with(tree, path, "1" if part[0] != '"' else '"a"')


def _paths(tree: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    yield path
    if isinstance(tree, list):
        for i in range(1, len(tree)):
            yield from _paths(tree[i], (*path, i))


def _at(tree: Any, path: tuple[int, ...]) -> Any:
    for i in path:
        tree = tree[i]
    return tree


def _with(tree: Any, path: tuple[int, ...], new: Any) -> Any:
    """A copy with the part at ``path`` replaced, or left out if None."""
    if not path:
        return new
    i = path[0]
    if len(path) == 1:
        return [*tree[:i], *([] if new is None else [new]), *tree[i + 1 :]]
    return [*tree[:i], _with(tree[i], path[1:], new), *tree[i + 1 :]]
