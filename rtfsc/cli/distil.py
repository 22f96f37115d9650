"""``rtfsc distil``: functions made of what models answered to delegated calls."""

from __future__ import annotations

import argparse
import sqlite3
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import OK, PROGRAM_ERROR, UsageError, add_store, positive, print_json
from rtfsc.cli.delegating import delegation_of
from rtfsc.cli.passphrase import ask
from rtfsc.cli.solve import add_models, seconds, show_step

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.solving.samples import Function, Samples

_WAITING = ("recording", "refused", "withdrawn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|run|withdraw|forget")
    listing = actions.add_parser("list", help="functions whose answers are recorded, and what became of them")
    show = actions.add_parser("show", help="the domain of a function, and the recorded calls")
    show.add_argument("function", help="its name, or its number in the list")
    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="as JSON")
    make = actions.add_parser("run", help="have functions made of the answers, check, sign and use them")
    make.add_argument("function", nargs="*", help="names or numbers (default: all that are due)")
    add_models(make)
    make.add_argument("--pairs", type=positive, metavar="N", help="recorded calls that are needed (default: "
                      "what the file's section [distil] says, else 20)")  # fmt: skip
    make.add_argument("--rounds", type=positive, default=4, metavar="N", help="answers at most (default 4)")
    make.add_argument(
        "--timeout", type=seconds, default=120.0, metavar="S", help="of one answer (default 120)"
    )
    make.add_argument("--key", default="local", help="name of the signing key (default: local)")
    add_store(make)
    withdraw = actions.add_parser("withdraw", help="let the model answer again")
    withdraw.add_argument("function")
    withdraw.add_argument("--reason", default="withdrawn by hand", help="kept in the list")
    forget = actions.add_parser("forget", help="remove what is recorded of a function")
    forget.add_argument("function")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime
    from runtime.solving.distil import samples_of

    actions = {"list": _list, "show": _show, "withdraw": _withdraw, "forget": _forget}
    try:
        if options.action == "run":
            with (
                delegation_of(options) as delegating,
                Runtime(store=options.store or True, delegation=delegating) as runtime,
            ):
                return _run(runtime, samples_of(runtime), options)
        with Runtime(store=True) as runtime:
            return actions[options.action](samples_of(runtime), options)
    except sqlite3.Error as error:
        raise UsageError(f"the recorded answers cannot be read: {error}") from None


def _run(runtime: Runtime, samples: Samples, options: argparse.Namespace) -> int:
    from rtfsc.cli.failures import show_model_error
    from runtime.providers.errors import ProviderError
    from runtime.solving.distil import PAIRS, distil
    from runtime.solving.errors import SolveError

    settings = runtime.delegation.policy.distil if runtime.delegation is not None else None
    pairs = options.pairs or (settings.pairs if settings is not None else PAIRS)
    failed = False
    chosen = [_named(samples, name) for name in options.function]
    due = chosen or [f for f in samples.all() if _is_due(f, pairs)]
    if not due:
        print(f"no function waits with {pairs} recorded calls; 'rtfsc distil list' shows how far each is")
    for function in due:
        model = options.model or (settings.model if settings is not None else "") or function.identity.model
        try:
            solution = distil(
                runtime, samples, function, model=model, pairs=pairs, rounds=options.rounds,
                timeout=options.timeout, key=options.key, prompt=ask, progress=show_step(),
            )  # fmt: skip
        except (SolveError, ProviderError) as error:
            show_model_error(error, options.output_format)
            failed = True
        else:
            print(f"{function.identity.name}: distilled, sha256 {solution.module[:16]}")
    return PROGRAM_ERROR if failed else OK


def _is_due(function: Function, pairs: int) -> bool:
    return function.state in _WAITING and function.pairs >= max(pairs, function.next_at)


def _named(samples: Samples, text: str) -> Function:
    found = [f for f in samples.all() if text in (f.identity.name, str(f.id))]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"nothing is recorded of {text}; 'rtfsc distil list' shows what is")
    numbers = ", ".join(str(function.id) for function in found)
    raise UsageError(f"there are several functions {text}; name one by its number: {numbers}")


def _list(samples: Samples, options: argparse.Namespace) -> int:
    found = samples.all()
    if options.json:
        print_json([_facts(function) for function in found])
        return OK
    if not found:
        print("nothing is recorded; a section [distil] in a delegation.toml has answers recorded")
    for f in found:
        tenant = f" for {f.identity.tenant}" if f.identity.tenant else ""
        calls = f"{f.pairs} call{'s'[: f.pairs != 1]}"
        more = f.digest[:16] if f.state == "distilled" else f.reason
        print(f"{f.id:>4}  {f.state:<12}  {f.identity.name} by {f.identity.model}{tenant}, {calls}"
              f"{': ' if more else ''}{more}")  # fmt: skip
    return OK


def _show(samples: Samples, options: argparse.Namespace) -> int:
    from runtime.solving.distil import examples_of
    from runtime.solving.domain import Arguments

    function = _named(samples, options.function)
    pairs = samples.pairs(function.id)
    used = [pair for pair in pairs if pair.id <= function.upto] if function.state == "distilled" else pairs
    domain = Arguments([example.arguments for example in examples_of(used)]).describe() if used else []
    calls = [{"arguments": pair.arguments, "result": pair.result} for pair in pairs]
    if options.json:
        print_json(_facts(function) | {"domain": domain, "calls": calls})
        return OK
    print(
        f"{function.identity.signature}\n{function.state}{': ' if function.reason else ''}{function.reason}"
    )
    for at, text in enumerate(domain, 1):
        print(f"argument {at}: {text}")
    for call in calls:
        print(f"  {call['arguments']} => {call['result']}")
    return OK


def _withdraw(samples: Samples, options: argparse.Namespace) -> int:
    function = _named(samples, options.function)
    if function.state != "distilled":
        raise UsageError(f"{function.identity.name} is not distilled but {function.state}")
    samples.put_off(function.id, "withdrawn", options.reason, 2 * function.pairs)
    print(f"{function.identity.name}: {function.identity.model} answers again")
    return OK


def _forget(samples: Samples, options: argparse.Namespace) -> int:
    function = _named(samples, options.function)
    samples.forget(function.id)
    print(f"{function.identity.name}: {function.pairs} recorded calls removed")
    return OK


def _facts(function: Function) -> dict[str, Any]:
    identity = function.identity._asdict()
    own = function._asdict()
    return {"id": own.pop("id"), **identity, **{name: own[name] for name in own if name != "identity"}}
