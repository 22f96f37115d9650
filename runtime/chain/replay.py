"""A host that answers from the record, and stops the program where it does something else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from runtime.chain.action import shortened
from runtime.chain.kept import Kept
from runtime.chain.recorder import told
from runtime.chain.runs import Action
from runtime.chain.values import Encoded, decoded
from runtime.host.access import HostCallable
from runtime.values.atoms import Keyword, Symbol
from runtime.values.errors import ErrorValue, error_class


class Divergence(NamedTuple):
    """``number``: of the recorded action, None where the record has none; ``recorded`` and ``now``: what was
    done and what is done in its place."""

    number: int | None
    recorded: str
    now: str


class Diverged(Exception):
    """The program does something else than it did."""

    def __init__(self, divergence: Divergence) -> None:
        super().__init__(f"recorded: {divergence.recorded}; now: {divergence.now}")
        self.divergence = divergence


class EndOfRecord(Exception):
    """The program goes on behind what is on record: its process ended there."""


class Recorded(Exception):
    """An exception that was no error of a program ended the run. ``told``: kind and message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.told = (kind, message)


class Event(NamedTuple):
    """``what``: ``call``, ``delegate``, ``step`` or ``end`` (of a step)."""

    what: str
    action: Action


class ReplayHost:
    """Steps and context are done by ``session``; calls and delegated calls, which have effects, are answered
    as recorded. What a capability made the program do when it called back is not done again: a program is
    pure, so nothing but its calls could show."""

    def __init__(self, session: HostCallable, kept: Kept, shown: Callable[[Any], str]) -> None:
        self.session, self._kept, self._shown = session, kept, shown
        self._steps: dict[Any, Action] = {}
        self._left: deque[Event] = deque()
        self._run: Action | None = None
        self.compared = 0

    def expect(self, run: Action) -> None:
        """What is asked from now on belongs to this run."""
        self._run, self._left = run, deque(_events(run))

    def outside(self) -> tuple[bool, Any]:
        """Whether the run was done elsewhere before the program was asked, and the value of it. Raises what
        was raised there."""
        run, event = self._run, self._left[0] if self._left else None
        if run is None or event is None or event.action.details.get("where") != "outside":
            return False, None
        done, value = self._answer("delegate", run.name, decoded(self._kept.get(event.action.inputs or "")))
        return bool(done), value

    def finish(self) -> None:
        """Raises `Diverged` where the record has more than what was done."""
        event = self._take()
        if event is not None and event.action.outcome != "cut":
            raise self._diverged(event, "the program ends")

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        if operation == "call":
            return self._answer("call", arguments[0], arguments[1])
        if operation == "delegate":
            routed = str(getattr(arguments[1], "name", arguments[1])) == "routed"
            if routed and not self._is_next("delegate", arguments[0], arguments[3]):
                return [False]  # a guard that did not ask then: which ones do changes as a program runs
            return self._answer("delegate", arguments[0], arguments[3])
        if operation == "step/start":
            token = self.session(operation, arguments)
            self._steps[token] = self._next("step", arguments[0], arguments[1])
            return token
        if operation in ("step/complete", "step/fail"):
            token, value = arguments
            answer = self.session(operation, arguments)
            self._end(self._steps.pop(token), value, failed=operation == "step/fail")
            return answer
        return self.session(operation, arguments)

    def _answer(self, what: str, name: Any, inputs: Any) -> Any:
        action = self._next(what, name, inputs)
        if action.outcome == "open":
            raise EndOfRecord
        if action.error is None:
            assert action.outputs is not None
            return decoded(self._kept.get(action.outputs))
        if action.outputs is None:
            raise Recorded(*action.error)
        error = decoded(self._kept.get(action.outputs))
        if not isinstance(error, ErrorValue):
            raise Recorded(*action.error)
        raise error_class(error.kind)(error.kind, error.message, error.data, error.type)

    def _take(self) -> Event | None:
        return self._left.popleft() if self._left else None

    def _is_next(self, what: str, name: str, inputs: Any) -> bool:
        if not self._left:
            return False
        event = self._left[0]
        found = (event.what, event.action.name, event.action.inputs)
        return found == (what, shortened(name), Encoded(inputs).digest)

    def _next(self, what: str, name: Any, inputs: Any) -> Action:
        """The recorded action that this one has to be."""
        name = name if isinstance(name, str) else name.name if isinstance(name, Keyword | Symbol) else "?"
        name = shortened(name)
        event = self._take()
        now = f"{what} {name} {self._shown(inputs)}"
        if event is None:
            if self._run is not None and self._run.outcome in ("open", "cut"):
                raise EndOfRecord
            raise Diverged(Divergence(None, "nothing more", now))
        action = event.action
        digest = None if inputs is None else Encoded(inputs).digest
        if (event.what, action.name, action.inputs) != (what, name, digest):
            raise self._diverged(event, now)
        self.compared += 1
        return action

    def _end(self, step: Action, value: Any, *, failed: bool) -> None:
        event = self._take()
        ending = f"step {step.name} {'fails with' if failed else 'gives'} {self._shown(value)}"
        if event is None and step.outcome in ("open", "cut"):
            raise EndOfRecord
        if event is None or event.what != "end" or event.action is not step:
            raise self._diverged(event, ending)
        same = step.error == told(value) if failed else step.outputs == Encoded(value).digest
        if not same or failed != (step.error is not None):
            raise self._diverged(event, ending)

    def _diverged(self, event: Event | None, now: str) -> Diverged:
        if event is None:
            return Diverged(Divergence(None, "nothing more", now))
        action = event.action
        if event.what == "end":
            then = f"step {action.name} fails with {action.error[1]}" if action.error else (
                f"step {action.name} gives {self.value(action.outputs)}"
            )  # fmt: skip
        else:
            then = f"{event.what} {action.name} {self.value(action.inputs)}"
        return Diverged(Divergence(action.number, then, now))

    def value(self, digest: str | None) -> str:
        """What is known of a recorded value."""
        if digest is None:
            return "nil"
        return self._shown(decoded(self._kept.get(digest))) if digest in self._kept else digest[:16]


def _events(run: Action) -> Iterator[Event]:
    for action in run.children:
        yield Event(action.type, action)
        if action.type == "step":
            yield from _events(action)
            if action.outcome not in ("open", "cut"):
                yield Event("end", action)
