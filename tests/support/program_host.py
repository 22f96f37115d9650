"""The host that random programs run with: granted capabilities that always answer alike, context, delegation.

What it was asked is noted, so that two runs can be compared by that too.
"""

from __future__ import annotations

from typing import Any

from runtime.host.capability import capability, host_error
from runtime.host.policy import Policy
from runtime.host.session import Delegation, Event, Session
from runtime.values import Keyword
from runtime.values.errors import RtfsError

CONTEXT = {"n": 7, "name": "añ", "k": [1, {"a": None}], "plan-id": "p7"}
KEPT = 3
"""Functions that ``my.keep`` keeps open."""
EVENTS = 50
"""Further ones are not kept."""


@capability("my.add")
def add(a: int, b: int = 1) -> int:
    return (a + b + 2**63) % 2**64 - 2**63


@capability("my.echo")
def echo(value: Any) -> Any:
    return value


@capability("my.text")
def text(*values: Any) -> str:
    return f"{len(values)} values"


@capability("my.list")
def several(n: int) -> list[Any]:
    return [Keyword("a"), n, "é", 1.5, None, [n]][: n % 7]


@capability("my.fail")
def fail(message: str) -> None:
    raise ValueError(message)


@capability("my.raise")
def raises(kind: Keyword) -> None:
    raise host_error("InvalidArgument", f"Invalid argument: {kind.name}", {Keyword("k"): kind})


@capability("my.typed")
def typed(value: dict[Keyword, list[int]] | None) -> int | None:
    return None if value is None else len(value)


@capability("my.apply")
def apply_once(function: Any, value: int) -> Any:
    return function(value)


@capability("my.twice")
def twice(function: Any, value: Any) -> Any:
    return function(function(value))


@capability("my.function")
def identity(value: Any) -> Any:
    from runtime.values import HostFunction

    return HostFunction(lambda *given: [value, list(given)])


GRANTED = (add, echo, text, several, fail, raises, typed, apply_once, twice, identity)


class Host:
    """A session and what it was asked, as text."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._printed: list[Any] = []
        self._kept: list[Any] = []
        grant = [
            *GRANTED,
            *(capability(f"ccos.io.{name}")(self._print) for name in ("println", "print", "log")),
        ]
        grant += [capability("my.keep")(self._keep), capability("my.kept")(self._call_kept)]
        grant += ["ccos.state.kv.get", "ccos.state.kv.put", "ccos.ai.llm-execute"]
        self.session = Session(
            Policy.of(grant), context=dict(CONTEXT), observer=self._note, delegate=self._delegate
        )

    def _keep(self, function: Any) -> int:
        """Functions that outlive the call, of which the oldest are closed."""
        self._kept.append(function)
        if len(self._kept) > KEPT:
            oldest = self._kept.pop(0)
            if hasattr(oldest, "close"):
                oldest.close()
        return len(self._kept)

    def _call_kept(self, number: int, *given: Any) -> Any:
        return self._kept[number % len(self._kept)](*given) if self._kept else None

    def _print(self, *values: Any) -> None:
        self._printed.append(len(values))

    def _note(self, event: Event) -> None:
        if len(self.told) < EVENTS:
            self.told.append(f"{event.kind} {event.name} {_told(event.detail)} {_told(event.hints)}")

    def _delegate(self, asked: Delegation) -> tuple[bool, Any]:
        if asked.function == "d0":
            return True, add.function(asked.arguments[0], asked.arguments[0])
        return (True, 5) if asked.function == "r0" and asked.arguments[0] == 2 else (False, None)


def _told(value: Any) -> str:
    """Plain values in full, of others the kind: functions and errors have no text of their own."""
    if isinstance(value, RtfsError):
        return f"{value.kind} {value.message}"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(_told, value)) + "]"
    if isinstance(value, dict):
        return "{" + " ".join(f"{key} {_told(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str | int | float | None | Keyword):
        return repr(value)[:80]
    return type(value).__name__ if not callable(value) else "function"
