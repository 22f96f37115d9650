"""A host that puts on record what goes through it: the same for the evaluator and for WebAssembly, since
both reach the world through their host alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runtime.chain.action import Begin, End
from runtime.chain.values import Encoded
from runtime.host.access import HostCallable
from runtime.host.cost import metered
from runtime.values.atoms import Keyword, Symbol
from runtime.values.errors import ErrorValue, RtfsError

if TYPE_CHECKING:
    from runtime.chain.chain import Chain
    from runtime.chain.kept import Kept


class Recorder:
    """The host ``host`` of one instance, on record. ``kept``: where inputs and outputs go, None to keep
    digests only. ``context``: gives the context of the session, which a replay needs."""

    def __init__(
        self,
        host: HostCallable,
        chain: Chain,
        *,
        intent: str = "",
        kept: Kept | None = None,
        context: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._host, self._chain, self._intent, self._kept, self._context = host, chain, intent, kept, context
        self.plan = ""
        """Digest of the module, of whoever loads it."""
        self.details: dict[str, str] = {}
        """What a replay has to know of the program."""
        self._started: int | None = None
        self._threads = threading.local()
        self._steps: dict[Any, int] = {}

    @property
    def _open(self) -> list[tuple[int, int]]:
        """Number and start of the actions that run in this thread, the outermost first."""
        found: list[tuple[int, int]] | None = getattr(self._threads, "open", None)
        if found is None:
            found = self._threads.open = []
        return found

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        if operation in ("call", "delegate"):
            inputs = arguments[1 if operation == "call" else 3]
            return self._action(
                operation, _name(arguments[0]), inputs, lambda: self._host(operation, arguments)
            )
        if operation == "step/start":
            return self._start_step(arguments)
        if operation in ("step/complete", "step/fail"):
            return self._end_step(operation, arguments)
        return self._host(operation, arguments)

    def function(self, function: Callable[..., Any], own: str) -> RecordedFunction:
        """The function of the module on record. ``own``: its name in the module itself."""
        if hasattr(function, "record"):  # `runtime.delegation.router.Routed`
            function.record = self.delegated
        return RecordedFunction(function, self, own)

    @contextmanager
    def program(self, function: str, arguments: Any, own: str = "") -> Iterator[Program]:
        """A run of the program: of its top level (``function`` empty) or of a function that Python calls,
        which may be known in the module by its ``own`` name."""
        details = {**self.details, "export": "" if own == function else own}
        if self._started is not None:
            details["instance"] = str(self._started)
        if self._kept is not None and self._context is not None and (values := self._context()):
            details["context"] = self._keep(dict(values)).digest
        number = self._begin("program", function, arguments, details)
        if self._started is None:
            self._started = number
        run, depth = Program(), len(self._open)
        try:
            with metered() as meter:
                yield run
        except BaseException as error:
            self._leave(depth)
            self._end("error", outputs=self._keep_error(error), error=told(error), cost=_amount(meter.total))
            raise
        self._leave(depth)
        outputs = self._keep(run.value).digest if run.known else None
        self._end("done", outputs=outputs, cost=_amount(meter.total))

    def delegated(
        self, name: str, arguments: list[Any], ask: Callable[[], tuple[bool, Any]]
    ) -> tuple[bool, Any]:
        """A call of an export that may be done elsewhere, decided before the program is asked."""
        done, value = self._action("delegate", name, arguments, lambda: list(ask()), {"where": "outside"})
        return done, value

    def _action(
        self, type: str, name: str, inputs: Any, perform: Callable[[], Any],
        details: Mapping[str, str] | None = None,
    ) -> Any:  # fmt: skip
        self._begin(type, name, inputs, details)
        depth = len(self._open)
        try:
            with metered() as meter:
                value = perform()
        except BaseException as error:
            self._leave(depth)
            self._end("error", outputs=self._keep_error(error), error=told(error), cost=_amount(meter.total))
            raise
        self._leave(depth)
        self._end("done", outputs=self._keep(value).digest, cost=_amount(meter.total))
        return value

    def _start_step(self, arguments: list[Any]) -> Any:
        token = self._host("step/start", arguments)  # first: a step that is refused has not begun
        self._steps[token] = self._begin("step", _name(arguments[0]), arguments[1])
        return token

    def _end_step(self, operation: str, arguments: list[Any]) -> Any:
        token, value = arguments
        number = self._steps.pop(token, None)
        depth = next((i for i, (n, _) in enumerate(self._open) if n == number), None)
        answer = self._host(operation, arguments)
        if depth is not None:
            self._leave(depth + 1)
            if operation == "step/complete":
                self._end("done", outputs=self._keep(value).digest)
            else:
                self._end("error", outputs=self._keep(value).digest, error=told(value))
        return answer

    def _begin(self, type: str, name: str, inputs: Any, details: Mapping[str, str] | None = None) -> int:
        parent = self._open[-1][0] if self._open else None
        digest = None if inputs is None else self._keep(inputs).digest
        number = self._chain.append(Begin(type, name, parent, self.plan, self._intent, digest, details))
        self._open.append((number, time.perf_counter_ns()))
        return number

    def _end(self, outcome: str, **how: Any) -> None:
        number, started = self._open[-1]
        self._chain.append(End(number, outcome, time.perf_counter_ns() - started, **how))
        self._open.pop()

    def _leave(self, depth: int) -> None:
        """Steps that a limit or an interrupt has ended without a word."""
        while len(self._open) > depth:
            self._end("cut")

    def _keep_error(self, error: BaseException) -> str | None:
        """The error as the value that a program may catch; None for what it cannot."""
        if not isinstance(error, RtfsError):
            return None
        return self._keep(ErrorValue(error.kind, error.message, error.data, error.type)).digest

    def _keep(self, value: Any) -> Encoded:
        encoded = Encoded(value)
        if self._kept is not None and encoded.whole:
            self._kept.put(encoded.data)
        return encoded


class Program:
    """``value``: what the run gave, where that is known."""

    __slots__ = ("known", "value")

    def __init__(self) -> None:
        self.known, self.value = False, None

    def gave(self, value: Any) -> None:
        self.known, self.value = True, value


class RecordedFunction:
    """A function of a module, on record when Python calls it."""

    def __init__(self, function: Callable[..., Any], recorder: Recorder, own: str) -> None:
        self._function, self._recorder, self._own = function, recorder, own
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        with self._recorder.program(self.__name__, list(arguments), self._own) as run:
            value = self._function(*arguments)
            run.gave(value)
            return value

    def call_async(self, *arguments: Any, deadline_ms: int | None = None) -> Any:
        """Awaitable, and on record."""
        from runtime.asynchronous import call_async

        return call_async(self, arguments, deadline_ms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __repr__(self) -> str:
        return f"{self._function!r} on record"


def _name(value: Any) -> str:
    return value if isinstance(value, str) else value.name if isinstance(value, Keyword | Symbol) else "?"


def _amount(total: Any) -> str:
    return format(total.normalize(), "f") if total else ""


def told(error: Any) -> tuple[str, str]:
    """Kind and message."""
    if isinstance(error, (RtfsError, ErrorValue)):
        return error.kind, error.message
    return type(error).__name__, str(error)
