"""``rtfsc run``: a program, or one function of a module with arguments written in RTFS."""

from __future__ import annotations

import argparse
from typing import Any

from rtfsc.cli.common import (
    OK,
    UsageError,
    add_allow,
    add_audit,
    add_engine,
    add_handling,
    add_level,
    add_limits,
    add_path,
    add_store,
    audit_of,
    granted,
    handling_of,
    limits_of,
    read_source,
)
from rtfsc.cli.delegating import add_delegation, delegation_of, environment_of
from rtfsc.cli.failures import of_source, show
from rtfsc.source import SourceFile

COMPILED = (".wasm", ".rtfs-ir")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "module",
        help="a source file ('-': standard input), a compiled file, or with --stored what 'store get' takes",
    )
    parser.add_argument(
        "function", nargs="?", help="an exported function; without one the program itself is run"
    )
    parser.add_argument(
        "arguments", nargs="*", help="its arguments, each as RTFS text: 30 '\"text\"' '[1 2]'"
    )
    parser.add_argument("--stored", action="store_true", help="run a module of the store, without source")
    parser.add_argument("--no-store", action="store_true", help="compile, whatever the store has")
    add_engine(parser)
    add_level(parser)
    add_limits(parser)
    add_path(parser)
    add_allow(parser)
    add_delegation(parser)
    add_handling(parser)
    add_audit(parser)
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime
    from runtime.printing import printed

    if options.stored and (options.no_store or options.engine != "wasm"):
        raise UsageError(
            "--stored runs WebAssembly from a store: it goes with neither --no-store nor the evaluator"
        )
    path = (".", *options.path) if options.module == "-" else options.path
    store = False if options.no_store else options.store or True
    with (
        delegation_of(options) as delegating,
        Runtime(
            store=store,
            limits=limits_of(options),
            engine=options.engine,
            level=options.level,
            path=path,
            grant=granted(options),
            audit=audit_of(options),
            handling=handling_of(options),
            delegation=delegating,
            environment=environment_of(options),
        ) as runtime,
    ):
        if options.stored:
            _adopt_declared_function(options)
        arguments = read_arguments(options.arguments)
        source = None if options.stored or options.module.endswith(COMPILED) else read_source(options.module)
        with of_source(source):
            value = _value(runtime, source, options, arguments)
        print(printed(value))
    return OK


def _adopt_declared_function(options: argparse.Namespace) -> None:
    """A declaration names the function already: what follows are its arguments."""
    if options.module.lstrip().startswith("(") and options.function is not None:
        options.arguments.insert(0, options.function)
        options.function = None


def _value(runtime: Any, source: SourceFile | None, options: argparse.Namespace, arguments: list[Any]) -> Any:
    from runtime.values import RtfsError

    if source is not None:
        module, function = runtime.compile_source(source), options.function
        if module.__rtfs_warnings__:
            show(module.__rtfs_warnings__, source, options.output_format)
    elif options.stored:
        from rtfsc.cli.store import find, is_exact

        entry, functions = find(runtime, options.module)
        export = functions[0] if functions else None
        module = runtime.get(entry, export, exact=is_exact(options.module, entry))
        function = export or options.function
    else:
        module, function = runtime.load(options.module), options.function
    try:
        return module.__rtfs_instance__.run() if function is None else _called(module, function, arguments)
    except RtfsError as error:
        error.sources = module.__rtfs_sources__
        raise


def _called(module: Any, function: str, arguments: list[Any]) -> Any:
    from runtime.values import RtfsError

    if function not in module or not callable(module[function]):
        known = ", ".join(name for name in module if callable(module[name])) or "none"
        raise UsageError(f"the module exports no function '{function}'; functions: {known}")
    try:
        return module[function](*arguments)
    except RtfsError:
        raise
    except TypeError as error:  # a function cannot be handed over
        raise UsageError(str(error)) from None


def read_arguments(texts: list[str]) -> list[Any]:
    """Python values of RTFS texts."""
    from rtfsc.evaluation import read_value
    from runtime.values import RtfsError

    found = []
    for text in texts:
        try:
            found.append(read_value(text))
        except RtfsError as error:
            error.source = SourceFile("<argument>", text)  # type: ignore[attr-defined]
            raise
    return found
