"""``rtfsc eval``: one expression, or a stream of programs as JSON lines."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import (
    OK,
    UsageError,
    add_allow,
    add_level,
    add_limits,
    add_path,
    limits_of,
    read_source,
    search_path,
)
from rtfsc.cli.delegating import add_delegation, worlds_of
from rtfsc.cli.failures import show
from rtfsc.source import SourceFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", nargs="?", help="RTFS text; '-' reads standard input")
    parser.add_argument(
        "--engine", choices=["evaluator", "wasm", "both"], default="evaluator", help="default: evaluator"
    )
    parser.add_argument(
        "--jsonl",
        action="store_true",
        help='reads {"id", "source"} a line, answers {"id", "value"} or {"id", "error"} a line',
    )
    add_level(parser, default=1)
    add_limits(parser)
    add_path(parser)
    add_allow(parser)
    add_delegation(parser)


def run(options: argparse.Namespace) -> int:
    if options.jsonl:
        from rtfsc.cli.jsonl import serve

        if options.expression is not None:
            raise UsageError("--jsonl reads its programs from standard input, not from the command line")
        return serve(sys.stdin.buffer, sys.stdout.buffer, options)
    if options.expression is None:
        raise UsageError("eval wants an expression, '-' or --jsonl")
    return _evaluate(_source(options.expression), options)


def _source(text: str) -> SourceFile:
    return read_source("-") if text == "-" else SourceFile("<expression>", text)


def _evaluate(source: SourceFile, options: argparse.Namespace) -> int:
    from rtfsc.evaluation import evaluate, in_turn, outcomes_agree

    engines = ["evaluator", "wasm"] if options.engine == "both" else [options.engine]
    limits, path = limits_of(options), search_path(options, source)
    with worlds_of(options) as worlds:
        outcomes = [
            evaluate(source, engine, options.level, limits, path, world)
            for engine, world in zip(engines, in_turn(worlds(), len(engines)), strict=True)
        ]
    outcome = outcomes[0]
    if outcome.diagnostics:
        show(outcome.diagnostics, source, options.output_format)
    for unit in outcome.units:
        if unit.warnings:
            show(unit.warnings, unit.source, options.output_format)
    if not outcomes_agree(outcome, outcomes[-1]):
        raise AssertionError(f"the engines disagree: {outcome} and {outcomes[-1]}")
    if outcome.error is not None:
        outcome.error.source = source
        raise outcome.error
    print(outcome.value)
    return OK
