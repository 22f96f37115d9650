"""``rtfsc emit``: a stage of the compilation as text (``wasm``: as bytes)."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import OK, add_level, read_source, show
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions

STAGES = ("forms", "ast", "types", "ir", "opt-ir", "wat", "wasm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a file; '-' reads standard input")
    add_stage(parser)
    add_level(parser)
    parser.add_argument("-o", dest="output", metavar="FILE", help="write there, not to standard output")


def add_stage(parser: argparse.ArgumentParser, default: str = "opt-ir") -> None:
    parser.add_argument("--emit", dest="stage", choices=STAGES, default=default, help=f"default: {default}")
    parser.add_argument("--print-after", metavar="PASS", help="also print the IR after that pass, to standard error")


def run(options: argparse.Namespace) -> int:
    source = read_source(options.path)
    compilation = Compilation(source, CompileOptions(level=options.level, print_after=options.print_after))
    data = render(compilation, options.stage)
    if compilation.sink.diagnostics:
        show(compilation.sink.diagnostics, source, options.output_format)
    write(data, options.output)
    return OK


def render(compilation: Compilation, stage: str) -> bytes:
    if stage == "wasm":
        return compilation.artifact
    return (_text(compilation, stage).rstrip("\n") + "\n").encode()


def _text(compilation: Compilation, stage: str) -> str:
    if stage == "forms":
        from rtfsc.syntax.printer import print_form

        return "\n".join(print_form(form) for form in compilation.forms)
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
