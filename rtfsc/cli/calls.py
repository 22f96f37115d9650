"""Calls that are written on the command line, such as ``--call '(f 1 2)'``, read and checked against a
declaration before anybody is asked anything."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
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

    arguments = list(read_example(call, "nil")[0])
    check_arguments(declared.name, declared.parameters, declared.rest, arguments)
    return arguments


def check_arguments(
    name: str, parameters: Sequence[tuple[str, str]], rest: bool, arguments: Sequence[Any]
) -> None:
    """``parameters``: names and types, with ``rest`` the last one for each further argument. Raises
    `UsageError` for arguments that the function would refuse."""
    from rtfsc.signature import wrong_arity
    from runtime.providers.declared import Misfit, type_of

    wrong = wrong_arity(name, len(parameters), rest, len(arguments))
    if wrong is not None:
        raise UsageError(wrong)
    for at, value in enumerate(arguments):
        parameter, type = parameters[min(at, len(parameters) - 1)]
        try:
            type_of(type).check(value)
        except Misfit as error:
            raise UsageError(f"the argument {parameter}: {error}") from None
