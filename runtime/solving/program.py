"""The program in a model's answer, reduced to its definitions.

Nothing that a model says in prose is published: comments and docs are dropped, and the asked function gets
the task as its doc. Else an answer could say of itself that it does what it does not, to people, to later
searches by meaning, and to later models.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rtfsc.source import SourceFile

if TYPE_CHECKING:
    from rtfsc.syntax.forms import Form, List
    from runtime.solving.task import Task

MOST_TEXT: Final = 32 << 10
"""Code points of a program."""
_FENCE: Final = "```"
_MACROS: Final = "defmacro"
_ALLOWED: Final = ("defn", "def")


class Unfit(Exception):
    """What is wrong with the answer, for the model."""


def code_in(answer: str) -> str:
    """The program: what stands between fences (the longest of several), else from the first bracket to the
    last. Raises `Unfit`."""
    fenced = [body for body in _fenced(answer) if "(" in body]
    text = max(fenced, key=len) if fenced else _bracketed(answer)
    if not text.strip():
        raise Unfit("The answer has no program in it. Answer with the definition alone.")
    if len(text) > MOST_TEXT:
        raise Unfit(f"The program has {len(text)} characters; at most {MOST_TEXT} are allowed.")
    return text.strip() + "\n"


def _fenced(answer: str) -> Iterator[str]:
    """What stands between fences, the last perhaps without an end. Each character is looked at once: an
    answer may be long, and made to keep us busy."""
    fence = answer.find(_FENCE)
    while fence >= 0:
        begin = answer.find("\n", fence)
        if begin < 0:
            return
        end = answer.find(_FENCE, begin)
        yield answer[begin + 1 : end if end >= 0 else None]
        fence = -1 if end < 0 else answer.find(_FENCE, end + len(_FENCE))


def _bracketed(answer: str) -> str:
    """To the end where nothing is closed: then the reader says so."""
    start, end = answer.find("("), answer.rfind(")")
    return "" if start < 0 else answer[start : end + 1 if end > start else None]


def definitions(forms: list[Form], task: Task) -> str:
    """The text of the definitions alone, the asked one with the task as its doc. Raises `Unfit` for
    anything but definitions."""
    from rtfsc.syntax.format import format_source
    from rtfsc.syntax.printer import print_forms

    if _MACROS in print_forms(forms):  # they run while a program is compiled, wherever they stand
        raise Unfit("The program must not define macros.")
    kept = [_bare(form, task) for form in forms]
    if not any(_name(form) == task.name for form in kept):
        raise Unfit(f"The program does not define {task.name}. The signature is {task.signature}.")
    return format_source(SourceFile("<program>", print_forms(kept)))


def _bare(form: Form, task: Task) -> List:
    from rtfsc.ir.types import STR
    from rtfsc.syntax.forms import List, Literal, Symbol
    from rtfsc.syntax.printer import print_form

    head = form.items[0] if isinstance(form, List) and form.items else None
    if not isinstance(form, List) or not isinstance(head, Symbol) or head.name not in _ALLOWED:
        raise Unfit(f"Only defn and def may stand at the top level, not: {print_form(form):.200}")
    items = [_plain(item) for item in form.items]
    if len(items) > 3 and isinstance(items[2], Literal) and items[2].kind == STR:
        del items[2]
    bare = List(items, form.span)
    if task.doc and _name(bare) == task.name:
        items.insert(2, Literal(STR, task.doc, form.span))
    return bare


def _plain(form: Form) -> Form:
    """Without metadata, which may hold a doc too."""
    from rtfsc.syntax.forms import Meta

    while isinstance(form, Meta):
        form = form.form
    return form


def _name(form: List) -> str:
    from rtfsc.syntax.forms import Symbol

    return form.items[1].name if len(form.items) > 1 and isinstance(form.items[1], Symbol) else ""
