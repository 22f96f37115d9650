"""Where a form is a type (C49): ``name : T`` and ``name:T`` always, ``name :T`` only if T is a known type
and the rest still parses."""

from __future__ import annotations

from collections.abc import Container, Sequence

from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Symbol, Vector

PRIMITIVES = frozenset({"int", "float", "string", "bool", "nil", "keyword", "symbol", "any", "never"})
CONSTRUCTORS = frozenset(
    {
        "vector",
        "array",
        "tuple",
        "map",
        "record",
        "map-of",
        "dict",
        "fn",
        "=>",
        "enum",
        "val",
        "union",
        "and",
        "resource",
    }
)


class OptionalType:
    """``T?`` where T is no name: the mark directly follows the bracket."""

    __slots__ = ("form", "span")

    def __init__(self, form: Form) -> None:
        self.form, self.span = form, form.span


def is_colon(form: Form) -> bool:
    return type(form) is Symbol and form.name == ":"


def is_type_name(name: str, aliases: Container[str]) -> bool:
    """Whether ``Int``, ``int``, ``Int?`` or an alias."""
    plain = name[:-1] if name.endswith("?") and len(name) > 1 else name
    return plain in aliases or (plain.lower() in PRIMITIVES and plain in (plain.lower(), plain.capitalize()))


def is_known_type(form: Form, aliases: Container[str]) -> bool:
    """Whether a form after a blank may be taken as a type: a keyword with a known name."""
    return type(form) is Keyword and is_type_name(form.name, aliases)


def is_type_expression(form: Form, aliases: Container[str]) -> bool:
    """Whether a vector in a match pattern reads as a type all the way through."""
    if type(form) is not Vector or not form.items:
        return False
    head, *rest = form.items
    if type(head) is not Keyword or head.name not in CONSTRUCTORS:
        return False
    if head.name in ("enum", "val", "resource"):
        return bool(rest)
    if head.name in ("map", "record"):
        return all(_is_field(item, aliases) for item in rest)
    if head.name == "and":
        return len(rest) > 1 and _is_part(rest[0], aliases)
    if head.name == "array":
        return bool(rest) and _is_part(rest[0], aliases)
    if head.name in ("fn", "=>"):
        return len(rest) == 2 and type(rest[0]) is Vector
    return bool(rest) and all(_is_part(item, aliases) for item in rest)


def _is_part(form: Form, aliases: Container[str]) -> bool:
    if type(form) in (Symbol, Keyword):
        return is_type_name(form.name, aliases)  # type: ignore[union-attr]
    return is_type_expression(form, aliases) or (type(form) is Literal and form.value is None)


def _is_field(form: Form, aliases: Container[str]) -> bool:
    if type(form) is Map:
        parts = [part for pair in form.pairs for part in pair if not _is_mark(part)]
        return all(_is_part(part, aliases) for part in parts[1::2])
    return type(form) is Vector and len(form.items) in (2, 3) and _is_part(form.items[1], aliases)


def _is_mark(form: Form) -> bool:
    return type(form) is Symbol and form.name == "?"


def explicit_type(items: Sequence[Form], at: int) -> tuple[Form | OptionalType, int] | None:
    """The type written at ``items[at]`` as ``: T`` or, glued to the form before it, ``:T``; with the index
    after it. None if there is none there."""
    if at >= len(items):
        return None
    here = items[at]
    if is_colon(here):
        return _optional(items, at + 1) if at + 1 < len(items) else None
    glued = type(here) is Keyword and at > 0 and items[at - 1].span[1] == here.span[0]
    return (here, at + 1) if glued else None


def parameter_type(items: Sequence[Form], at: int) -> tuple[Form | OptionalType, int] | None:
    """As `explicit_type`; in a parameter list a keyword is always a type."""
    found = explicit_type(items, at)
    if found is None and at < len(items) and type(items[at]) is Keyword:
        return items[at], at + 1
    return found


def split_bindings(
    items: Sequence[Form], aliases: Container[str]
) -> list[tuple[Form, Form | OptionalType | None, Form]] | None:
    """``name [type] value`` groups of a binding vector; None if it does not parse.

    Whether ``:T`` after a name is a type depends on whether what follows still parses, so the choice is
    made from the end: ``good[i]`` says that ``items[i:]`` parse.
    """
    n = len(items)
    good = [False] * (n + 1)
    good[n] = True
    step: list[tuple[Form | OptionalType | None, int]] = [(None, 0)] * n
    for i in range(n - 2, -1, -1):
        if not _is_pattern(items[i]):
            continue
        typed = explicit_type(items, i + 1)
        if typed is None and is_known_type(items[i + 1], aliases) and i + 3 <= n and good[i + 3]:
            typed = items[i + 1], i + 2
        type_form, at = typed if typed is not None else (None, i + 1)
        if at < n and good[at + 1]:
            good[i], step[i] = True, (type_form, at)
    if not good[0]:
        return None
    groups: list[tuple[Form, Form | OptionalType | None, Form]] = []
    i = 0
    while i < n:
        type_form, at = step[i]
        groups.append((items[i], type_form, items[at]))
        i = at + 1
    return groups


def _is_pattern(form: Form) -> bool:
    return (type(form) is Symbol and form.name not in (":", "&")) or type(form) in (Vector, Map)


def _optional(items: Sequence[Form], at: int) -> tuple[Form | OptionalType, int]:
    form = items[at]
    mark = at + 1
    if type(form) in (Vector, List) and mark < len(items):
        after = items[mark]
        if type(after) is Symbol and after.name == "?" and after.span[0] == form.span[1]:
            return OptionalType(form), mark + 1
    return form, mark
