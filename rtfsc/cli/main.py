"""The command line: a table of commands, each in a file of its own that is imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

COMMANDS = {
    "init": "make a project: folders, a local signing key, trust in it",
    "build": "compile files to WebAssembly (or serialised IR)",
    "run": "run a program, or one function of a module",
    "eval": "evaluate an expression, or a stream of programs (--jsonl)",
    "repl": "evaluate interactively",
    "check": "report what is wrong with files, without running them",
    "fmt": "lay source files out in one way",
    "emit": "print a stage of the compilation: forms, ast, types, ir, opt-ir, wat, wasm",
    "grammar": "print a grammar that makes a language model write programs, or values of a type",
    "inspect": "describe a compiled module: interface, imports, sections, provenance",
    "publish": "compile, certify, sign and store modules",
    "why": "say why a program is found in the store or not, and where a call runs",
    "find": "look for a stored function that does a task",
    "distil": "functions made of what models answered: list, show, run, withdraw, forget",
    "solve": "a function for a task: from the store, else written by a model, checked and stored",
    "store": "look into the store: ls, get, verify, stats",
    "cache": "caches of models' answers: stats, clear, warm, hits",
    "keys": "signing keys: new, list, export, import, rotate",
    "test": "run the tests of files",
    "trust": "trusted keys and policy: add, remove, revoke, list, policy, countersign, update, forget",
    "audit": "what programs did outside, on record: show, verify, head",
    "replay": "run a recorded program again and compare",
    "ticket": "leave work for others: submit, poll, wait, cancel, ls, work",
    "verify": "say whether modules may be run, and why; examine the publication log",
    "doc": "say what a name means: library, language, or of a file",
    "explain": "explain a diagnostic code",
    "dashboard": "serve a web page: hits, modules, latency, decisions, models, solve runs",
    "metrics": "what was counted, in Prometheus' format: printed or served",
    "ask": "ask a model one typed question, as a delegated call asks it",
    "models": "list models: who provides them, whether they answer, what they cost and can do",
    "serve": "offer the models of this machine to others (--arbiter)",
    "profile": "show where a run of a program spends its time",
    "doctor": "say what works on this machine",
}

EPILOG = "exit codes: 0 ok, 1 error in the program, 2 usage, 3 trust, 5 store, 70 internal, 130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character still shows the rest
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = _offline(arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _print_help()
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        from rtfsc.version import __version__

        print(f"rtfsc {__version__}")
        return 0
    name = arguments[0]
    if name not in COMMANDS:
        return _unknown(name)
    from rtfsc.cli import observing
    from rtfsc.cli.common import add_common, parser_for
    from rtfsc.cli.failures import guarded

    command = import_module(f"rtfsc.cli.{name}")
    parser = parser_for(name, COMMANDS[name], EPILOG)
    command.add_arguments(parser)
    add_common(parser, observing.add_arguments)
    return guarded(observing.observing(name, command.run), parser.parse_args(arguments[1:]))


def _offline(arguments: list[str]) -> list[str]:
    """``--offline`` may stand anywhere; it holds for the processes of this one too."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--offline" in arguments[:end]:
        os.environ["RTFSC_OFFLINE"] = "1"
        return [word for word in arguments[:end] if word != "--offline"] + arguments[end:]
    return arguments


def _print_help() -> None:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    print(
        "usage: rtfsc COMMAND [options]\n\n"
        "Compiles RTFS, a small pure language, to signed WebAssembly that is found and run again.\n\n"
        f"commands:\n{lines}\n\n"
        "  rtfsc COMMAND --help  shows the options of a command\n\n" + EPILOG
    )


def _unknown(name: str) -> int:
    from rtfsc.diagnostics.suggest import AMONG_FEW, close_names

    close = close_names(name, COMMANDS, 1, AMONG_FEW)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    print(f"rtfsc: no command '{name}'{hint} ('rtfsc --help' lists them)", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
