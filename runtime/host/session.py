"""The host of one instance: performs the operations of the IR op ``host``.

====================== ============================================= ==============================
operation              arguments                                     value
====================== ============================================= ==============================
``call``               id, arguments                                 what the capability answers
``context/lookup``     key, default                                  value of the context
``context/set``        key, value                                    nil
``symbol``             name                                          value, or UndefinedSymbol
``step/start``         name, options                                 a token for the next two
``step/complete``      token, value                                  nil
``step/fail``          token, error                                  nil
``branch/start``       token                                         nil
``branch/end``         token                                         nil
``hint/set``           key, value                                    nil
``hint/clear``         key                                           nil
``delegate``           name, mode, model, arguments                  [true value], [false] or [false token]
``delegate/done``      token                                         nil
====================== ============================================= ==============================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from runtime.host.capability import host_error
from runtime.host.policy import Policy
from runtime.host.schema import kind_of
from runtime.obs.events import Emit, span
from runtime.values.atoms import Keyword, Symbol


class Host(Protocol):
    """What an instance asks to act outside. An `RtfsError` is an error of the program, which may catch it;
    any other exception ends the run and reaches the caller."""

    def __call__(self, operation: str, arguments: list[Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Event:
    """``kind``: ``call``, ``call-failed``, ``step-started``, ``step-completed`` or ``step-failed``;
    ``name``: id of the capability or name of the step; ``detail``: arguments, options, value or error;
    ``hints``: those in force."""

    kind: str
    name: str
    detail: Any
    hints: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delegation:
    """A call of a function that is marked with ``^:delegation``. ``mode``: ``local-model``, ``remote``,
    ``declared`` (a function without a body) or ``routed`` (any other one, where a policy may speak of it);
    ``model``: its id, or the doc of a declared one, or None; ``interface``: of the function, as in the
    section ``rtfs.interface``, None for one that is not exported."""

    function: str
    mode: str
    model: str | None
    arguments: list[Any]
    interface: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


Delegate = Callable[[Delegation], "tuple[bool, Any]"]
"""Answers (True, value), or (False, None) to decline: then the function's own body runs. In mode ``routed``
it may decline with a token: its method ``done`` is called with it before the body, after it, and again."""


@dataclass(slots=True)
class Step:
    """A step that runs. ``depth``: of the contexts when it started."""

    name: str
    depth: int
    policy: str
    branches: list[dict[str, Any]] = field(default_factory=list)


class Session:
    """State of one instance: context values, steps that run, hints in force."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        observer: Callable[[Event], None] | None = None,
        delegate: Delegate | None = None,
        exports: Mapping[str, Mapping[str, Any]] | None = None,
        emit: Emit | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.exports = exports or {}
        given = {name_of(key): value for key, value in (context or {}).items()}
        self.contexts: list[dict[str, Any]] = [given]
        self.hints: list[tuple[str, Any]] = []
        self.steps: dict[int, Step] = {}
        self._observer, self._delegate, self._next = observer, delegate, 0
        self._emit = emit

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        perform = _OPERATIONS.get(operation)
        if perform is None:
            raise host_error("HostError", f"Host error: no operation {operation}")
        return perform(self, *arguments)

    # --- capabilities

    def call(self, id: Any, arguments: Any) -> Any:
        id, given = name_of(id, "call"), list(arguments)
        try:
            with span(self._emit, "capability.called", capability=id, outcome="failed") as told:
                value = self.policy.call(id, given)
                told["outcome"] = "ok"
        except Exception as error:
            self._tell("call-failed", id, error)
            raise
        self._tell("call", id, given)
        return value

    def delegate(self, name: str, mode: Any, model: Any, arguments: Any) -> list[Any]:
        if self._delegate is None:
            return [False]
        mode = name_of(mode)
        interface = self.exports.get(name)
        done, value = self._delegate(Delegation(name, mode, model, list(arguments), interface))
        return [done] if value is None and not done else [done, value]

    def delegate_done(self, token: Any) -> None:
        done = getattr(self._delegate, "done", None)
        if done is not None:
            done(token)

    # --- context

    def lookup(self, key: Any, default: Any) -> Any:
        name = name_of(key, "context/get")
        for values in reversed(self.contexts):
            if name in values:
                return values[name]
        return default

    def set(self, key: Any, value: Any) -> None:
        self.contexts[-1][name_of(key, "context/set")] = value

    def symbol(self, name: str) -> Any:
        value = self.lookup(name, _ABSENT)
        if value is _ABSENT:
            raise host_error("UndefinedSymbol", f"Undefined symbol: {name}", {Keyword("symbol"): name})
        return value

    # --- steps

    def start_step(self, name: str, options: Any) -> int:
        options = dict(options or {})
        policy = name_of(options.get(Keyword("merge-policy")) or "keep-existing")
        if policy not in _MERGE:
            raise host_error("InvalidArgument", f"Invalid argument: no merge policy :{policy}")
        self._next += 1
        self.steps[self._next] = Step(name, len(self.contexts), policy)
        self._tell("step-started", name, options)
        return self._next

    def complete_step(self, token: int, value: Any) -> None:
        step = self._end(token)
        for branch in step.branches:
            _MERGE[step.policy](self.contexts[-1], branch)
        self._tell("step-completed", step.name, value)

    def fail_step(self, token: int, error: Any) -> None:
        self._tell("step-failed", self._end(token).name, error)

    def _end(self, token: int) -> Step:
        step = self.steps.pop(token)
        del self.contexts[step.depth :]
        return step

    def start_branch(self, token: int) -> None:
        self.contexts.append({})

    def end_branch(self, token: int) -> None:
        self.steps[token].branches.append(self.contexts.pop())

    # --- hints

    def set_hint(self, key: str, value: Any) -> None:
        self.hints.append((key, value))

    def clear_hint(self, key: str) -> None:
        at = max(i for i, (name, _) in enumerate(self.hints) if name == key)
        del self.hints[at:]

    def _tell(self, kind: str, name: str, detail: Any) -> None:
        if self._observer is not None:
            self._observer(Event(kind, name, detail, dict(self.hints)))


_ABSENT = object()


def name_of(key: Any, operation: str = "host") -> str:
    """The text of a keyword, symbol or string; the RTFS error TypeError for anything else."""
    if isinstance(key, str):
        return key
    if isinstance(key, Keyword | Symbol):
        return key.name
    expected, actual = "keyword, string or symbol", kind_of(key)
    message = f"Type error in {operation}: expected {expected}, got {actual}"
    data = {"expected": expected, "actual": actual, "operation": operation}
    raise host_error("TypeError", message, {Keyword(name): text for name, text in data.items()})


def _keep(into: dict[str, Any], branch: dict[str, Any]) -> None:
    for key, value in branch.items():
        into.setdefault(key, value)


def _merge(into: dict[str, Any], branch: dict[str, Any]) -> None:
    """Maps are merged key by key, all else is overwritten."""
    for key, value in branch.items():
        old = into.get(key)
        into[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value


_MERGE: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "keep-existing": _keep, "overwrite": dict.update, "merge": _merge,
}  # fmt: skip
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": Session.call,
    "context/lookup": Session.lookup,
    "context/set": Session.set,
    "symbol": Session.symbol,
    "step/start": Session.start_step,
    "step/complete": Session.complete_step,
    "step/fail": Session.fail_step,
    "branch/start": Session.start_branch,
    "branch/end": Session.end_branch,
    "hint/set": Session.set_hint,
    "hint/clear": Session.clear_hint,
    "delegate": Session.delegate,
    "delegate/done": Session.delegate_done,
}
