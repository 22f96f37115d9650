"""What is asked of a model, what it answers, and the protocol of those who know how to ask it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Role = Literal["system", "user", "assistant"]
StopReason = Literal["stop", "length", "refusal", "tool"]
_VERSION = "rtfsc.request.1"


class Message(NamedTuple):
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    ``temperature`` 0 asks for the likeliest answer; above it, ``seed`` makes it repeatable where the model
    can. ``max_tokens``: of the answer. ``grammar``: GBNF that the answer must match, ``schema``: a JSON
    Schema (as text) that it must fit, for providers that can enforce them. ``tools``: as JSON texts.

    What follows takes no part in equality or in `key`. ``timeout``: seconds for the whole answer. For caches:
    ``core``: the part that may be said in other words and mean the same (None: not known, "": none);
    ``accept``: whether an answer is of use; others are not kept.
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float = 0.0
    max_tokens: int = 512
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    grammar: str | None = None
    schema: str | None = None
    tools: tuple[str, ...] = ()
    timeout: float = field(default=60.0, compare=False)
    core: str | None = field(default=None, compare=False)
    accept: Callable[[Response], bool] | None = field(default=None, compare=False, repr=False)

    def key(self, revision: str) -> str:
        """SHA-256 over all that decides the answer, hex: the same on every machine. ``revision``: of the
        model, so that another model under the same name never answers for this one."""
        fields: list[Any] = [
            _VERSION, self.model, revision, [list(message) for message in self.messages],
            self.temperature.hex() if isinstance(self.temperature, float) else float(self.temperature).hex(),
            self.max_tokens, float(self.top_p).hex(), self.seed, list(self.stop), self.grammar, self.schema,
            list(self.tools),
        ]  # fmt: skip
        # JSON delimits every field, and the texts are escaped to ASCII: one request, one byte string.
        return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Response:
    """``model`` and ``revision``: who answered in fact. ``confidence`` 0 to 1, None where the model states
    none. ``seconds``: how long it took."""

    text: str
    model: str
    revision: str
    stop_reason: StopReason = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    confidence: float | None = None
    seconds: float = 0.0


class Health(NamedTuple):
    """``detail``: what is wrong, or what answered."""

    ok: bool
    detail: str


OnText = Callable[[str], None]
"""Told of the pieces of an answer as they come."""


class ModelProvider(Protocol):
    """Safe to use from several threads. Nothing is opened or loaded before the first `infer`."""

    id: str
    local: bool
    """Whether what is asked stays on this machine."""

    @property
    def revision(self) -> str:
        """Changes when the same request could be answered otherwise: digest of a model file, a version."""

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        """Raises `ProviderError`."""

    def capabilities(self) -> frozenset[str]:
        """Of ``chat``, ``stream``, ``grammar``, ``schema``, ``seed``, ``embed``, ``classify``."""

    def cost_per_call(self) -> float:
        """A typical call, in the currency of the budgets; 0 on this machine."""

    def health(self) -> Health: ...

    def close(self) -> None: ...
