"""A call of a function, asked of a model: a typed value comes back, or a typed error.

::

    question = Question("classify", "Is it spam?", "(declare classify [text : String] : Bool)", ["Win now"])
    ask(question, model.infer, model.id).value
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from runtime.providers import prompt
from runtime.providers.answers import read_answer
from runtime.providers.base import Request, Response
from runtime.providers.coding import Round, code_request
from runtime.providers.declared import Misfit, Signature, type_of
from runtime.providers.errors import AnswerError, ProviderError, Refused
from runtime.values.errors import RtfsError

__all__ = ["Answer", "AnswerError", "Question", "Round", "Signature", "ask", "code_request", "request_of"]

Infer = Callable[[Request], Response]
_MOST = 1 << 20
"""Of the arguments, about in characters: no model reads more."""


@dataclass(frozen=True)
class Question:
    """One call. ``doc``: of the function; ``declaration``: its signature, or a text
    ``(declare name [a : T …] : R)``; ``arguments``: Python's view of RTFS values."""

    function: str
    doc: str
    declaration: Signature | str
    arguments: Sequence[Any]

    @cached_property
    def signature(self) -> Signature:
        given = self.declaration
        return Signature.read(given) if isinstance(given, str) else given

    def read(self, text: str) -> Any:
        """The value that a model's answer means. Raises `Misfit`."""
        return read_answer(text, type_of(self.signature.result))


@dataclass(frozen=True, slots=True)
class Answer:
    """``responses``: of the models, the last one is the answer."""

    value: Any
    responses: tuple[Response, ...]


def ask(
    question: Question,
    infer: Infer,
    model: str,
    *,
    capabilities: Collection[str] = (),
    max_tokens: int = 512,
    temperature: float = 0.0,
    timeout: float = 60.0,
) -> Answer:
    """Asks ``model`` by ``infer``; where the answer is not of the declared type, once more, with what is
    wrong. ``capabilities``: of the model, a grammar or a JSON Schema goes along where it can enforce one.
    ``timeout``: seconds of each of the two. A cache that reads through ``infer`` keeps what the request's
    ``accept`` approves: never an answer of a wrong type.

    Raises `AnswerError` after the second wrong answer, `Refused` for a call that cannot be asked about or
    that the model refuses, and whatever ``infer`` raises.
    """
    _askable(question, model)
    request = request_of(question, model, capabilities)
    request = replace(request, max_tokens=max_tokens, temperature=temperature, timeout=timeout)
    value, wrong, first = _once(question, infer, request)
    if wrong is None:
        return Answer(value, (first,))
    again = prompt.repair(request.messages, first.text, wrong, question.signature.result)
    value, wrong, second = _once(question, infer, replace(request, messages=again, core=""))
    if wrong is None:
        return Answer(value, (first, second))
    raise AnswerError(
        model, f"answered twice with no value of type {question.signature.result}: {wrong}", second.text
    )


def _once(question: Question, infer: Infer, request: Request) -> tuple[Any, str | None, Response]:
    """The value, or what is wrong; and the response."""
    try:
        response = infer(request)
    except (ProviderError, RtfsError):
        raise
    except Exception as error:  # a provider of somebody else
        raise ProviderError(request.model, f"failed with {type(error).__name__}: {error!s:.200}") from error
    value, wrong = _judged(question, response)
    return value, wrong, response


def _judged(question: Question, response: Response) -> tuple[Any, str | None]:
    if response.stop_reason == "refusal":
        said = " ".join(response.text.split())[:200]
        raise Refused(response.model, f"the model will not answer{': ' + said if said else ''}")
    if response.stop_reason == "length":
        return None, "the answer was cut off: it is too long"
    try:
        return question.read(response.text), None
    except Misfit as error:
        return None, str(error)


def _askable(question: Question, model: str) -> None:
    """Functions, errors and what else cannot be written down stay here; and what is too big for anybody."""
    from runtime.host.schema import kind_of

    todo, size = list(question.arguments), 0
    while todo:
        value = todo.pop()
        kind = kind_of(value)
        if kind in ("function", "error", "resource"):
            raise Refused(model, f"an argument of {question.function} holds a value of the kind {kind}",
                          hint="models can be asked about data alone")  # fmt: skip
        size += len(value) if kind == "string" else 1
        if size > _MOST:
            raise Refused(
                model, f"the arguments of {question.function} are more than {_MOST} characters long"
            )
        if isinstance(value, dict):
            todo += value.keys()
            todo += value.values()
        elif kind in ("vector", "list"):
            todo += value


def request_of(question: Question, model: str, capabilities: Collection[str] = ()) -> Request:
    """The first request of `ask`. Raises `Refused` for what is nested too deeply."""
    from runtime.providers.constraints import grammar_of, schema_of

    signature = question.signature
    grammar = grammar_of(signature.result) if "grammar" in capabilities else None
    schema = None
    if grammar is None and "schema" in capabilities:
        schema = schema_of(signature.result)
    try:
        data = prompt.shown(signature, question.arguments)
    except RecursionError:
        raise Refused(model, f"an argument of {question.function} is nested too deeply") from None
    asked = prompt.messages(question.function, question.doc, signature, data, json=schema is not None)
    core = prompt.core(question.arguments, data)

    def accept(response: Response) -> bool:
        return response.stop_reason == "stop" and _judged(question, response)[1] is None

    return Request(model, asked, grammar=grammar, schema=schema, core=core, accept=accept)
