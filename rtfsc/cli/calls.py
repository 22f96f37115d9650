"""Calls that are written on the command line, such as ``--call '(f 1 2)'``, read and checked against a
declaration before anybody is asked anything."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import UsageError

if TYPE_CHECKING:
    from rtfsc.signature import Declaration


def halves(text: str) -> tuple[str, str]:
    """Call and value of an example."""
    call, _, value = (part.strip() for part in text.partition("=>"))
    if not call or not value:
        raise argparse.ArgumentTypeError(f"an example is written '(call) => value', not {text!r}")
    return call, value


def call(text: str) -> str:
    if not text.strip().startswith("("):
        raise argparse.ArgumentTypeError(f"a call is written '(f 1 2)', not {text!r}")
    return text


def declaration(text: str) -> Declaration:
    """Of a signature: whole, or the types alone."""
    from rtfsc.signature import read_declaration

    text = text.strip()
    return read_declaration(f"(declare f {text})" if text.startswith("[") else text)


def arguments_for(declared: Declaration, call: str) -> list[Any]:
    """What the call passes. Raises `UsageError` for a call that the function would refuse."""
    from rtfsc.evaluation import read_example
    from runtime.providers.declared import Misfit, type_of

    arguments = list(read_example(call, "nil")[0])
    parameters = list(declared.parameters)
    fixed = len(parameters) - declared.rest
    if len(arguments) < fixed or (len(arguments) > fixed and not declared.rest):
        count = f"{fixed}{' or more' if declared.rest else ''} argument{'s' * (fixed != 1 or declared.rest)}"
        raise UsageError(f"{declared.name} takes {count}, not {len(arguments)}")
    for at, value in enumerate(arguments):
        name, type = parameters[min(at, len(parameters) - 1)]
        try:
            type_of(type).check(value)
        except Misfit as error:
            raise UsageError(f"the argument {name}: {error}") from None
    return arguments
