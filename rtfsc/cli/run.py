"""``rtfsc run``: a program, or one function of a module with arguments written in RTFS."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import (
    OK,
    UsageError,
    add_engine,
    add_level,
    add_limits,
    add_store,
    limits_of,
    read_source,
    show,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a source file ('-': standard input) or a compiled .wasm")
    parser.add_argument("function", nargs="?", help="an exported function; without one the program itself is run")
    parser.add_argument("arguments", nargs="*", help="its arguments, each as RTFS text: 30 '\"text\"' '[1 2]'")
    add_engine(parser)
    add_level(parser)
    add_limits(parser)
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from runtime.printing import printed

    module, source, value = _load(options)
    try:
        if options.function is not None:
            value = _call(module, options)
    except Exception as error:
        error.source = source  # type: ignore[attr-defined]
        raise
    print(printed(value))
    return OK


def _load(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from runtime.engine import Runtime

    runtime = Runtime(store=options.store, limits=limits_of(options), engine=options.engine, level=options.level)
    if options.path.endswith((".wasm", ".rtfs-ir")):
        module = runtime.load(options.path)
        return module, None, module.__rtfs_instance__.run()
    source = read_source(options.path)
    try:
        module = runtime.compile_source(source)
        value = module.__rtfs_instance__.run()
    except Exception as error:
        if not hasattr(error, "source"):
            error.source = source  # type: ignore[attr-defined]
        raise
    if module.__rtfs_warnings__:
        show(module.__rtfs_warnings__, source, options.output_format)
    return module, source, value


def _call(module, options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from rtfsc.evaluation import read_value

    if options.function not in module:
        raise UsageError(f"the module exports no '{options.function}'; exports: {', '.join(module) or 'none'}")
    return module[options.function](*[read_value(text) for text in options.arguments])
