"""Options of commands whose programs may have calls answered elsewhere, by rules of a ``delegation.toml``.

The file is one that the user names. That of a project is never taken by itself: it could send what programs
work on to servers to which nobody here has agreed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import UsageError

if TYPE_CHECKING:
    from rtfsc.evaluation import Outcome
    from rtfsc.source import SourceFile
    from runtime.delegation.context import Environment
    from runtime.delegation.setup import Delegating
    from runtime.engine import Runtime

VARIABLE = "RTFSC_DELEGATION"


def add_delegation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("delegation")
    group.add_argument(
        "--delegation",
        metavar="FILE",
        default=os.environ.get(VARIABLE) or None,
        help=f"models, and rules which calls they answer (default: ${VARIABLE}, else none)",
    )
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
    from runtime.delegation.policy_file import PolicyError
    from runtime.delegation.setup import open_delegation
    from runtime.obs.events import BUS

    try:
        delegating = open_delegation(options.delegation, emit=BUS)
    except PolicyError as error:
        raise UsageError(f"--delegation: {error}") from None
    except OSError as error:
        raise UsageError(f"--delegation: {error.strerror}: {options.delegation}") from None
    with delegating:
        yield delegating


def environment_of(options: argparse.Namespace) -> Environment | None:
    if options.delegation is None:
        return None
    from runtime.delegation.context import Environment

    return Environment(options.tenant, (), options.task, options.privacy)


def evaluate(runtime: Runtime, source: SourceFile, engines: Sequence[str]) -> list[Outcome]:
    """As `rtfsc.evaluation.evaluate`, on one engine or two. The second one gets what the host answered to the
    first: models are asked once."""
    from rtfsc.evaluation import evaluate_compiled, exports_of
    from runtime.host.replay import Recording, Replay
    from runtime.routing import Routing, guard

    outcomes: list[Outcome] = []
    host: Any = None
    for engine in engines:
        compilation = runtime.compilation(source, engine)
        symbols, interfaces = guard(runtime, compilation)
        routing = Routing(runtime, {**exports_of(compilation.unoptimised), **interfaces}, symbols)
        host = Replay(host.answers) if outcomes else Recording(runtime.host(None, routing))  # type: ignore[arg-type]
        # Two engines must ask alike, so neither is told what has been decided.
        ready = routing.bind if len(engines) == 1 else None
        outcomes.append(evaluate_compiled(compilation, engine, runtime.limits, host, ready))
    return outcomes
