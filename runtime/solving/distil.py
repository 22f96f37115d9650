"""Distilling: the consistent answers of a delegated function become examples of one that needs no model.

What is published has no doc: nobody finds it by meaning, because it is right on its domain alone, and only
those who know the domain (`runtime.solving.learned`) call it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from runtime.solving.errors import SolveError
from runtime.solving.evidence import Progress, Recorder
from runtime.solving.loop import ROUNDS, TIMEOUT, Solution, Work
from runtime.solving.samples import Function, Identity, Pair, Samples
from runtime.solving.task import Task
from runtime.store.retrieval import Example

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.host.session import Delegation
    from runtime.providers.base import ModelProvider
    from runtime.trust.keys import Prompt, SigningKey

FILE: Final = "distil.sqlite"
"""Below the user's data folder."""
PAIRS: Final = 20
"""Consistent answers before a function is distilled."""
_SHOWN: Final = 40
_KEPT_SHARE: Final = 0.2


class NotDistillable(SolveError):
    """The answers of this function do not make one, or there are too few of them."""

    code = "SV005"


def samples_of(runtime: Runtime) -> Samples:
    return Samples(runtime.paths.home / FILE)


def identity_of(delegation: Delegation, tenant: str, model: str) -> Identity | None:
    """None for a function that nobody described, or whose interface cannot be declared."""
    from rtfsc.diagnostics import DiagnosticError
    from rtfsc.signature import interface_hash_of
    from runtime.providers.declared import Signature

    interface = delegation.interface
    if interface is None:
        return None
    signature = f"(declare {Signature.of_interface(interface).show(delegation.function)[1:]}"
    try:
        # Of a function without effects, which the one that is delegated may have.
        interface_hash = interface_hash_of(signature)
    except DiagnosticError:
        return None
    return Identity(tenant, delegation.function, signature, interface_hash, interface["doc"], model)


def distil(
    runtime: Runtime,
    samples: Samples,
    function: Function,
    *,
    model: str | ModelProvider | None = None,
    pairs: int = PAIRS,
    rounds: int = ROUNDS,
    timeout: float = TIMEOUT,
    key: str | SigningKey = "local",
    prompt: Prompt | None = None,
    progress: Progress | None = None,
) -> Solution:
    """Has ``model`` write the function and puts it to use; it is judged on every pair, of which at least a
    fifth is shown to nobody. Where that fails, it is tried again when there are twice as many pairs.

    Raises what `runtime.solving.solve` raises, and `NotDistillable`.
    """
    given = samples.pairs(function.id)
    if function.state == "inconsistent":
        raise NotDistillable(f"{function.identity.name} is not consistent: {function.reason}")
    if len(given) < pairs:
        raise NotDistillable(f"{function.identity.name} has {len(given)} recorded calls; {pairs} are needed")
    task = task_of(function.identity, given)
    work = Work(runtime, task, Recorder(task, progress=progress, emit=runtime.emit), key)
    try:
        solution = work.told(lambda: work.solve(model, rounds, timeout, prompt))
    except SolveError as error:
        samples.put_off(function.id, "refused", str(error), 2 * len(given))
        raise
    if not samples.distilled(function.id, solution.module, solution.name, given[-1].id):
        raise NotDistillable(f"{function.identity.name} has become inconsistent in the meantime")
    return solution


def task_of(identity: Identity, pairs: list[Pair]) -> Task:
    """Which pairs are shown is decided by their digests: the same on every machine."""
    from runtime.searching import task_of as meaning_of

    ordered = sorted(examples_of(pairs), key=lambda example: _digest(example.arguments))
    shown = min(_SHOWN, int(len(ordered) * (1 - _KEPT_SHARE)))
    text = meaning_of(identity.doc) or f"Give what {identity.name} gives in the examples"
    name = identity.name.rpartition("/")[2]
    return Task(
        text, name, identity.signature.replace(identity.name, name, 1), identity.interface_hash,
        tuple(ordered[:shown]), tuple(ordered[shown:]), named=False,
    )  # fmt: skip


def examples_of(pairs: list[Pair]) -> list[Example]:
    from rtfsc.evaluation import read_value

    values: list[Any] = read_value(f"[{' '.join(f'[{pair.arguments} {pair.result}]' for pair in pairs)}]")
    return [Example(tuple(arguments), result) for arguments, result in values]


def _digest(arguments: tuple[Any, ...]) -> str:
    from runtime.solving.task import written

    return hashlib.sha256(written(list(arguments)).encode("utf-8", "surrogatepass")).hexdigest()
