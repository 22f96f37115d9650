"""Built-in capabilities. Each is made when it is granted; some only for a scope: ``ID=SCOPE``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from runtime.host.capability import Capability, capability, host_error
from runtime.values.atoms import Keyword

State: TypeAlias = dict[Any, Any]
"""What the key-value capabilities of one policy share."""
Maker: TypeAlias = Callable[[str | None, State], Callable[..., Any]]


def _text(values: tuple[Any, ...]) -> str:
    from runtime.printing import printed

    return " ".join(v if isinstance(v, str) else printed(v) for v in values)


def _console(end: str, usual: str) -> Maker:
    def make(scope: str | None, state: State) -> Callable[..., Any]:
        name = scope or usual
        if name not in ("stdout", "stderr"):
            raise ValueError(f"no stream {name}; there are stdout and stderr")

        def write(*values: Any) -> None:
            """Writes the values, with blanks between them. The scope is the stream."""
            print(_text(values), end=end, file=getattr(sys, name), flush=True)

        return write

    return make


def _clock(scope: str | None, state: State) -> Callable[..., Any]:
    import time

    def current_timestamp_ms() -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    return current_timestamp_ms


def _sleep(scope: str | None, state: State) -> Callable[..., Any]:
    import time

    def sleep_ms(milliseconds: int) -> None:
        """Waits."""
        time.sleep(max(0, milliseconds) / 1000)

    return sleep_ms


def _random(scope: str | None, state: State) -> Callable[..., Any]:
    from random import Random, SystemRandom

    # Without a seed: children of a fork draw numbers of their own.
    generator = Random(int(scope)) if scope else SystemRandom()

    def random(low: int, high: int) -> int:
        """An integer from low to high, both inclusive. The scope is the seed."""
        if low > high:
            raise host_error("InvalidArgument", f"Invalid argument: no integer from {low} to {high}")
        return generator.randint(low, high)

    return random


def _get_env(scope: str | None, state: State) -> Callable[..., Any]:
    import os

    allowed = None if scope in (None, "*") else frozenset((scope or "").split(","))

    def get_env(name: str) -> str | None:
        """The value of an environment variable, nil if it is not set. The scope names those allowed."""
        if allowed is not None and name not in allowed:
            raise refused("ccos.system.get-env", name)
        return os.environ.get(name)

    return get_env


def _echo(scope: str | None, state: State) -> Callable[..., Any]:
    def llm_execute(request: dict[str, Any]) -> str:
        """The model ``echo-model`` answers the prompt; there is no other one built in."""
        given = {getattr(key, "name", key): value for key, value in request.items()}
        if given.get("model") != "echo-model":
            raise host_error("HostError", f"Host error: no model {given.get('model')}")
        return str(given.get("prompt", ""))

    return llm_execute


def _files(part: str) -> Maker:
    def make(scope: str | None, state: State) -> Callable[..., Any]:
        from runtime.host.files import Files

        function: Callable[..., Any] = getattr(Files(scope), part)
        return function

    return make


def _http(scope: str | None, state: State) -> Callable[..., Any]:
    from runtime.host.http import fetcher

    return fetcher(scope)


def _kv(part: str) -> Maker:
    def make(scope: str | None, state: State) -> Callable[..., Any]:
        def get(key: Any) -> Any:
            """The value of a key, nil if there is none."""
            return state.get(_key(key))

        def put(key: Any, value: Any) -> None:
            """Sets the value of a key."""
            state[_key(key)] = value

        return get if part == "get" else put

    return make


def _key(key: Any) -> Any:
    if not isinstance(key, (str, int, Keyword)):
        raise host_error("InvalidArgument", "Invalid argument: a key is a keyword, string or integer")
    return key


BUILT_IN: Final[dict[str, tuple[Maker, bool]]] = {
    "ccos.io.println": (_console("\n", "stdout"), False),
    "ccos.io.print": (_console("", "stdout"), False),
    "ccos.io.log": (_console("\n", "stderr"), False),
    "ccos.io.file-exists": (_files("exists"), True),
    "ccos.io.read-file": (_files("read"), True),
    "ccos.io.read-lines": (_files("lines"), True),
    "ccos.io.write-file": (_files("write"), True),
    "ccos.system.current-timestamp-ms": (_clock, False),
    "ccos.system.sleep-ms": (_sleep, False),
    "ccos.system.random": (_random, False),
    "ccos.system.get-env": (_get_env, True),
    "ccos.network.http-fetch": (_http, True),
    "ccos.state.kv.get": (_kv("get"), False),
    "ccos.state.kv.put": (_kv("put"), False),
    "ccos.ai.llm-execute": (_echo, False),
}
"""By id: what makes the function, and whether it needs a scope."""

NETWORK: Final = ("ccos.network.http-fetch",)
"""Those that are refused to an offline process."""


def built_in(grant: str, state: State) -> Capability:
    """The capability that ``ID`` or ``ID=SCOPE`` grants; those of one ``state`` share it.

    Raises ValueError."""
    id, equals, scope = grant.partition("=")
    found = BUILT_IN.get(id)
    if found is None:
        raise ValueError(f"no built-in capability {id}; there are {', '.join(BUILT_IN)}")
    if found[1] and not scope:
        raise ValueError(f"{id} is granted for a scope only: {id}=SCOPE")
    return _made(id, scope if equals else None, state)


def unbounded(id: str, state: State) -> Capability:
    """A built-in capability without a bound."""
    return _made(id, None, state)


def _made(id: str, scope: str | None, state: State) -> Capability:
    return capability(id)(BUILT_IN[id][0](scope, state))


def refused(id: str, what: str) -> Exception:
    """Granted, but not for this."""
    data = {Keyword("operation"): what, Keyword("capability"): id, Keyword("context"): "granted scope"}
    return host_error("SecurityViolation", f"Security violation: {what} on {id} in granted scope", data)
