"""Options of commands whose programs may have calls answered elsewhere, by rules of a ``delegation.toml``.

The file is one that the user names. That of a project is never taken by itself: it could send what programs
work on to servers to which nobody here has agreed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import UsageError, granted, limits_of

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from rtfsc.evaluation import Hosted, World
    from runtime.delegation.context import Environment
    from runtime.delegation.setup import Delegating
    from runtime.engine import Runtime

VARIABLE = "RTFSC_DELEGATION"


def add_file(parser: argparse.ArgumentParser | argparse._ArgumentGroup, help: str) -> None:
    """``--delegation`` alone."""
    parser.add_argument(
        "--delegation",
        metavar="FILE",
        action=_File,
        default=os.environ.get(VARIABLE) or None,
        help=f"{help} (default: ${VARIABLE}, else none)",
    )


class _File(argparse.Action):
    """Remembers that the option names the file, and not the environment."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, value: Any, option: Any = None) -> None:
        if not value:
            raise argparse.ArgumentError(self, "it names a file, which '' does not")
        namespace.delegation, namespace.delegation_from = value, option


def add_delegation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("delegation")
    add_file(group, "models, and rules which calls they answer")
    group.add_argument("--tenant", metavar="NAME", default="", help="for whom programs run")
    group.add_argument("--task", metavar="NAME", default="", help="what for")
    group.add_argument(
        "--privacy",
        choices=["public", "internal", "private"],
        default="internal",
        help="of the data; private ones stay on this machine (default: internal)",
    )


@contextmanager
def delegation_of(options: argparse.Namespace) -> Iterator[Delegating | None]:
    """What --delegation names. Raises `UsageError` with the place of a mistake in the file."""
    if options.delegation is None:
        yield None
        return
    from runtime.delegation.setup import open_delegation
    from runtime.obs.events import BUS

    with refused(options):
        delegating = open_delegation(options.delegation, emit=BUS)
    with delegating:
        yield delegating


@contextmanager
def refused(options: argparse.Namespace) -> Iterator[None]:
    """Says of a file that cannot be taken who named it."""
    from runtime.delegation.policy_file import PolicyError

    origin = getattr(options, "delegation_from", VARIABLE)
    try:
        yield
    except PolicyError as error:
        raise UsageError(f"{origin}: {error}") from None
    except OSError as error:
        raise UsageError(f"{origin}: {error.strerror}: {options.delegation}") from None


def environment_of(options: argparse.Namespace) -> Environment | None:
    if options.delegation is None:
        return None
    from runtime.delegation.context import Environment

    return Environment(options.tenant, (), options.task, options.privacy)


@contextmanager
def worlds_of(options: argparse.Namespace, *, stderr: bool = False) -> Iterator[Callable[[], World]]:
    """Makes worlds for programs: with what --allow grants, and under the rules that --delegation names.
    ``stderr``: standard output is not the program's."""
    from rtfsc.evaluation import granting

    grant = granted(options, stderr=stderr)
    if options.delegation is None:
        yield partial(granting, grant)
        return
    with delegation_of(options) as delegating:

        def ruled() -> World:
            from runtime.engine import Runtime

            runtime = Runtime(
                limits=limits_of(options),
                grant=grant,
                delegation=delegating,
                environment=environment_of(options),
            )
            return partial(_hosted, runtime)

        yield ruled


def _hosted(runtime: Runtime, compilation: Compilation) -> Hosted:
    """Puts guards into the program."""
    from rtfsc.evaluation import exports_of
    from runtime.routing import Routing, guard

    symbols, interfaces = guard(runtime, compilation)
    routing = Routing(runtime, {**exports_of(compilation.unoptimised), **interfaces}, symbols)
    return runtime.host(None, routing), routing.bind
