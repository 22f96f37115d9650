"""What a model is asked for: the task, and in later rounds what was wrong with its last answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runtime.providers.coding import Round, code_request

if TYPE_CHECKING:
    from runtime.providers.base import ModelProvider, Request
    from runtime.solving.task import Task

_DEPTH: Final = 5
"""Of expressions in one another, where a grammar is obeyed."""
_OTHER_WORDS: Final = 0.7
"""Temperature for a model that gives the same answer again."""


def request_for(task: Task, refused: Sequence[Round], provider: ModelProvider, timeout: float) -> Request:
    """Greedy, except where the last two answers were the same. A model that obeys a grammar gets one that
    lets nothing but a definition of the asked function through."""
    request = code_request(
        task.text, task.signature, [task.example_text(example) for example in task.shown], refused,
        model=provider.id, timeout=timeout,
        grammar=_grammar(task) if "grammar" in provider.capabilities() else None,
    )  # fmt: skip
    if len(refused) > 1 and refused[-1].answer == refused[-2].answer:
        request = replace(request, temperature=_OTHER_WORDS, seed=len(refused))
    return request


def _grammar(task: Task) -> str:
    """Of a definition of the asked function; of any program where its name or parameters cannot be said."""
    from rtfsc.gbnf import gbnf
    from rtfsc.signature import read_declaration

    declared = read_declaration(task.signature)
    names, types = [name for name, _ in declared.parameters], [type for _, type in declared.parameters]
    if declared.rest:
        names[-1] = f"& {names[-1]}"
    return gbnf(
        _DEPTH, closed=True, function=declared.name, parameters=names, annotations=types,
        result=declared.result,
    )  # fmt: skip


def transcript(request: Request) -> str:
    """For a person: all messages, the grammar by its size."""
    parts = [f"[{message.role}]\n{message.content}\n" for message in request.messages]
    settings = (
        f"model {request.model}, temperature {request.temperature:g}, at most {request.max_tokens} tokens"
    )
    grammar = f", a grammar of {len(request.grammar)} characters" if request.grammar else ""
    return f"[request]\n{settings}{grammar}\n\n" + "\n".join(parts)
