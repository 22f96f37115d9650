"""``rtfsc solve``: a function for a task, from the store, or written by a model once and stored."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from rtfsc.cli.calls import arguments_for, call, declaration, halves
from rtfsc.cli.common import OK, add_store, positive, print_json
from rtfsc.cli.delegating import add_file, delegation_of
from rtfsc.cli.passphrase import ask

_USAGE = "'[price : Float] : Float' or '(declare discount [price : Float] : Float)'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", help="what the function does, in a sentence")
    parser.add_argument("--signature", required=True, metavar="TEXT", help=f"types, such as {_USAGE}")
    parser.add_argument(
        "--example", action="append", default=[], metavar="TEXT", type=halves,
        help="a call and its value, such as '(discount 100) => 90'; of three or more, one is not shown to the"
        " model",
    )  # fmt: skip
    parser.add_argument(
        "--call", metavar="TEXT", type=call, help="call it, as in '(discount 250)', and print the value"
    )
    add_models(parser)
    parser.add_argument("--no-generate", action="store_true", help="ask no model")
    parser.add_argument(
        "--rounds", type=positive, default=4, metavar="N", help="how often it is asked at most (default 4)"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=120.0, metavar="S", help="seconds for one answer (default 120)"
    )
    parser.add_argument("--key", default="local", help="name of the signing key (default: local)")
    parser.add_argument("--evidence", metavar="DIR", help="keep prompts, answers and findings in this folder")
    parser.add_argument("--json", action="store_true", help="as JSON, with the evidence")
    add_store(parser)


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="ID", help="the model that writes it")
    add_file(parser, "where models are configured")


def run(options: argparse.Namespace) -> int:
    from rtfsc.evaluation import read_example
    from runtime.engine import Runtime
    from runtime.solving import solve

    examples = [read_example(*given) for given in options.example]
    # Before anybody writes a function: a call that it would refuse.
    arguments = None if options.call is None else arguments_for(declaration(options.signature), options.call)
    with (
        delegation_of(options) as delegating,
        Runtime(store=options.store or True, delegation=delegating) as runtime,
    ):
        solution = solve(
            options.task, options.signature, examples,
            model=options.model, runtime=runtime, generate=not options.no_generate, rounds=options.rounds,
            timeout=options.timeout, key=options.key, prompt=ask, evidence=options.evidence,
            progress=show_step(),
        )  # fmt: skip
        called = arguments is not None
        value = _printed(solution(*arguments)) if arguments is not None else None
    for remark in solution.remarks:
        print(f"rtfsc: warning: {remark}", file=sys.stderr)
    if options.json:
        print_json(_facts(solution) | ({"value": value} if called else {}))
    elif called:
        print(value)
    else:
        _show(solution)
    return OK


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 86400:
        raise argparse.ArgumentTypeError(f"must be seconds above zero, at most a day, not {text}")
    return number


def _printed(value: Any) -> str:
    from runtime.printing import printed

    return printed(value)


def show_step() -> Callable[[Any], None] | None:
    """Steps go to standard error where somebody looks."""
    return _show_step if sys.stderr.isatty() else None


def _show_step(step: Any) -> None:
    place = f"{step.name} {step.round}" if step.round else step.name
    took = f" ({step.seconds:.1f} s)" if step.seconds >= 0.1 else ""
    detail = f": {step.detail}" if step.detail else ""
    print(f"{place:<10} {step.outcome}{detail}{took}", file=sys.stderr)


def _facts(solution: Any) -> dict[str, Any]:
    return {
        "function": solution.name,
        "module": solution.module,
        "generated": solution.generated,
        "remarks": list(solution.remarks),
        "evidence": solution.evidence.as_json(),
    }


def _show(solution: Any) -> None:
    step = next(s for s in reversed(solution.evidence.steps) if s.name in ("publish", "look-up"))
    print(f"{'generated' if solution.generated else 'hit'}  {solution.module[:16]}  {step.detail}")
    if solution.evidence.folder is not None:
        print(f"evidence: {solution.evidence.folder}")
