"""``rtfsc ask``: one typed question to a model, as a delegated call asks it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rtfsc.cli.calls import arguments_for, call, declaration
from rtfsc.cli.common import OK, positive, print_json
from rtfsc.cli.delegating import add_file, delegation_of

if TYPE_CHECKING:
    from runtime.delegation.setup import Delegating
    from runtime.providers.base import ModelProvider


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", help="what the function does, in a sentence")
    parser.add_argument(
        "--call",
        required=True,
        metavar="TEXT",
        type=call,
        help="the call that is asked about, as in '(f \"the lottery\")'",
    )
    parser.add_argument(
        "--signature", required=True, metavar="TEXT",
        help="types, such as '[text : String] : [:enum :spam :ham]' or '(declare f [a : Int] : Int)'",
    )  # fmt: skip
    parser.add_argument("--model", required=True, metavar="ID", help="the model that is asked")
    add_file(parser, "where models and caches are configured")
    parser.add_argument("--timeout", type=positive, default=60, metavar="S", help="seconds (default 60)")
    parser.add_argument(
        "--show-prompt", action="store_true", help="print what would be asked, and ask nobody"
    )
    parser.add_argument("--json", action="store_true", help="value and what the model said, as JSON")


def run(options: argparse.Namespace) -> int:
    from runtime.delegation.setup import open_delegation
    from runtime.printing import printed
    from runtime.providers.asking import Question, Signature, ask, request_of

    declared = declaration(options.signature)
    arguments = arguments_for(declared, options.call)
    signature = Signature(declared.parameters, declared.result, declared.rest)
    question = Question(declared.name, options.task or declared.doc, signature, arguments)
    with delegation_of(options) as configured:
        delegating = configured or open_delegation()
        model = delegating.registry.get(options.model)
        if options.show_prompt:
            for message in request_of(question, model.id, model.capabilities()).messages:
                print(f"[{message.role}]\n{message.content}\n")
            return OK
        told = _told_of(model, delegating)
        answer = ask(
            question, lambda request: delegating.manager.infer(told, request), model.id,
            capabilities=model.capabilities(), timeout=float(options.timeout),
        )  # fmt: skip
    if options.json:
        print_json({"value": printed(answer.value), "said": [r.text for r in answer.responses]})
    else:
        print(printed(answer.value))
    return OK


def _told_of(model: ModelProvider, delegating: Delegating) -> ModelProvider:
    """The model, asked once, with events of that."""
    from runtime.delegation.guarded import Guarded
    from runtime.delegation.types import Decision, LocalModel
    from runtime.obs.events import BUS

    decision = Decision(LocalModel(model.id), 1.0, "it was named", "command line", retries=0)
    return Guarded(model, delegating.breakers.of(model.id), decision, BUS)
