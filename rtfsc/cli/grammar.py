"""``rtfsc grammar``: GBNF, which makes a language model write RTFS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from rtfsc.cli.common import OK, PROGRAM_ERROR, UsageError, read_source
from rtfsc.cli.emit import write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--depth", type=int, default=4, metavar="N", help="of expressions (default: 4)")
    parser.add_argument(
        "--width", type=int, default=4, metavar="N", help="most expressions in a row (default: 4)"
    )
    parser.add_argument(
        "--closed", action="store_true",
        help="names are library functions and bound locals alone, which are called a, b, c …",
    )  # fmt: skip
    parser.add_argument(
        "--host", action="store_true", help="with forms and functions that speak with the host"
    )
    parser.add_argument("--function", metavar="NAME", help="of definitions of this function")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="'NAME [: TYPE]'",
        help="of the function; repeat for more",
    )  # fmt: skip
    parser.add_argument("--result", metavar="TYPE", help="of the function")
    parser.add_argument("--type", metavar="TYPE", help="of values of this type, not of programs")
    parser.add_argument("--check", metavar="FILE", help="examine a grammar, print nothing")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write there, not to standard output")


def run(options: argparse.Namespace) -> int:
    from rtfsc.gbnf import gbnf, gbnf_for

    if options.check is not None:
        return _check(options.check)
    if options.type is not None:
        if options.function is not None or options.parameter or options.result is not None:
            raise UsageError("--type is of values, --function, --parameter and --result are of programs")
        text = _or_usage(lambda: gbnf_for(options.type))
    else:
        pairs = [_parameter(written) for written in options.parameter]
        text = _or_usage(
            lambda: gbnf(
                options.depth, width=options.width, closed=options.closed, host=options.host,
                function=options.function, parameters=[name for name, _ in pairs],
                annotations=[declared for _, declared in pairs], result=options.result,
            )
        )  # fmt: skip
    write(text.encode(), options.output)
    return OK


def _parameter(written: str) -> tuple[str, str]:
    name, colon, declared = (part.strip() for part in written.partition(":"))
    if colon and not declared:
        raise UsageError(f"--parameter {written!r}: a type must follow the colon")
    return name, declared


def _or_usage(make: Callable[[], str]) -> str:
    try:
        return make()
    except ValueError as error:
        raise UsageError(str(error)) from None


def _check(path: str) -> int:
    from rtfsc.gbnf import GbnfError, check_gbnf

    source = read_source(path)
    try:
        check_gbnf(source.text)
    except GbnfError as error:
        print(f"{source.name}:{error.line}:{error.column}: error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  = help: {error.hint}", file=sys.stderr)
        return PROGRAM_ERROR
    return OK
