"""``rtfsc trust policy``: what a module must have besides a fitting signature."""

from __future__ import annotations

import argparse
from typing import Any

from rtfsc.cli.common import OK, UsageError, print_json


def run(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.trust.policy import is_pattern

    if not is_pattern(options.modules):
        raise UsageError(f"'{options.modules}' is no pattern of names like '*', 'a.b', 'a.*'")
    if options.drop:
        runtime.trust_file.change(lambda trust: trust.without_policy(options.modules))
    elif _changes(options):
        runtime.trust_file.change(lambda trust: trust.with_policy(_changed(trust, options)))
    trust = runtime.trust_file.load()
    policies = [trust.policy, *trust.rules]
    if options.json:
        print_json([{"modules": policy.modules, **policy.to_json()} for policy in policies])
        return OK
    width = max(len(policy.modules) for policy in policies)
    for policy in policies:
        print(f"{policy.modules:<{width}}  {policy.describe()}")
    return OK


def _changes(options: argparse.Namespace) -> bool:
    given = (options.signatures, options.role, options.inputs, options.engine, options.log)
    return any(value is not None for value in given)


def _changed(trust: Any, options: argparse.Namespace) -> Any:
    """The policy for these names, with what the options say."""
    from runtime.trust.policy import Policy

    known = {policy.modules: policy for policy in (trust.policy, *trust.rules)}
    policy = known.get(options.modules, Policy(modules=options.modules))
    if options.signatures is not None:
        policy = policy._replace(signatures=options.signatures)
    if options.inputs is not None:
        if options.inputs < 0:
            raise UsageError("--inputs: a number of inputs is not negative")
        policy = policy._replace(least_inputs=options.inputs)
    if options.engine is not None:
        policy = policy._replace(engines=tuple(dict.fromkeys(filter(None, options.engine))))
    if options.log is not None:
        policy = policy._replace(logged=options.log)
    for text in options.role or ():
        policy = policy._replace(roles=_with_role(policy.roles, text))
    return policy


def _with_role(roles: tuple[tuple[str, int], ...], text: str) -> tuple[tuple[str, int], ...]:
    from runtime.trust.policy import ROLES

    role, _, count = text.partition("=")
    if role not in ROLES or not count.isascii() or not count.isdigit():
        raise UsageError(f"--role: ROLE=N, with a role of {', '.join(ROLES)}, not {text}")
    changed = {**dict(roles), role: int(count)}
    return tuple((name, changed[name]) for name in ROLES if changed.get(name))
