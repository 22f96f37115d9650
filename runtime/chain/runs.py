"""Actions as they are read: what announced one and what told of its end, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.chain.action import START, fields_of, fits
from runtime.chain.chain import FILE
from runtime.chain.errors import ChainDamaged, Unrecorded
from runtime.chain.verify import lines

_OWN = frozenset({"kind", "number", "time", "type", "name", "parent", "plan", "intent", "inputs"})


@dataclass(slots=True)
class Action:
    """``time_ns``: when it began, since 1970; ``outcome``: ``done``, ``error``, ``cut`` (what it belongs to
    ended before it did) or ``open`` (it runs, or its process ended without a word); ``took_ns``, ``outputs``,
    ``error`` (kind, message) and ``cost`` as it ended. ``details``: of a program: engine, and what a replay
    needs."""

    number: int
    type: str
    name: str
    time_ns: int
    plan: str
    intent: str
    parent: int | None = None
    inputs: str | None = None
    outcome: str = "open"
    took_ns: int | None = None
    outputs: str | None = None
    error: tuple[str, str] | None = None
    cost: str = ""
    details: dict[str, str] = field(default_factory=dict)
    children: list[Action] = field(default_factory=list)

    def below(self) -> Iterator[tuple[int, Action]]:
        """It and all within it, in their order, each with its depth."""
        left = [(0, self)]
        while left:
            depth, action = left.pop()
            yield depth, action
            left += [(depth + 1, child) for child in reversed(action.children)]

    def as_json(self) -> dict[str, Any]:
        """For people's tools; times in nanoseconds."""
        found: dict[str, Any] = {
            "number": self.number, "type": self.type, "name": self.name, "time": self.time_ns,
            "plan": self.plan, "intent": self.intent, "parent": self.parent, "inputs": self.inputs,
            "outcome": self.outcome, "took": self.took_ns, "outputs": self.outputs, "cost": self.cost or None,
        }  # fmt: skip
        if self.error is not None:
            found |= {"error": self.error[0], "message": self.error[1]}
        return {**found, **self.details, "actions": [child.as_json() for child in self.children]}


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """The fields of the records that are there, each of which follows the one before. Raises `ChainDamaged`
    at one that does not; signatures are for `verify`. A torn line at the end is left out."""
    previous = START
    for line in lines(folder / FILE):
        if not line.endswith(b"\n"):
            return
        if not fits(line, previous):
            raise ChainDamaged(
                f"{folder / FILE}: a record was changed", hint="'rtfsc audit verify' says which"
            )
        previous = line[:64].decode()
        yield fields_of(line)


def runs(found: Iterable[dict[str, Any]]) -> list[Action]:
    """The programs that ran, oldest first, with all that they did."""
    actions: dict[int, Action] = {}
    for fields in found:
        if fields["kind"] == "begin":
            action = _begun(fields)
            actions[action.number] = action
            if action.parent in actions:
                actions[action.parent].children.append(action)
        elif fields["kind"] == "end" and fields.get("of") in actions:
            _end(actions[fields["of"]], fields)
    return [action for action in actions.values() if action.parent is None]


def run_of(folder: Path, number: int) -> Action:
    """The run with that number. Raises `Unrecorded` if there is none, `ChainDamaged`."""
    found = runs(records(folder))
    for run in found:
        if run.number == number:
            return run
    known = ", ".join(str(run.number) for run in found[-5:]) or "none"
    raise Unrecorded(
        f"no run {number} on record", hint=f"'rtfsc audit show' lists them; the last ones: {known}"
    )


def _begun(fields: dict[str, Any]) -> Action:
    return Action(
        fields["number"], fields["type"], fields["name"], fields["time"], fields["plan"], fields["intent"],
        fields.get("parent"), fields.get("inputs"),
        details={name: str(value) for name, value in fields.items() if name not in _OWN},
    )  # fmt: skip


def _end(action: Action, fields: dict[str, Any]) -> None:
    action.outcome, action.took_ns = fields["outcome"], fields["took"]
    action.outputs, action.cost = fields.get("outputs"), fields.get("cost", "")
    if "error" in fields:
        action.error = (fields["error"], fields.get("message", ""))
