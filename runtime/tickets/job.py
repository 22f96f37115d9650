"""What a ticket asks for, and what came of it, as bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from runtime.chain.values import Encoded, decoded
from runtime.tickets.ticket import DONE, FAILED, TicketError
from runtime.trust.errors import TrustError
from runtime.values.errors import ErrorValue, RtfsError, error_class

T = TypeVar("T")
_FORM = 1


class BadJob(TicketError):
    """What a ticket holds is no job, or no result."""

    code = "TK004"


class BadCall(BadJob):
    """What is submitted cannot be called: nothing was left for anybody."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A call of ``function`` with ``arguments``, or with None for one the value of the program itself.
    ``source``: text of the program; ``stored``: instead of it, name or digest of a stored module; ``file``:
    what messages call it. Raises `BadCall` for arguments with functions in them."""

    function: str | None = None
    arguments: tuple[Any, ...] = ()
    source: str | None = None
    stored: str | None = None
    file: str = "<ticket>"

    def encode(self) -> bytes:
        return _json(
            {
                "form": _FORM, "function": self.function, "arguments": _value(list(self.arguments)),
                "source": self.source, "stored": self.stored, "file": self.file,
            }
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> Job:
        def read(found: dict[str, Any]) -> Job:
            if found["form"] != _FORM:
                raise BadJob(f"a job of form {found['form']}, this rtfsc knows {_FORM}")
            arguments = decoded(base64.b64decode(found["arguments"]))
            texts = [found[name] for name in ("function", "source", "stored", "file")]
            if not all(text is None or isinstance(text, str) for text in texts) or found["file"] is None:
                raise BadJob("not what this rtfsc has written: a name that is no text")
            if (found["source"] is None) == (found["stored"] is None):
                raise BadJob("a ticket is for a program, or for a stored module")
            function, source, stored, file = texts
            return cls(function, tuple(arguments), source, stored, file)

        return _read(data, read)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``value``, or the ``error``."""

    value: Any = None
    error: RtfsError | None = None

    @property
    def state(self) -> str:
        return DONE if self.error is None else FAILED

    def encode(self) -> bytes:
        if self.error is None:
            return _json({"value": _value(self.value)})
        error = self.error
        found = ErrorValue(error.kind, error.message, error.data, error.type)
        whole = Encoded(found)
        data = _value(found) if whole.whole else None
        return _json({"error": error.kind, "message": error.message, "data": data})

    @classmethod
    def decode(cls, data: bytes) -> Outcome:
        def read(found: dict[str, Any]) -> Outcome:
            if "value" in found:
                return cls(decoded(base64.b64decode(found["value"])))
            kind, message = str(found["error"]), str(found["message"])
            if found.get("data") is None:
                return cls(None, error_class(kind)(kind, message))
            value = decoded(base64.b64decode(found["data"]))
            return cls(None, error_class(kind)(kind, message, value.data, value.type))

        return _read(data, read)

    def take(self) -> Any:
        """The value; raises the error."""
        if self.error is not None:
            raise self.error
        return self.value


def failure(kind: str, message: str) -> Outcome:
    """A ticket that could not be run at all."""
    return Outcome(None, error_class(kind)(kind, message))


def _value(value: Any) -> str:
    found = Encoded(value)
    if not found.whole:
        raise BadCall("a value with a function in it cannot be sent elsewhere")
    return base64.b64encode(found.data).decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _read(data: bytes, read: Callable[[dict[str, Any]], T]) -> T:
    try:
        return read(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, TrustError) as error:
        raise BadJob(f"not what this rtfsc has written: {error!r}") from None
