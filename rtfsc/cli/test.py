"""``rtfsc test``: runs the tests of files and folders."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rtfsc.cli.common import (
    OK,
    PROGRAM_ERROR,
    UsageError,
    add_allow,
    add_level,
    add_limits,
    add_path,
    limits_of,
    read_source,
    rtfs_files,
    search_path,
)
from rtfsc.cli.delegating import add_delegation, worlds_of
from rtfsc.diagnostics import DiagnosticError

if TYPE_CHECKING:
    from rtfsc.testing.runner import Result, Runner

ENGINES = {"evaluator": ["evaluator"], "wasm": ["wasm"], "both": ["evaluator", "wasm"]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files, or folders whose files with tests are run")
    parser.add_argument("--engine", choices=ENGINES, default="evaluator", help="default: evaluator")
    parser.add_argument("-k", dest="wanted", metavar="TEXT", help="only tests whose name contains this")
    parser.add_argument("--junit", metavar="FILE", help="also write the results there, as JUnit XML")
    parser.add_argument("-v", "--verbose", action="store_true", help="also name the tests that pass")
    add_level(parser, default=1)
    add_limits(parser)
    add_path(parser)
    add_allow(parser)
    add_delegation(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.testing.report import summary
    from rtfsc.testing.runner import Runner

    engines = ENGINES[options.engine]
    with worlds_of(options) as worlds:
        runner = Runner(engines, options.level, limits_of(options), search_path(options), worlds)
        results = [result for path in rtfs_files(options.paths) for result in _run(path, runner, options)]
    if not results:
        wanted = f" whose name contains '{options.wanted}'" if options.wanted else ""
        raise UsageError(f"there are no tests{wanted} in {' '.join(options.paths)}")
    if options.junit:
        from rtfsc.files import write_atomically
        from rtfsc.testing.junit import junit

        write_atomically(options.junit, junit(results))
    print(summary(results))
    return PROGRAM_ERROR if any(result.failure for result in results) else OK


def _run(path: str, runner: Runner, options: argparse.Namespace) -> list[Result]:
    from rtfsc.testing.collect import TestFile

    try:
        source = read_source(path)
        if path not in options.paths and "deftest" not in source.text:
            return []  # a folder may hold files of any kind
        file = TestFile(source)
    except DiagnosticError as error:
        found: Iterable[Result] = [runner.unreadable(path, error)]
    else:
        tests = [test for test in file.tests if (options.wanted or "") in test.name]
        found = runner.run(file, tests) if tests else []
    results = []
    for result in found:
        _show(result, len(runner.engines), options)
        results.append(result)
    return results


def _show(result: Result, engines: int, options: argparse.Namespace) -> None:
    from rtfsc.testing.report import details, heading

    if result.failure is not None:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(heading(result, engines))
        print(details(result.failure, options.output_format, colour=colour) + "\n", flush=True)
    elif options.verbose:
        engine = f" on {result.engine}" if engines > 1 else ""
        print(f"ok    {result.name}{engine}", flush=True)
