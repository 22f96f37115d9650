"""The protocol of arbiters: requests and answers of models as JSON (docs/models.md, "Arbiters")."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

from runtime.providers import errors
from runtime.providers.base import Message, Request, Response, Role, StopReason
from runtime.providers.errors import ProviderError, Unavailable

VERSION = 1
TENANT = "rtfsc-tenant"
STREAM = "application/x-ndjson"
STATUS = {
    "LM001": 404, "LM002": 500, "LM003": 503, "LM004": 504, "LM005": 502, "LM006": 502, "LM007": 422,
    "LM008": 502,
}  # fmt: skip
"""HTTP status by the code of an error."""
_KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ProviderError) and kind is not errors.AnswerError
}
_ROLES, _STOPS = get_args(Role), get_args(StopReason)


def request_json(request: Request) -> dict[str, Any]:
    """Without what is for caches on this side alone."""
    fields = asdict(request)
    del fields["accept"]
    return fields


def read_request(data: Any) -> Request:
    """Raises ValueError for anything that is not a whole request."""
    fields = _table(data, "request")
    kinds: dict[str, tuple[type, ...]] = {
        "model": (str,), "temperature": (int, float), "max_tokens": (int,), "top_p": (int, float),
        "seed": (int, type(None)), "grammar": (str, type(None)), "schema": (str, type(None)),
        "timeout": (int, float), "core": (str, type(None)),
    }  # fmt: skip
    known = kinds.keys() | {"messages", "stop", "tools"}
    if unknown := fields.keys() - known:
        raise ValueError(f"no field {sorted(unknown)[0]!r}")
    made: dict[str, Any] = {name: _field(fields, name, kinds[name]) for name in kinds if name in fields}
    for name in ("stop", "tools"):
        made[name] = tuple(_texts(fields.get(name, []), name))
    made["messages"] = tuple(_message(message) for message in _list(fields.get("messages"), "messages"))
    if "model" not in made or not made["messages"]:
        raise ValueError("a request needs a model and messages")
    request = Request(**made)
    _check_numbers(request)
    return request


def _check_numbers(request: Request) -> None:
    inside = (
        0 <= request.temperature <= 10 and 0 < request.top_p <= 1 and 0 < request.max_tokens <= 1 << 20
        and 0 < request.timeout < 1e6 and -(1 << 63) <= (request.seed or 0) < 1 << 63
    )  # fmt: skip
    if not inside:
        raise ValueError("temperature, top_p, max_tokens, seed or timeout is out of range")


def _message(data: Any) -> Message:
    pair = _list(data, "a message")
    if len(pair) != 2 or pair[0] not in _ROLES or not isinstance(pair[1], str):
        raise ValueError("a message is [role, text]")
    return Message(pair[0], pair[1])


def read_response(data: Any, seconds: float) -> Response:
    """Raises ValueError."""
    fields = _table(data, "response")
    kinds: dict[str, tuple[type, ...]] = {
        "text": (str,), "model": (str,), "revision": (str,), "stop_reason": (str,), "input_tokens": (int,),
        "output_tokens": (int,), "confidence": (int, float, type(None)),
    }  # fmt: skip
    made: dict[str, Any] = {name: _field(fields, name, kind) for name, kind in kinds.items()}
    if made["stop_reason"] not in _STOPS:
        raise ValueError("no such stop_reason")
    if made["input_tokens"] < 0 or made["output_tokens"] < 0 or not 0 <= (made["confidence"] or 0) <= 1:
        raise ValueError("tokens or confidence out of range")
    return Response(**made, seconds=seconds)


def error_json(error: ProviderError) -> dict[str, Any]:
    """Hints are for those who set the server up, and stay there; so do messages about its files."""
    message = "is not set up rightly on the server" if error.code == "LM002" else error.message
    data: dict[str, Any] = {"code": error.code, "message": message}
    if isinstance(error, Unavailable) and error.after is not None:
        data["after"] = error.after
    return {"error": data}


def read_error(id: str, data: Any) -> ProviderError | None:
    """None for what is no error of this protocol."""
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    kind = _KINDS.get(error.get("code", ""))
    if kind is None:
        return None
    message = " ".join(error["message"].split())[:300]
    if kind is Unavailable:
        after = error.get("after")
        return Unavailable(id, message, after=float(after) if isinstance(after, (int, float)) else None)
    return kind(id, message)


def _table(data: Any, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{what} must be an object")
    return data


def _list(data: Any, what: str) -> list[Any]:
    if not isinstance(data, list):
        raise ValueError(f"{what} must be an array")
    return data


def _texts(data: Any, what: str) -> list[str]:
    found = _list(data, what)
    if not all(isinstance(item, str) for item in found):
        raise ValueError(f"{what} must be texts")
    return found


def _field(fields: dict[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    value = fields.get(name)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ValueError(f"{name} is missing or of a wrong type")
    return value
