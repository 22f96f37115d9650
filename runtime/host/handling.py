"""What is done about capabilities that are slow or fail: how long to wait, how often to try, what instead."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NoAnswer
from contextvars import copy_context
from dataclasses import dataclass
from threading import TIMEOUT_MAX
from typing import Any, Final

from runtime.host.capability import Capability, host_error
from runtime.values.atoms import Keyword, List
from runtime.values.errors import RtfsError

PASSING: Final = frozenset({"IoError", "NetworkError", "StorageError", "ResourceError"})
"""Kinds of errors after which the same call may succeed a moment later."""
FALLS_BACK: Final = PASSING | {"HostError"}
"""Kinds of errors after which another capability is asked: what is wrong with the call itself stays so."""
_LONGEST_PAUSE_MS: Final = 10_000.0
_DOUBLINGS: Final = 20
_KEYS = ("timeout-ms", "attempts", "pause-ms", "fallback")


@dataclass(frozen=True, slots=True)
class Handling:
    """``timeout_ms``: for one attempt; the call is given up then, and what it still does is nobody's
    business. Calls that hand over functions are waited for: these can be called in the program's own thread
    alone. ``attempts`` in all, of calls that fail with one of `PASSING` or give no answer: more than one is
    for capabilities that may act twice. Between two of them there is a pause of 0 to ``pause_ms * 2**n``, at
    most ten seconds.
    ``fallback``: id of the capability that is called with the same arguments in the end; it has to be
    granted too, and its own handling holds. It is asked after errors of the kinds `FALLS_BACK`.
    """

    timeout_ms: int | None = None
    attempts: int = 1
    pause_ms: int = 100
    fallback: str | None = None

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.pause_ms < 0 or (self.timeout_ms is not None and self.timeout_ms < 1):
            raise ValueError("a timeout and attempts are 1 at least, a pause is 0 at least")

    def call(
        self, found: Capability, arguments: list[Any], *,
        sleep: Callable[[float], None] = time.sleep, draw: Callable[[], float] = random.random,
    ) -> Any:  # fmt: skip
        """What the capability answers. Raises the error of the last attempt."""
        attempt = 1
        while True:
            try:
                return self._attempt(found, arguments)
            except RtfsError as error:
                if error.kind not in PASSING or attempt >= self.attempts:
                    raise
            sleep(draw() * min(self.pause_ms * 2.0 ** min(attempt - 1, _DOUBLINGS), _LONGEST_PAUSE_MS) / 1000)
            attempt += 1

    def _attempt(self, found: Capability, arguments: list[Any]) -> Any:
        if self.timeout_ms is None or any(map(has_function, arguments)):
            return found.invoke(arguments)
        from runtime.asynchronous import THREADS, Call

        call = Call(found.invoke, (arguments,), copy_context())
        THREADS.run(call.run)
        try:
            return call.future.result(min(self.timeout_ms / 1000, TIMEOUT_MAX))
        except NoAnswer:
            if call.future.done():  # of the capability itself, or it has just answered
                return call.future.result()
            late = host_error(
                "ResourceError", f"Resource error: {found.id}: no answer within {self.timeout_ms} ms",
                {Keyword("capability"): found.id},
            )  # fmt: skip
            call.stop(late)
            raise late from None


def has_function(value: Any) -> bool:
    left = [value]
    while left:
        item = left.pop()
        if callable(item):
            return True
        if isinstance(item, (list, tuple, List)):
            left.extend(item)
        elif isinstance(item, dict):
            left.extend(item.values())
    return False


def read_handling(text: str) -> Mapping[str, Handling]:
    """From TOML: a table for each capability. Raises ValueError that names what is wrong."""
    import tomllib

    found: dict[str, Handling] = {}
    for id, given in tomllib.loads(text).items():
        if not isinstance(given, dict):
            raise ValueError(f'{id}: expected a table, ["{id}"]')
        unknown = sorted(set(given) - set(_KEYS))
        if unknown:
            raise ValueError(f"{id}: unknown key {unknown[0]}; there are {', '.join(_KEYS)}")
        for key, value in given.items():
            if isinstance(value, bool) or not isinstance(value, str if key == "fallback" else int):
                raise ValueError(f"{id}: {key} is {'an id' if key == 'fallback' else 'a whole number'}")
        try:
            found[id] = Handling(**{key.replace("-", "_"): value for key, value in given.items()})
        except ValueError as error:
            raise ValueError(f"{id}: {error}") from None
    check_fallbacks(found)
    return found


def check_fallbacks(handling: Mapping[str, Handling]) -> None:
    """Raises ValueError for capabilities that stand in for each other."""
    for start in handling:
        seen, at = {start}, handling[start].fallback
        while at is not None:
            if at in seen:
                raise ValueError(f"{start}: its fallbacks come back to {at}")
            seen.add(at)
            at = handling[at].fallback if at in handling else None
