"""``rtfsc profile``: where a run of a program spends its time, by function and by line."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import (
    OK,
    UsageError,
    add_allow,
    add_level,
    add_limits,
    add_path,
    limits_of,
    positive,
    print_json,
    read_source,
    search_path,
)
from rtfsc.cli.delegating import add_delegation, worlds_of
from rtfsc.cli.emit import write
from rtfsc.cli.failures import of_source

if TYPE_CHECKING:
    from rtfsc.evaluation import World

ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a source file; '-' reads standard input")
    parser.add_argument(
        "--call", nargs="+", metavar=("FUNCTION", "ARGUMENT"),
        help="profile a call of an exported function with these arguments, each as RTFS text; default: the "
        "program itself",
    )  # fmt: skip
    parser.add_argument(
        "--repeat", type=positive, default=1, metavar="N", help="call it so often (default 1)"
    )
    parser.add_argument(
        "--folded", metavar="PATH", help="also write stacks for flame graphs ('-': only these)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_level(parser)
    add_limits(parser)
    add_path(parser)
    add_allow(parser)
    add_delegation(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions

    if options.repeat > 1 and not options.call:
        raise UsageError("--repeat goes with --call: a program runs once")
    source = read_source(options.file)
    compilation = Compilation(source, CompileOptions(level=options.level, path=search_path(options, source)))
    with of_source(source), worlds_of(options) as worlds:
        profile = _profile(compilation, options, worlds())
    if options.folded:
        write(profile.folded().encode(), None if options.folded == "-" else options.folded)
    if options.json:
        _print_json(profile)
    elif options.folded != "-":
        _print(profile)
    return OK


def _profile(compilation: Any, options: argparse.Namespace, world: World) -> Any:
    from rtfsc.evaluation import instantiate
    from rtfsc.profiling import read_profile
    from runtime.values import RtfsError
    from runtime.wasm.executor import Instance

    call = [_value(text) for text in (options.call or [])[1:]]
    host, ready = world(compilation)
    with instantiate(compilation, "wasm", limits_of(options), host) as instance:
        if not isinstance(instance, Instance):
            raise UsageError("profiles need direct calls of wasmtime: see 'rtfsc doctor'")
        if ready is not None:
            ready(instance)
        try:
            function = _function(instance, options.call[0]) if options.call else None
            started = time.perf_counter()
            with instance.profiled() as taken:
                for _ in range(options.repeat):
                    instance.start() if function is None else function(*call)
        except RtfsError as error:
            error.sources = compilation.sources
            raise
        seconds = time.perf_counter() - started
    sources = {"": compilation.source, **compilation.sources}
    return read_profile(taken[0], compilation, seconds, sources)


def _function(instance: Any, name: str) -> Any:
    try:
        return instance.function(name)
    except KeyError:
        known = (
            ", ".join(e["name"] for e in instance.interface["exports"] if e["kind"] == "function") or "none"
        )
        raise UsageError(f"the program exports no function '{name}'; functions: {known}") from None


def _value(text: str) -> Any:
    from rtfsc.evaluation import read_value

    return read_value(text)


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:5.1f} %"


def _print(profile: Any) -> None:
    total = profile.total
    print(f"{profile.seconds * 1000:.0f} ms, {profile.samples} samples")
    if not profile.samples:
        print("too short to be profiled: try --call with --repeat")
        return
    print("\n    self             total            function")
    for name, own, whole in profile.functions()[:ROWS]:
        print(f"{own:8.0f} ms {_share(own, total)}  {whole:6.0f} ms {_share(whole, total)}  {name}")
    print("\n    time             line")
    for (name, file, line), own in profile.lines.most_common(ROWS):
        print(f"{own:8.0f} ms {_share(own, total)}  {file}:{line}  {name}")


def _print_json(profile: Any) -> None:
    functions = [
        {"function": name, "self_ms": round(own, 3), "total_ms": round(whole, 3)}
        for name, own, whole in profile.functions()
    ]
    lines = [
        {"function": name, "file": file, "line": line, "ms": round(own, 3)}
        for (name, file, line), own in profile.lines.most_common()
    ]
    stacks = [{"stack": list(stack), "ms": round(ms, 3)} for stack, ms in sorted(profile.stacks.items())]
    seconds = round(profile.seconds, 6)
    print_json(
        {
            "seconds": seconds,
            "samples": profile.samples,
            "functions": functions,
            "lines": lines,
            "stacks": stacks,
        }
    )
