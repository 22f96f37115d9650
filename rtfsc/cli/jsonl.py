"""The batch protocol: a JSON object a line in, one a line out, in order.

In: ``{"id": …, "source": "…"}``. Out: ``{"id": …, "value": "<printed RTFS>"}`` or ``{"id": …, "error":
{"kind", "message", "span": [start, end]}}``; programs that are refused have kind ``SyntaxError`` (of
text or forms) or ``StaticError``. With ``--engine both`` also ``"engines_agree"``; a disagreement adds
``"wasm"``, what the other engine answered.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any, TextIO

from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.evaluation import TARGETS, Outcome, evaluate_compiled
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile

DEADLINE_MS = 2000
# Outcomes that depend on the engine's own use of a resource.
RESOURCE_KINDS = frozenset({"DeadlineExceeded", "MemoryLimit", "FuelExhausted", "OutputLimit", "StackOverflow"})


def serve(lines: Iterable[bytes], out: TextIO, options: argparse.Namespace) -> int:
    from runtime.values.limits import Limits

    limits = Limits(
        deadline_ms=options.deadline_ms or DEADLINE_MS, memory_bytes=options.memory_mb << 20, fuel=options.fuel
    )
    for line in lines:
        if line.strip():
            told = answer(line, options.engine, options.level, limits)
            out.write(json.dumps(told, ensure_ascii=False) + "\n")
            out.flush()
    return 0


def answer(line: bytes, engine: str, level: int, limits: Any) -> dict[str, Any]:
    """What the protocol answers to one line. `engine`: evaluator, wasm or both."""
    try:
        request = json.loads(line)
        text, id = request["source"], request.get("id")
        if not isinstance(text, str):
            raise TypeError("source is not a text")
        text.encode()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return _failure(None, "BadRequest", f"not a request: {error}", None)
    if engine == "both":
        return _both(id, text, level, limits)
    return _render(id, _outcome(text, engine, level, limits))


def _both(id: Any, text: str, level: int, limits: Any) -> dict[str, Any]:
    first, second = (_outcome(text, engine, level, limits) for engine in ("evaluator", "wasm"))
    answer = _render(id, first)
    agree = first == second or _is_resource(first) or _is_resource(second)
    answer["engines_agree"] = agree
    if not agree:
        answer["wasm"] = _render(id, second)
    return answer


def _is_resource(outcome: Any) -> bool:
    return isinstance(outcome, Outcome) and outcome.error is not None and outcome.error.kind in RESOURCE_KINDS


def _outcome(text: str, engine: str, level: int, limits: Any) -> Any:
    """An `Outcome`, or (kind, message, span) of a program that is refused."""
    compilation = Compilation(SourceFile("<program>", text), CompileOptions(level=level, target=TARGETS[engine]))
    try:
        return evaluate_compiled(compilation, engine, limits)
    except DiagnosticError as error:
        kind = "SyntaxError" if error.code[0] in "SF" else "StaticError"
        return kind, error.message, error.span


def _render(id: Any, outcome: Any) -> dict[str, Any]:
    if isinstance(outcome, tuple):
        return _failure(id, *outcome)
    if outcome.error is not None:
        return _failure(id, outcome.error.kind, outcome.error.message, outcome.error.span)
    return {"id": id, "value": outcome.value}


def _failure(id: Any, kind: str, message: str, span: Any) -> dict[str, Any]:
    return {"id": id, "error": {"kind": kind, "message": message, "span": list(span) if span else None}}
