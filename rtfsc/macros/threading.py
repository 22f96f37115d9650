"""``->`` and ``->>`` written out, for steps that are macro calls: these get the value as an argument."""

from __future__ import annotations

from rtfsc.syntax.forms import Form, Keyword, List, Symbol


def threaded(form: List, *, first: bool) -> Form | None:
    """The nested calls that the form stands for; None if it is malformed, which the builder reports."""
    value, *steps = form.items[1:]
    for step in steps:
        if type(step) in (Symbol, Keyword):
            value = List([step, value], step.span)
        elif type(step) is List and step.items:
            head, *args = step.items
            value = List([head, value, *args] if first else [head, *args, value], step.span)
        else:
            return None
    return value
