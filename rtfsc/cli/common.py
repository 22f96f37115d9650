"""What commands share: options, reading sources, showing errors, exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.source import SourceFile

OK, PROGRAM_ERROR, USAGE, TRUST, STORE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 5, 70, 130


class UsageError(Exception):
    """The command was called in a way that cannot work; the message says how to mend it."""


def parser_for(name: str, help: str, epilog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"rtfsc {name}", description=help[0].upper() + help[1:] + ".", epilog=epilog)
    parser.add_argument(
        "--output-format", choices=["full", "concise", "json"], default="full", help="how diagnostics are shown"
    )
    return parser


def add_level(parser: argparse.ArgumentParser, default: int = 2) -> None:
    parser.add_argument(
        "-O", dest="level", type=int, choices=[0, 1, 2], default=default, help=f"optimisation level (default {default})"
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deadline-ms", type=positive, metavar="MS", help="wall-clock limit of a call")
    parser.add_argument("--memory-mb", type=positive, metavar="MB", default=512, help="memory limit (default 512)")
    parser.add_argument("--fuel", type=positive, metavar="N", help="deterministic limit on steps")


def positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be above zero, not {text}")
    return number


def add_engine(parser: argparse.ArgumentParser, default: str = "wasm") -> None:
    parser.add_argument("--engine", choices=["evaluator", "wasm"], default=default, help=f"default: {default}")


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", metavar="DIR", help="the store's folder (default: RTFSC_HOME or the user's)")


def limits_of(options: argparse.Namespace) -> Any:
    from runtime.values.limits import Limits

    return Limits(deadline_ms=options.deadline_ms, memory_bytes=options.memory_mb << 20, fuel=options.fuel)


def read_source(path: str) -> SourceFile:
    """The file, or standard input for ``-``."""
    if path != "-":
        return SourceFile.read(path)
    data = sys.stdin.buffer.read()
    try:
        return SourceFile("<stdin>", data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DiagnosticError(
            [Diagnostic("IO003", f"standard input is not UTF-8 at byte {error.start}", None)]
        ) from None


def rtfs_files(paths: Iterable[str]) -> list[str]:
    """The paths, folders replaced by the ``.rtfs`` files below them, sorted."""
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            below = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
            found += sorted(name for name in below if name.endswith(".rtfs"))
        else:
            found.append(path)
    if not found:
        raise UsageError("no .rtfs files there")
    return found


def show(diagnostics: Iterable[Diagnostic], source: SourceFile | None, format: str) -> None:
    from rtfsc.diagnostics.render import render

    text = render(list(diagnostics), source, format)  # type: ignore[arg-type]
    stream = sys.stdout if format == "json" else sys.stderr
    print(text, file=stream)


def show_program_error(error: Any, source: SourceFile | None, format: str) -> None:
    """A run-time error of the program, rendered like a static one."""
    from rtfsc.source import Span

    span = Span(*error.span) if error.span and source else None
    show([Diagnostic(error.code, f"{error.message}", span)], source, format)


def guarded(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Runs a command; every way to fail has its message and exit code here."""
    try:
        return run(options)
    except DiagnosticError as error:
        show(error.diagnostics, error.source, options.output_format)
        return PROGRAM_ERROR
    except UsageError as error:
        return _fail(str(error), USAGE)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  so that the interpreter's own flush stays quiet
        return OK
    except Exception as error:
        return _classified(error, options)


def _classified(error: Exception, options: argparse.Namespace) -> int:
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError
    from runtime.values import RtfsError

    if isinstance(error, RtfsError):
        show_program_error(error, getattr(error, "source", None), options.output_format)
        return PROGRAM_ERROR
    if isinstance(error, TrustError):
        return _fail(f"trust: {error}", TRUST)
    if isinstance(error, StoreError):
        return _fail(f"store: {error}", STORE)
    if isinstance(error, OSError):
        return _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), PROGRAM_ERROR)
    if os.environ.get("RTFSC_DEBUG"):
        raise error
    return _fail(
        f"internal error: {type(error).__name__}: {error}\n"
        "  This is a fault of rtfsc. Please report it with the program and the output under RTFSC_DEBUG=1.",
        INTERNAL,
    )


def _fail(message: str, code: int) -> int:
    print(f"rtfsc: {message}", file=sys.stderr)
    return code


def print_json(data: Any) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False))


def progress(items: list[str], label: str) -> Iterable[str]:
    """The items; for many of them on a terminal, with a bar on standard error."""
    if len(items) < 4 or not sys.stderr.isatty():
        yield from items
        return
    for done, item in enumerate(items):
        filled = 24 * done // len(items)
        print(f"\r{label} [{'#' * filled}{'.' * (24 - filled)}] {done}/{len(items)}", end="", file=sys.stderr)
        yield item
    print(f"\r{label} [{'#' * 24}] {len(items)}/{len(items)}", file=sys.stderr)
