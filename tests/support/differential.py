"""One program on both engines at every level: what each tells, whether they agree, and the smallest program
that still disagrees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation, compile_text
from rtfsc.ir.nodes import Module
from rtfsc.passes import run
from rtfsc.registry import backend, executor
from runtime.values import Keyword, List
from runtime.values.errors import RtfsError
from runtime.values.limits import Limits

LIMITS: Final = Limits(deadline_ms=300, memory_bytes=64 << 20)
LEVELS: Final = (0, 1, 2)
CUT: Final = "cut off"
"""Where stack, time and memory end may differ; that they end may not."""
_CUT_KINDS: Final = {"StackOverflow", "DeadlineExceeded", "MemoryLimit", "FuelExhausted", "OutputLimit"}

CALLS: Final = 4
COUNTS: Final = (0, 1, 3, 2.5, -1, None)
VALUES: Final = (0, 1, -3, 7, 2**62, -(2**63), 2**63 - 1, 0.0, -0.0, 2.5, 1e300, float("nan"), float("inf"),
                 None, True, False, "", "añ😀", Keyword("a"), [], [1, 2, 3], [1.5, 2], ["a"], {},
                 {Keyword("a"): 1}, {"k": [1]}, List([1, 2]), [[1, 2], [3, 4]])  # fmt: skip

Outcomes = dict[str, str]
"""From ``evaluator -O0`` … to the printed value, or kind, message and span of the error."""


def outcomes(source: str) -> Outcomes | None:
    """None if the program is refused."""
    try:
        compilation = compile_text(source)
        plain = compilation.unoptimised
    except DiagnosticError:
        return None
    found: Outcomes = {}
    for level in LEVELS:
        try:
            module = run(plain, level, verify=True)
        except Exception as error:
            found[f"passes -O{level}"] = _crash(error)
            continue
        found[f"evaluator -O{level}"] = _outcome(
            module, lambda m=module: executor("rtfs-ir").instantiate_module(m, limits=LIMITS)
        )
        if CUT in found[f"evaluator -O{level}"]:
            return found  # nothing to compare, and each further run would last as long
        found[f"wasm -O{level}"] = _outcome(module, lambda m=module: _wasm(compilation, m))
    return found


def _wasm(compilation: Compilation, module: Any) -> Any:
    return executor("wasm32").instantiate(
        backend("wasm32").compile(module, action=compilation.action), limits=LIMITS
    )


def _outcome(module: Module, instantiate: Any) -> str:
    try:
        with instantiate() as instance:
            told = str(instance.run_printed())
            for export in module.exports:
                if export.func is not None:
                    told += _calls(export, instance.function(export.name))
            return told
    except RtfsError as error:
        return _raised(error)
    except Exception as error:
        return _crash(error)


def _calls(export: Any, function: Any) -> str:
    """What some calls from Python give. A parameter called n counts down, so it gets small numbers."""
    draw, told = Random(export.name), ""
    for _ in range(CALLS):
        arguments = [draw.choice(COUNTS if name == "n" else VALUES) for name in export.params]
        try:
            told += f"; {export.name}{arguments} {_shown(function(*arguments))}"
        except RtfsError as error:
            told += f"; {export.name}{arguments} {_raised(error)}"
        except RecursionError:  # of `_shown`: too deep to tell
            told += f"; {export.name}{arguments} deep"
            if CUT in told:
                break
    return told


def _shown(value: Any) -> str:
    if callable(value):
        return "function"
    if isinstance(value, dict):
        return "{" + " ".join(f"{key!r} {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return type(value).__name__ + "[" + " ".join(map(_shown, value)) + "]"
    return repr(value)


def _raised(error: RtfsError) -> str:
    return CUT if error.kind in _CUT_KINDS else f"{error.kind} {error.message!r} {error.span}"


def _crash(error: Exception) -> str:
    return f"crash: {type(error).__name__}: {error}"


def disagreement(source: str) -> Outcomes | None:
    found = outcomes(source)
    if found is None:
        return None
    told = set(found.values())
    if any(text.startswith("crash") for text in told):
        return found
    return found if len(told) > 1 and CUT not in str(told) and "tack overflow" not in str(told) else None


def minimised(source: str, budget: int = 1500) -> str:
    """A smaller program that disagrees too, from replacing and deleting parts; tries at most ``budget``."""
    best = _read(source)
    shrunk = True
    while shrunk:
        shrunk = False
        for candidate in _smaller(best):
            budget -= 1
            if budget < 0:
                return _show(best)
            if disagreement(_show(candidate)):
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
    return tree[0] + " ".join(map(_show, tree[1:])) + _CLOSE[tree[0]]


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
