"""The batch protocol: a JSON object a line in, one a line out, in order.

In: ``{"id": …, "source": "…"}``. Out: ``{"id": …, "value": "<printed RTFS>"}`` or ``{"id": …, "error":
{"kind", "message", "span": [start, end]}}``; programs that are refused have kind ``SyntaxError`` (of
text or forms), ``ModuleNotFound``, ``ModuleError`` or ``StaticError``, lines that are no requests
``BadRequest``, faults of rtfsc itself ``InternalError``. An error in another file has the name of its module
under ``module``. With ``--engine both`` also ``"engines_agree"``; a disagreement adds ``"wasm"``, what the
other engine answered.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from rtfsc.cli.common import limits_of
from rtfsc.cli.delegating import worlds_of
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.evaluation import TARGETS, World, evaluate_compiled, granting, in_turn, outcomes_agree
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile

DEADLINE_MS = 2000
_KINDS = {
    "M001": "ModuleNotFound",
    **dict.fromkeys(("M002", "M003", "M004", "M005", "M006"), "ModuleError"),
    "M007": "SyntaxError",
}


def serve(lines: Iterable[bytes], out: BinaryIO, options: argparse.Namespace) -> int:
    options.deadline_ms = options.deadline_ms or DEADLINE_MS
    limits, path = limits_of(options), (".", *options.path)
    with worlds_of(options, stderr=True) as worlds:
        for line in lines:
            if line.strip():
                told = answer(line, options.engine, options.level, limits, path, worlds)
                out.write(json.dumps(told).encode() + b"\n")
                out.flush()
    return 0


def _denying() -> World:
    return granting(())


def answer(
    line: bytes,
    engine: str,
    level: int,
    limits: Any,
    path: tuple[str, ...] = (),
    worlds: Callable[[], World] = _denying,
) -> dict[str, Any]:
    """What the protocol answers to one line. ``engine``: evaluator, wasm or both. ``path``: where imported
    modules are looked for. ``worlds``: makes the world of each program, which may call no capability by
    default."""
    id = None
    try:
        request = json.loads(line)
        id = request.get("id")
        text = request["source"]
        text.encode()  # refuses lone surrogates, and whatever is no text
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        return _failure(id, "BadRequest", f"not a request: {error}", None)
    engines = ("evaluator", "wasm") if engine == "both" else (engine,)
    outcomes = [
        _outcome(text, engine, level, limits, path, world)
        for engine, world in zip(engines, in_turn(worlds(), len(engines)), strict=True)
    ]
    return _both(id, *outcomes) if engine == "both" else _render(id, outcomes[0])


def _both(id: Any, first: Any, second: Any) -> dict[str, Any]:
    told = _render(id, first)
    told["engines_agree"] = agree = outcomes_agree(first, second)
    if not agree:
        told["wasm"] = _render(id, second)
    return told


def _outcome(text: str, engine: str, level: int, limits: Any, path: tuple[str, ...], world: World) -> Any:
    """An `Outcome`, or (kind, message, span) of a program that is refused."""
    compilation = Compilation(
        SourceFile("<program>", text), CompileOptions(level=level, target=TARGETS[engine], path=path)
    )
    try:
        return evaluate_compiled(compilation, engine, limits, world)
    except DiagnosticError as error:
        kind = _KINDS.get(error.code) or ("SyntaxError" if error.code[0] in "SF" else "StaticError")
        return kind, error.message, error.span
    except Exception as error:  # the next program is served all the same
        return "InternalError", f"{type(error).__name__}: {error}", None


def _render(id: Any, outcome: Any) -> dict[str, Any]:
    if isinstance(outcome, tuple):
        return _failure(id, *outcome)
    if outcome.error is not None:
        error = outcome.error
        told = _failure(id, error.kind, error.message, error.span)
        if any(unit.name == error.module and not unit.inline for unit in outcome.units):
            told["error"]["module"] = error.module
        return told
    return {"id": id, "value": outcome.value}


def _failure(id: Any, kind: str, message: str, span: Any) -> dict[str, Any]:
    return {"id": id, "error": {"kind": kind, "message": message, "span": list(span) if span else None}}
