"""``rtfsc why route FUNCTION [ARGUMENTS]``: where a call would run, who decides it, and what was passed over.
Nothing is called and no model is asked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtfsc.cli.calls import check_arguments
from rtfsc.cli.common import OK, UsageError, print_json, read_source
from rtfsc.cli.delegating import VARIABLE, delegation_of, environment_of

if TYPE_CHECKING:
    from runtime.delegation.router import Router
    from runtime.delegation.types import Decision
    from runtime.engine import Runtime
    from runtime.host.session import Delegation


def run(options: argparse.Namespace) -> int:
    from rtfsc.evaluation import read_value
    from runtime.engine import Runtime

    if options.delegation is None:
        raise UsageError(f"why route needs the rules: --delegation FILE, or ${VARIABLE}")
    arguments = [read_value(text) for text in options.arguments]
    store = options.store or (True if options.program else None)
    with (
        delegation_of(options) as delegating,
        Runtime(
            store=store,
            level=options.level,
            path=options.path,
            grant=options.allow,
            delegation=delegating,
            environment=environment_of(options),
        ) as runtime,
    ):
        router, call = _call(runtime, options, arguments)
        facts = _facts(router, call, router.dispatcher.decide(call))
    (print_json if options.json else _show)(facts)
    return OK


def _call(runtime: Runtime, options: argparse.Namespace, arguments: list[Any]) -> tuple[Router, Delegation]:
    from rtfsc.evaluation import exports_of
    from runtime.host.session import Delegation
    from runtime.routing import Routing, hint_of, interfaces_of

    interfaces: dict[str, Any] = {}
    mode, model = "routed", None
    if options.program is not None:
        compilation = runtime.compilation(read_source(options.program))
        interfaces = {**exports_of(compilation.unoptimised), **interfaces_of(compilation)}
        functions = sorted(name for name, found in interfaces.items() if found["kind"] == "function")
        if options.file not in functions:
            known = ", ".join(functions) or "none"
            raise UsageError(f"{options.program} has no function '{options.file}'; functions: {known}")
        interface = interfaces[options.file]
        parameters = list(zip(interface["params"], interface["param_types"], strict=True))
        if interface["rest"]:  # its type is that of the list
            parameters[-1] = (parameters[-1][0], ":any")
        if arguments:  # without any it is asked about in general
            check_arguments(options.file, parameters, interface["rest"], arguments)
        mode, model = hint_of(compilation.unoptimised, options.file) or (mode, model)
    router = Routing(runtime, interfaces).router
    assert router is not None
    return router, Delegation(options.file, mode, model, arguments, interfaces.get(options.file))


def _facts(router: Router, call: Delegation, decision: Decision) -> dict[str, Any]:
    context = router.dispatcher.context(call)
    environment = context.environment
    return {
        "function": call.function,
        "types": list(context.arg_types),
        "tenant": environment.tenant,
        "task": environment.task,
        "privacy": environment.privacy,
        "permissions": sorted(environment.permissions),
        "target": str(decision.target),
        "confidence": decision.confidence,
        "reason": decision.reasoning,
        "decided_by": decision.decided_by,
        "rejected": [{"target": target, "reason": reason} for target, reason in decision.rejected],
        "fallback": [str(target) for target in decision.fallback],
        "timeout_s": decision.timeout_s,
        "retries": decision.retries,
        "same_for_all_types": router.dispatcher.steady(context),
    }


def _show(facts: dict[str, Any]) -> None:
    print(f"{facts['function']} ({' '.join(facts['types'])}) runs at {facts['target']}")
    print(f"  decided by {facts['decided_by']}: {facts['reason']} (confidence {facts['confidence']:g})")
    who = [f"{name} {facts[name]}" for name in ("tenant", "task", "privacy") if facts[name]]
    if facts["permissions"]:
        who.append(f"permissions {', '.join(facts['permissions'])}")
    print(f"  for {', '.join(who)}")
    if facts["target"] != "local-pure":
        tries = facts["retries"] + 1
        print(f"  {tries} tr{'y' if tries == 1 else 'ies'} of {facts['timeout_s']:g} s")
    for target in facts["fallback"]:
        print(f"  then {target}")
    for rejected in facts["rejected"]:
        print(f"  not {rejected['target']}: {rejected['reason']}")
    if not facts["same_for_all_types"]:
        print("  a rule looks at the types of the arguments: every call is decided anew")
