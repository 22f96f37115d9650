"""``rtfsc build``: files to modules of a target."""

from __future__ import annotations

import argparse
import os

from rtfsc.cli.common import OK, PROGRAM_ERROR, UsageError, add_level, progress, read_source, rtfs_files, show
from rtfsc.cli.emit import STAGES, render, write
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.registry import targets

SUFFIXES = {"wasm32": ".wasm", "rtfs-ir": ".rtfs-ir"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files or folders")
    parser.add_argument("-o", dest="output", metavar="PATH", help="file (of one source) or folder; default: beside the source")
    parser.add_argument("--target", choices=targets(), default="wasm32", help="default: wasm32")
    parser.add_argument("--emit", dest="stage", choices=STAGES, help="write this stage instead, to -o or standard output")
    parser.add_argument("--print-after", metavar="PASS", help="also print the IR after that pass, to standard error")
    parser.add_argument("--sign", metavar="KEY", help="sign with this key, into FILE.dsse beside each module")
    add_level(parser)


def run(options: argparse.Namespace) -> int:
    paths = rtfs_files(options.paths)
    if options.output and len(paths) > 1 and not os.path.isdir(options.output):
        raise UsageError(f"-o must be a folder for {len(paths)} sources: {options.output}")
    failed = False
    for path in progress(paths, "building"):
        try:
            _build(path, options)
        except DiagnosticError as error:
            show(error.diagnostics, error.source, options.output_format)
            failed = True
    return PROGRAM_ERROR if failed else OK


def _build(path: str, options: argparse.Namespace) -> None:
    name = os.path.splitext(os.path.basename(path))[0] if path != "-" else "main"
    compilation = Compilation(
        read_source(path),
        CompileOptions(
            level=options.level, target=options.target, module_name=name, print_after=options.print_after
        ),
    )
    if options.stage:
        write(render(compilation, options.stage), options.output)
        return
    compilation.refuse_warnings()
    output = _output(path, name, options)
    write(compilation.artifact, output)
    if options.sign:
        _sign(compilation, output, options.sign)


def _output(path: str, name: str, options: argparse.Namespace) -> str:
    file = name + SUFFIXES.get(options.target, "." + options.target)
    if options.output is None:
        return os.path.join(os.path.dirname(path), file)
    return os.path.join(options.output, file) if os.path.isdir(options.output) else options.output


def _sign(compilation: Compilation, output: str, key: str) -> None:
    from runtime.engine import Runtime

    envelope = Runtime().sign(compilation, key)
    write(envelope, output + ".dsse")
