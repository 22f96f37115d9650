"""``rtfsc build``: files to modules of a target."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from typing import Any

from rtfsc.cli.common import (
    OK,
    PROGRAM_ERROR,
    UsageError,
    add_level,
    add_path,
    module_name,
    progress,
    read_source,
    rtfs_files,
    search_path,
)
from rtfsc.cli.emit import STAGES, add_print_after, refuse_idle_pass, render, write
from rtfsc.cli.failures import of_source, show_refusal
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.registry import targets

SUFFIXES = {"wasm32": ".wasm", "rtfs-ir": ".rtfs-ir"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files or folders; '-' reads standard input")
    parser.add_argument(
        "-o", dest="output", metavar="PATH", help="file (of one source) or folder; default: beside the source"
    )
    parser.add_argument("--target", choices=targets(), default="wasm32", help="default: wasm32")
    parser.add_argument(
        "--emit", dest="stage", choices=STAGES, help="write this stage instead, to -o or standard output"
    )
    add_print_after(parser)
    parser.add_argument(
        "--standalone",
        action="store_true",
        help="one file with the runtime library in it, for any WebAssembly engine",
    )
    parser.add_argument(
        "--js",
        action="store_true",
        help="also a loader for Node and browsers beside it: FILE.mjs, FILE.d.mts",
    )
    parser.add_argument(
        "--separate",
        action="store_true",
        help="imported modules become files of their own, beside the program's; unchanged ones are kept",
    )
    parser.add_argument(
        "--source-map",
        action="store_true",
        help="also FILE.wasm.map, for debuggers and browsers, and names of functions in the module",
    )
    parser.add_argument(
        "--optimizer",
        choices=["binaryen"],
        help="run Binaryen's wasm-opt, if it is installed, as the last step",
    )
    parser.add_argument(
        "--guard",
        action="append",
        default=[],
        metavar="GLOB",
        help="calls of these functions inside the module follow the rules of 'run --delegation' (repeatable)",
    )
    parser.add_argument("--sign", metavar="KEY", help="certify, and sign with this key into FILE.dsse")
    add_level(parser)
    add_path(parser)


def run(options: argparse.Namespace) -> int:
    refuse_idle_pass(options)
    _refuse_conflicts(options)
    paths = rtfs_files(options.paths)
    outputs = _outputs(paths, options)
    signer = _Signer(options.sign) if options.sign and not options.stage else None
    failed = False
    for path in progress(paths, "building"):
        try:
            _build(path, outputs[path], options, signer, alone=len(paths) == 1)
        except DiagnosticError as error:
            show_refusal(error, options.output_format)
            failed = True
    return PROGRAM_ERROR if failed else OK


def _refuse_conflicts(options: argparse.Namespace) -> None:
    options.standalone = options.standalone or options.js
    mode = "--js" if options.js else "--standalone" if options.standalone else ""
    if options.separate and mode:
        raise UsageError(f"{mode} links all into one file, --separate keeps modules apart: choose one")
    mode = mode or ("--separate" if options.separate else "")
    if mode and (options.stage or options.target != "wasm32"):
        other = f"--emit {options.stage}" if options.stage else f"--target {options.target}"
        raise UsageError(f"{mode} makes .wasm files: it does not go with {other}")
    if options.guard and (mode or options.stage):
        other = mode or f"--emit {options.stage}"
        raise UsageError(f"--guard is for modules that 'rtfsc run' and 'load' take: not with {other}")
    if options.optimizer and (options.stage or options.target != "wasm32"):
        raise UsageError("--optimizer works on .wasm files: it goes with neither --emit nor another target")
    if options.source_map and (mode or options.optimizer or options.stage or options.target != "wasm32"):
        raise UsageError("--source-map goes with a module for the runtime library alone, of target wasm32")


def _check_guards(compilation: Compilation, path: str, alone: bool) -> None:
    """Refuses globs that fit too much, or, where one file is built, nothing."""
    from fnmatch import fnmatchcase

    from rtfsc.ir.routes import symbols

    try:
        found = [guard.symbol for guard in compilation.built.guards]
    except ValueError as error:
        raise UsageError(f"--guard: {error}: {path}") from None
    for glob in compilation.options.guard if alone else ():
        if not any(fnmatchcase(symbol, glob) for symbol in found):
            head = compilation.ast.head
            known = ", ".join(symbols(compilation.unoptimised, head.name if head else "")) or "none"
            raise UsageError(
                f"--guard: no function '{glob}' in {path} that can be guarded; there are: {known}"
            )


def _outputs(paths: list[str], options: argparse.Namespace) -> dict[str, str | None]:
    """File to write, per source; None is standard output."""
    if options.stage and options.output is None:
        return dict.fromkeys(paths)
    folder = options.output is not None and (os.path.isdir(options.output) or options.output.endswith(os.sep))
    if options.output is not None and len(paths) > 1 and not folder:
        raise UsageError(f"-o must be a folder for {len(paths)} sources: {options.output}")
    if options.output is not None and not folder:
        if options.js and not options.output.endswith(".wasm"):
            raise UsageError(f"with --js, -o must end in .wasm, or be a folder: {options.output}")
        return {paths[0]: options.output}
    suffix = f".{options.stage}" if options.stage else SUFFIXES.get(options.target, f".{options.target}")
    found: dict[str, str] = {}
    for path in paths:
        base = os.path.dirname(path) if options.output is None else options.output
        output = os.path.join(base, module_name(path) + suffix)
        if output in found.values():
            raise UsageError(f"two sources would be written to {output}")
        found[path] = output
    if folder:
        os.makedirs(options.output, exist_ok=True)
    return {**found}


def _build(
    path: str, output: str | None, options: argparse.Namespace, signer: _Signer | None, *, alone: bool
) -> None:
    source = read_source(path)
    compilation = Compilation(
        source,
        CompileOptions(
            level=options.level,
            target=options.target,
            module_name=module_name(path),
            print_after=options.print_after,
            path=search_path(options, source),
            keep_modules=signer is None,
            standalone=options.standalone,
            separate=options.separate,
            optimizer=options.optimizer or "",
            guard=tuple(options.guard),
            source_map=os.path.basename(output or "") + ".map" if options.source_map else "",
        ),
    )
    if options.stage:
        write(render(compilation, options.stage), output)
        return
    compilation.refuse_warnings()
    if options.guard:
        _check_guards(compilation, path, alone)
    if options.separate and output is not None:
        _build_modules(compilation, output, signer)
    with of_source(source):
        manifest = signer.sign(compilation) if signer else None
    # The manifest first: a module beside the manifest of an older one would be refused.
    if manifest is not None:
        write(manifest, f"{output}.dsse")
    elif output is not None and os.path.exists(f"{output}.dsse"):
        _unsign(output, compilation.artifact)
    write(compilation.artifact, output)
    if options.source_map and output is not None:
        write(compilation.source_map(output).encode(), f"{output}.map")
    if options.js and output is not None:
        _write_loader(output, compilation.artifact)


def _unsign(output: str, artifact: bytes) -> None:
    """Removes the signature of another file than the one that is to be written."""
    with suppress(OSError), open(output, "rb") as file:
        if file.read() == artifact:
            return
    os.unlink(f"{output}.dsse")
    print(f"rtfsc: warning: {output} is not signed any more (--sign KEY)", file=sys.stderr)


def _build_modules(compilation: Compilation, output: str, signer: _Signer | None) -> None:
    """The modules that the program is linked to, beside it. What is there already is not made again, but a
    signature is given to bytes of our own making alone."""
    for module in compilation.separate[:-1]:
        path = os.path.join(os.path.dirname(output), f"{module.name}.wasm")
        if os.path.abspath(path) == os.path.abspath(output):
            raise UsageError(f"the program and the module {module.name} would both be written to {path}")
        if signer is not None:
            write(signer.sign_module(compilation, module), f"{path}.dsse")
        elif _is_built(path, compilation.separate_key(module)):
            continue
        elif os.path.exists(f"{path}.dsse"):
            os.unlink(f"{path}.dsse")  # of an older one: the new file would be refused
        write(compilation.compile_separately(module), path)


def _is_built(path: str, key: str) -> bool:
    """Whether the file was compiled from the same."""
    from backend_wasm.sections import MalformedModule, read_action

    try:
        with open(path, "rb") as file:
            return bool(read_action(file.read()).get("key") == key)
    except (OSError, MalformedModule):
        return False


def _write_loader(output: str, artifact: bytes) -> None:
    from backend_wasm.sections import read_interface
    from rtfsc.javascript import loader
    from rtfsc.javascript.declarations import declarations

    base = os.path.splitext(output)[0]
    write(loader(os.path.basename(output)).encode(), f"{base}.mjs")
    write(declarations(read_interface(artifact)).encode(), f"{base}.d.mts")


class _Signer:
    """Signs with one key, whose passphrase is asked for at most once."""

    def __init__(self, key: str) -> None:
        from rtfsc.cli.passphrase import signing_key
        from runtime.engine import Runtime

        self._runtime = Runtime()
        self._key = signing_key(self._runtime, key)

    def sign(self, compilation: Compilation) -> bytes:
        return self._runtime.sign(compilation, self._key)

    def sign_module(self, compilation: Compilation, module: Any) -> bytes:
        """A manifest for one of the modules that the program is linked to."""
        from runtime.publishing import module_manifest

        return module_manifest(self._runtime, compilation, module, self._key)
