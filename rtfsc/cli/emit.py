"""``rtfsc emit``: a stage of the compilation as text (``wasm``: as bytes)."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import OK, UsageError, add_level, add_path, read_source, search_path
from rtfsc.cli.failures import show_warnings
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions

STAGES = ("forms", "expanded", "ast", "types", "ir", "opt-ir", "wat", "wasm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a file; '-' reads standard input")
    parser.add_argument(
        "--emit", dest="stage", choices=STAGES, default="opt-ir", help="which stage (default: opt-ir)"
    )
    add_print_after(parser)
    add_level(parser)
    add_path(parser)
    parser.add_argument("-o", dest="output", metavar="FILE", help="write there, not to standard output")


def add_print_after(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--print-after", metavar="PASS", help="also print the IR after that pass, to standard error"
    )


def run(options: argparse.Namespace) -> int:
    refuse_idle_pass(options)
    source = read_source(options.file)
    path = search_path(options, source)
    chosen = CompileOptions(level=options.level, print_after=options.print_after, path=path)
    compilation = Compilation(source, chosen)
    data = render(compilation, options.stage)
    show_warnings(compilation.sink, source, options.output_format)
    write(data, options.output)
    return OK


def refuse_idle_pass(options: argparse.Namespace) -> None:
    """A pass that does not run would print nothing, and nobody would know why."""
    from rtfsc.passes import PIPELINES

    running = list(dict.fromkeys(PIPELINES[options.level]))
    if options.print_after is not None and options.print_after not in running:
        passes = ", ".join(running) or "none"
        raise UsageError(
            f"no pass '{options.print_after}' runs at -O{options.level}; those that do: {passes}"
        )


def render(compilation: Compilation, stage: str) -> bytes:
    if compilation.options.print_after is not None:
        compilation.ir  # noqa: B018  the passes print, whatever stage is asked for
    if stage == "wasm":
        return compilation.artifact
    return (_text(compilation, stage).rstrip("\n") + "\n").encode()


def _text(compilation: Compilation, stage: str) -> str:
    if stage in ("forms", "expanded"):
        from rtfsc.syntax.printer import print_form

        forms = compilation.forms if stage == "forms" else compilation.expanded
        return "\n".join(print_form(form) for form in forms)
    if stage == "ast":
        from rtfsc.ast.dump import dump

        return dump(compilation.ast)
    if stage == "types":
        from rtfsc.sema.interface import show_types

        return show_types(compilation.unoptimised)
    if stage == "wat":
        return compilation.wat
    from rtfsc.ir.text import show as show_ir

    return show_ir(compilation.unoptimised if stage == "ir" else compilation.ir)


def write(data: bytes, path: str | None) -> None:
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    from rtfsc.files import write_atomically

    write_atomically(path, data)
