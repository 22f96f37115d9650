"""Programs that know the examples instead of doing the task.

Two signs together: the arguments and results of all shown examples stand in the program as literals, and on
other arguments it always gives the same.  A table may be what the task wants (names of months), so this
alone refuses nothing where an example that was kept back is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from runtime.store.agreement import Answer, ask, release, text_of
from runtime.store.inputs import NotGenerable, argument_lists

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from rtfsc.syntax.forms import Form
    from runtime.solving.task import Task

_INPUTS: Final = 32
_ENOUGH: Final = 8
"""Other arguments on which the same result is telling."""
_SPENT: Final = 3
"""Calls that run into a limit before no more are made."""


def listed(task: Task, compilation: Compilation, function: Callable[..., Any]) -> str:
    """What is suspicious about the program, "" if nothing is."""
    export = next(e for e in compilation.unoptimised.exports if e.name == task.name)
    if not task.shown or not export.params:
        return ""
    outcomes = _outcomes(task, export, function)
    distinct = set(outcomes)
    if len(distinct) > 1:
        return ""
    usual = distinct if len(outcomes) >= _ENOUGH else set()
    if usual == {_text(example.result) for example in task.examples}:
        return "The program gives the same whatever it is asked. Its result must depend on its arguments."
    literals = {_text(value) for form in compilation.forms for value in _literals(form)}
    if all(_text(e.result) in usual or _atoms((*e.arguments, e.result)) <= literals for e in task.shown):
        return ("The program lists the examples and gives the same for all other arguments. "
                "It must do what the task says for all arguments.")  # fmt: skip
    return ""


def _outcomes(task: Task, export: Any, function: Callable[..., Any]) -> list[str]:
    try:
        lists = argument_lists(export.param_types, export.rest, f"table:{task.name}", _INPUTS)
    except NotGenerable:
        return []
    known = {_text(list(example.arguments)) for example in task.examples}
    found: list[str] = []
    spent = 0
    for arguments in lists:
        if _text(list(arguments)) in known:
            continue
        answer = ask(function, arguments)
        try:
            if answer.limited:
                spent += 1
                if spent == _SPENT:
                    break
                continue
            found.append(_outcome(answer))
        finally:
            release(answer.value)
    return found


def _outcome(answer: Answer) -> str:
    return f"error {answer.error[0]}" if answer.error is not None else _text(answer.value)


def _text(value: Any) -> str:
    try:
        return text_of(float(value) if type(value) is int else value)  # 1 is as good as 1.0
    except (TypeError, OverflowError):
        return "?"


def _atoms(value: Any) -> set[str]:
    from runtime.values import List

    if isinstance(value, (list, tuple, List)):
        return {atom for item in value for atom in _atoms(item)}
    if isinstance(value, dict):
        return {atom for item in value.values() for atom in _atoms(item)}
    return {_text(value)}


def _literals(form: Form) -> Iterator[Any]:
    """Values of the literals and keywords in a form, docs left out."""
    from rtfsc.ir.types import BOOL, FLOAT, INT, NIL, STR
    from rtfsc.syntax import forms as F
    from runtime.values import Keyword

    left: list[Any] = [form]
    while left:
        item = left.pop()
        if isinstance(item, F.Literal):
            if item.kind in (BOOL, FLOAT, INT, NIL, STR):
                yield item.value
        elif isinstance(item, F.Keyword):
            yield Keyword(item.name)
        elif isinstance(item, F.Map):
            left.extend(part for pair in item.pairs for part in pair)
        elif isinstance(item, F.Meta):
            left.append(item.form)
        elif not isinstance(item, F.Symbol):
            left.extend(item.items)
