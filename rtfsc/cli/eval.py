"""``rtfsc eval``: one expression, or a stream of programs as JSON lines."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import (
    OK,
    UsageError,
    add_level,
    add_limits,
    limits_of,
    read_source,
    show,
)
from rtfsc.source import SourceFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", nargs="?", help="RTFS text; '-' reads standard input")
    parser.add_argument("--engine", choices=["evaluator", "wasm", "both"], default="evaluator")
    parser.add_argument(
        "--jsonl",
        action="store_true",
        help='reads {"id", "source"} a line, answers {"id", "value"} or {"id", "error"} a line',
    )
    add_level(parser, default=1)
    add_limits(parser)


def run(options: argparse.Namespace) -> int:
    if options.jsonl:
        from rtfsc.cli.jsonl import serve

        return serve(sys.stdin.buffer, sys.stdout, options)
    if options.expression is None:
        raise UsageError("eval wants an expression, or --jsonl")
    source = read_source("-") if options.expression == "-" else SourceFile("<expression>", options.expression)
    return _evaluate(source, options)


def _evaluate(source: SourceFile, options: argparse.Namespace) -> int:
    from rtfsc.evaluation import evaluate

    engines = ["evaluator", "wasm"] if options.engine == "both" else [options.engine]
    outcomes = [evaluate(source, engine, options.level, limits_of(options)) for engine in engines]
    show_warnings = outcomes[0].diagnostics
    if show_warnings:
        show(show_warnings, source, options.output_format)
    if any(outcome != outcomes[0] for outcome in outcomes):
        raise AssertionError(f"the engines disagree: {outcomes}")
    outcome = outcomes[0]
    if outcome.error is not None:
        outcome.error.source = source
        raise outcome.error
    print(outcome.value)
    return OK
