"""Where the parts of a form start a line when it does not stand on one, as data for the formatter.

Three shapes: a *call* aligns its arguments below the first one, a *body* form indents by two what comes
after its head, *data* aligns its items below the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from rtfsc.syntax.cst import Group, Leaf, Node, Prefix, is_comment, is_glued

Starts = Callable[[Sequence[Node]], list[int]]
"""Positions, among the forms of a group, of those that start a line."""


class Style(NamedTuple):
    """``offset``: indentation behind the bracket. ``aligned``: items stand below the first argument if it
    is beside the head. ``always``: what starts a line unless the group is on one; ``wide``: what also does
    where the group was written on one line that is too long. ``bindings``: its second form is pairs."""

    always: Starts
    wide: Starts
    offset: int = 0
    aligned: bool = False
    bindings: bool = False


def style_of(group: Group, is_bindings: bool) -> Style:
    if is_bindings:
        return _BINDINGS
    if group.opener == "{":
        return _MAP
    forms = forms_of(group)
    if group.opener == "[":
        return _TABLE if any(not isinstance(form, Leaf) for form in forms) else _FILLED
    head = forms[0] if forms else None
    if not isinstance(head, Leaf) or is_comment(group.items[0]):
        return _TABLE
    if head.kind == "SYMBOL":
        return _STYLES.get(head.text, _CALL)
    return _CALL if head.kind == "KEYWORD" else _FILLED


def forms_of(group: Group) -> list[Node]:
    return [item for item in group.items if not is_comment(item)]


def line_starts(group: Group, style: Style) -> set[int]:
    """Positions of the items that start a line, for a group that does not fit on one."""
    places = [at for at, item in enumerate(group.items) if not is_comment(item)]
    forms = [group.items[at] for at in places]
    starts = style.always(forms)
    if group.width is not None:
        starts = starts + style.wide(forms)
    return {places[at] for at in starts if at < len(places) and not is_glued(forms[at])}


def _none(forms: Sequence[Node]) -> list[int]:
    return []


def _every(first: int, step: int = 1) -> Starts:
    def starts(forms: Sequence[Node]) -> list[int]:
        return list(range(first, len(forms), step))

    return starts


def _last(forms: Sequence[Node]) -> list[int]:
    return [len(forms) - 1]


def _bindings(forms: Sequence[Node]) -> list[int]:
    """``name value``, ``name : T value``, ``name:T value`` or ``name :int value`` groups."""
    starts, at = [], 0
    while at < len(forms):
        starts.append(at)
        at += 1
        if at < len(forms) and _is_colon(forms[at]):
            at += 2
        elif at + 1 < len(forms) and (is_glued(forms[at]) or _is_type_keyword(forms[at])):
            at += 1
        while at < len(forms) and _is_mark(forms[at]):
            at += 1
        at += 1
    return starts


def _clauses(forms: Sequence[Node]) -> list[int]:
    """``pattern body`` and ``pattern when guard body`` behind the value of a match."""
    starts, at = [], 2
    while at < len(forms):
        starts.append(at)
        guarded = at + 1 < len(forms) and _is_symbol(forms[at + 1], "when")
        at += 4 if guarded else 2
    return starts


def _function(forms: Sequence[Node]) -> list[int]:
    """The doc and what follows it, and the body behind parameters and result type."""
    vector = next((at for at, form in enumerate(forms) if at and _is_vector(form)), None)
    if vector is None:
        return list(range(2, len(forms)))
    starts = []
    if vector > 2 and isinstance(forms[2], Leaf) and forms[2].kind == "STRING":
        starts = [2, 3]
    body = vector + 1
    if body < len(forms) and _is_colon(forms[body]):
        body += 2
    elif body + 1 < len(forms) and (is_glued(forms[body]) or _is_type_keyword(forms[body])):
        body += 1
    while body < len(forms) and _is_mark(forms[body]):
        body += 1
    return [*starts, *range(body, len(forms))]


def _is_vector(form: Node) -> bool:
    while isinstance(form, Prefix):
        form = form.items[-1]
    return isinstance(form, Group) and form.opener == "["


def _is_symbol(form: Node, name: str) -> bool:
    return isinstance(form, Leaf) and form.text == name


def _is_colon(form: Node) -> bool:
    return _is_symbol(form, ":")


def _is_mark(form: Node) -> bool:
    """The ``?`` of an optional type that ends in a bracket."""
    return is_glued(form) and _is_symbol(form, "?")


_TYPE_KEYWORDS: Final = frozenset(
    f":{name}" for name in ("int", "float", "string", "bool", "nil", "keyword", "symbol", "any", "never")
)


def _is_type_keyword(form: Node) -> bool:
    """Whether a keyword after a blank is rather a type than a value; a wrong guess costs beauty alone."""
    return isinstance(form, Leaf) and form.text.lower().rstrip("?") in _TYPE_KEYWORDS


def _body(head: int, *, bindings: bool = False) -> Style:
    """The ``head`` forms after the name stand beside it, all others on lines of their own."""
    return Style(_every(head + 1), _none, offset=1, bindings=bindings)


_CALL: Final = Style(_none, _every(2), aligned=True)
_TABLE: Final = Style(_none, _every(1))
_FILLED: Final = Style(_none, _none)
_MAP: Final = Style(_none, _every(2, 2))
_BINDINGS: Final = Style(_bindings, _none)
_STYLES: Final[dict[str, Style]] = {
    **dict.fromkeys(("do", "try", "finally", "step-parallel"), _body(0)),
    **dict.fromkeys(
        ("if", "when", "unless", "deftest", "module", "step", "step-if", "step-loop"),
        _body(1),
    ),
    **dict.fromkeys(("let", "loop", "for", "if-let", "when-let", "dotimes"), _body(1, bindings=True)),
    **dict.fromkeys(("defn", "defmacro", "declare", "fn", "λ"), Style(_function, _none, offset=1)),
    "catch": _body(2),
    "def": Style(_none, _last, offset=1),
    "defstruct": Style(_every(2, 2), _none, offset=1),
    "case": Style(_every(2, 2), _none, offset=1),
    "match": Style(_clauses, _none, offset=1),
    "cond": Style(_every(3, 2), _none, offset=1, aligned=True),
    "hash-map": Style(_none, _every(3, 2), aligned=True),
    "assoc": Style(_none, _every(2, 2), aligned=True),
}
