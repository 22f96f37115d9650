"""What commands share: options, sources, progress, exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rtfsc.source import MAX_BYTES, SourceFile

OK, PROGRAM_ERROR, USAGE, TRUST, STORE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 5, 70, 130
_BAR_FROM = 4
_BAR_WIDTH = 24


class UsageError(Exception):
    """The command was called in a way that cannot work; the message says how to mend it."""


class Parser(argparse.ArgumentParser):
    """Takes options by their whole names: an abbreviation would become another option, or none, when one is
    added."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})
        self.actions: Any = None

    def add_subparsers(self, **options: Any) -> Any:
        self.actions = super().add_subparsers(**options)
        return self.actions


def parser_for(name: str, help: str, epilog: str) -> Parser:
    return Parser(prog=f"rtfsc {name}", description=help[0].upper() + help[1:] + ".", epilog=epilog)


def add_common(parser: Parser, add: Callable[[argparse.ArgumentParser], None]) -> None:
    """What every command takes, and what ``add`` adds; where a command has actions, before them or after."""
    for one in (parser, *(parser.actions.choices.values() if parser.actions is not None else ())):
        own = one.argument_default
        one.argument_default = own if one is parser else argparse.SUPPRESS  # what stood before holds
        one.add_argument(
            "--output-format",
            choices=["full", "concise", "json"],
            help="how diagnostics are shown (default: full)",
        )
        one.add_argument("--offline", action="store_true", help="open no network connection")
        add(one)
        one.argument_default = own
    parser.set_defaults(output_format="full")


def add_level(parser: argparse.ArgumentParser, default: int = 2) -> None:
    parser.add_argument(
        "-O",
        dest="level",
        type=int,
        choices=[0, 1, 2],
        default=default,
        help=f"optimisation level (default {default})",
    )


def add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--path",
        action="append",
        default=[],
        metavar="DIR",
        help="look for imported modules in this folder too, after the program's own; may be repeated",
    )


def search_path(options: argparse.Namespace, source: SourceFile | None = None) -> tuple[str, ...]:
    """The folders of --path; for a program that is no file, after the current one."""
    inside = source is not None and source.name.startswith("<")
    return (".", *options.path) if inside else tuple(options.path)


CONSOLE = ("ccos.io.println", "ccos.io.print", "ccos.io.log")
"""What programs may do from the command line without leave: their output goes where the user looks."""


def add_allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="ID[=SCOPE]",
        help="let the program call this capability: ccos.system.get-env=HOME,USER; may be repeated",
    )


def add_handling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--handling",
        metavar="FILE",
        help="TOML: timeout-ms, attempts, pause-ms and fallback, in a table for each capability",
    )


def handling_of(options: argparse.Namespace) -> Any:
    if options.handling is None:
        return None
    from pathlib import Path

    from runtime.host.handling import read_handling

    try:
        return read_handling(Path(options.handling).read_text(encoding="utf-8"))
    except ValueError as error:  # of TOML too, with line and column
        raise UsageError(f"{options.handling}: {error}") from None


def add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--audit", action="store_true", help="put what the program does on record: see 'rtfsc audit'"
    )
    parser.add_argument(
        "--record", action="store_true", help="like --audit, and keep what 'rtfsc replay' needs"
    )
    parser.add_argument("--intent", metavar="TEXT", default="", help="what the run is for, for the record")


def audit_of(options: argparse.Namespace) -> Any:
    """What the options of `add_audit` say."""
    if not (options.audit or options.record):
        if options.intent:
            raise UsageError("--intent is for the record: it goes with --audit or --record")
        return False
    from rtfsc.cli.passphrase import ask
    from runtime.chain.audit import Audit

    return Audit(record=options.record, intent=options.intent, prompt=ask)


def granted(options: argparse.Namespace, *, stderr: bool = False) -> list[str]:
    """What --allow grants, and the console. ``stderr``: standard output is not the program's."""
    if options.allow:
        from runtime.host.policy import Policy

        try:
            Policy.of(options.allow)
        except ValueError as error:
            raise UsageError(f"--allow: {error}") from None
    console = [f"{id}=stderr" for id in CONSOLE] if stderr else list(CONSOLE)
    return [*console, *options.allow]


def add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deadline-ms", type=positive, metavar="MS", help="wall-clock limit of a call")
    parser.add_argument(
        "--memory-mb", type=megabytes, metavar="MB", default=512, help="memory limit (default 512)"
    )
    parser.add_argument("--fuel", type=positive, metavar="N", help="deterministic limit on steps")
    parser.add_argument(
        "--output-mb", type=positive, metavar="MB", default=256, help="limit on one result (default 256)"
    )


def positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 0 < number < 1 << 63:
        raise argparse.ArgumentTypeError(f"must be a whole number above zero, not {text}")
    return number


def days(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 36500:
        raise argparse.ArgumentTypeError(f"must be a number of days, from 0 to 36500, not {text}")
    return number


def place(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the place of the store is empty")
    return text


def megabytes(text: str) -> int:
    number = positive(text)
    if not 2 <= number <= 4095:
        raise argparse.ArgumentTypeError(f"a module has 2 to 4095 MB of memory, not {text}")
    return number


def add_engine(parser: argparse.ArgumentParser, default: str = "wasm") -> None:
    parser.add_argument(
        "--engine", choices=["evaluator", "wasm"], default=default, help=f"default: {default}"
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        type=place,
        metavar="PLACE",
        help="a folder, or 's3://bucket/prefix postgresql://user@host/database' (default: the configured"
        " one, else the project's folder, else the user's)",
    )


def limits_of(options: argparse.Namespace) -> Any:
    from runtime.values.limits import Limits

    return Limits(
        deadline_ms=options.deadline_ms,
        memory_bytes=options.memory_mb << 20,
        fuel=options.fuel,
        output_bytes=options.output_mb << 20,
    )


def read_source(path: str) -> SourceFile:
    """The file, or standard input for ``-``."""
    if path == "-":
        return SourceFile.decode("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
    return SourceFile.read(path)


def module_name(path: str) -> str:
    return "main" if path == "-" else os.path.splitext(os.path.basename(path))[0]


def rtfs_files(paths: Iterable[str]) -> list[str]:
    """The paths, folders replaced by the ``.rtfs`` files below them, sorted; none twice."""
    found: list[str] = []
    for path in paths:
        found += _below(path) if os.path.isdir(path) else [path]
    return list(dict.fromkeys(found))


def _below(folder: str) -> list[str]:
    below = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    found = sorted(name for name in below if name.endswith(".rtfs"))
    if not found:
        raise UsageError(f"there are no .rtfs files in {folder}")
    return found


def tell(line: str) -> None:
    """Prints a line with what others wrote: it cannot begin another line or send the terminal commands."""
    print(line if line.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in line))


def print_json(data: Any) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False))


def progress(items: list[str], label: str) -> Iterator[str]:
    """The items; for many of them on a terminal, with a bar on standard error."""
    if len(items) < _BAR_FROM or not sys.stderr.isatty():
        yield from items
        return
    for done, item in enumerate(items):
        _show_bar(label, done, len(items))
        yield item
    _show_bar(label, len(items), len(items))
    print(file=sys.stderr)


def _show_bar(label: str, done: int, total: int) -> None:
    filled = _BAR_WIDTH * done // total
    bar = "#" * filled + "." * (_BAR_WIDTH - filled)
    print(f"\r{label} [{bar}] {done}/{total}", end="", flush=True, file=sys.stderr)


def clear_bar() -> None:
    """Makes room for a line where a bar may stand."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
