"""Every way in which a command can fail: what is shown, and the exit code."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rtfsc.cli.common import (
    INTERNAL,
    INTERRUPTED,
    OK,
    PROGRAM_ERROR,
    USAGE,
    UsageError,
    clear_bar,
)
from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.source import SourceFile, Span

Command = Callable[[argparse.Namespace], int]


def guarded(run: Command, options: argparse.Namespace) -> int:
    """Runs a command; returns its exit code, or that of the failure that it has shown."""
    style = options.output_format
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _warning_shower(style)
            return run(options)
    except DiagnosticError as error:
        show_refusal(error, style)
        return PROGRAM_ERROR
    except UsageError as error:
        return _fail(str(error), USAGE)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # So that the interpreter's own flush at the end stays quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        return _classified(error, style)


def show(
    diagnostics: Iterable[Diagnostic],
    source: SourceFile | None,
    style: Any,
    *,
    dropped: int = 0,
    stream: TextIO | None = None,
) -> None:
    """Diagnostics go to standard error: standard output is for results."""
    from rtfsc.diagnostics.render import render

    stream = stream or sys.stderr
    colour = stream.isatty() and not os.environ.get("NO_COLOR")
    clear_bar()
    print(render(list(diagnostics), source, style, colour=colour, dropped=dropped), file=stream)


def show_refusal(error: DiagnosticError, style: Any) -> None:
    """What is wrong with a program that is refused; where these are only warnings, why that matters."""
    show(error.diagnostics, error.source, style, dropped=error.dropped)
    if style == "full" and all(d.severity == "warning" for d in error.diagnostics):
        name = error.source.name if error.source else "the program"
        print(f"\nrtfsc: {name} is refused: running it would raise what is warned of", file=sys.stderr)


@contextmanager
def of_source(source: SourceFile | None) -> Iterator[None]:
    """What fails in the block fails in this program: for the excerpt with the place."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "source"):
            error.source = source  # type: ignore[attr-defined]
        raise


def show_warnings(sink: Any, source: SourceFile, style: Any) -> None:
    if sink.diagnostics:
        show(sink.diagnostics, source, style, dropped=sink.dropped)


def show_program_error(error: Any, source: SourceFile | None, style: Any) -> None:
    """A run-time error of the program, rendered like a static one, after what was foreseen of it."""
    foreseen = getattr(error, "warnings", ())
    if foreseen:
        show(foreseen, source, style)
    hint = _active(error, source)
    if error.module is not None:
        source = error.sources.get(error.module)
    span = Span(*error.span) if error.span and source is not None else None
    if error.module is not None and source is None:
        hint = f"raised in the module {error.module}"
    show([Diagnostic(error.code, str(error.message), span, hint=hint)], source, style)


def _active(error: Any, program: SourceFile | None) -> str | None:
    """What ran when a limit ended the program: ``in spin, line 2; outer, line 5``."""
    told = []
    for function, place in error.trace:
        module = place[2] if place is not None and len(place) == 3 else None
        source = program if module is None else error.sources.get(module)
        line = f", line {source.line_column(place[0])[0]}" if place is not None and source is not None else ""
        told.append(f"{function}{line}{f' of {module}' if module else ''}")
    return "in " + "; ".join(told) if told else None


def _warning_shower(style: Any) -> Callable[..., None]:
    def showwarning(message: Warning | str, *_: Any, **__: Any) -> None:
        code = getattr(message, "code", None)
        if code is not None:
            show([Diagnostic(code, str(message), None, severity="warning")], None, style)
        else:
            print(f"rtfsc: warning: {message}", file=sys.stderr)

    return showwarning


def _classified(error: Exception, style: Any) -> int:
    from runtime.store.errors import StoreError
    from runtime.tickets.ticket import TicketError
    from runtime.trust.errors import TrustError
    from runtime.values import RtfsError

    if isinstance(error, RtfsError):
        show_program_error(error, getattr(error, "source", None), style)
        return PROGRAM_ERROR
    if _is_of_models(error):
        show_model_error(error, style)
        return PROGRAM_ERROR
    if isinstance(error, (TrustError, StoreError, TicketError)):
        show([Diagnostic(error.code, error.message, None, hint=error.hint)], None, style)
        return error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", PROGRAM_ERROR)
    if type(error).__name__ == "OptimizerMissing":
        return _fail(str(error), USAGE)
    if _is_bad_module(error):
        code, hint = getattr(error, "code", None), getattr(error, "hint", None)
        message = (
            str(error) if code else f"not an RTFS module: {error}"
        )  # of the reader, which knows no codes
        show([Diagnostic(code or "W001", message, None, hint=hint)], None, style)
        return PROGRAM_ERROR
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return _fail(f"no UTF-8 text: {error.object[max(0, error.start - 40) : error.end + 40]!a}", USAGE)
    return _internal(error)


def show_model_error(error: Any, style: Any) -> None:
    """A `ProviderError` or a `SolveError`."""
    show([Diagnostic(error.code, error.message, None, hint=error.hint)], None, style)


def _is_of_models(error: Exception) -> bool:
    from runtime.providers.errors import ProviderError
    from runtime.solving.errors import SolveError

    return isinstance(error, (ProviderError, SolveError))


def _is_bad_module(error: Exception) -> bool:
    from backend_wasm.sections import MalformedModule
    from runtime.wasm.errors import ModuleRejected

    return isinstance(error, (MalformedModule, ModuleRejected))


def _internal(error: Exception) -> int:
    if os.environ.get("RTFSC_DEBUG"):
        import traceback

        traceback.print_exception(error)
    return _fail(
        f"internal error: {type(error).__name__}: {error}\n"
        "  This is a fault of rtfsc. Please report it, with the program and what RTFSC_DEBUG=1 shows.",
        INTERNAL,
    )


def _fail(message: str, code: int) -> int:
    clear_bar()
    print(f"rtfsc: {message}", file=sys.stderr)
    return code
