"""Makes forms: of a token when it is shifted, of parts when a rule of the grammar is reduced.

The names of the ``make_…`` methods are those in ``grammar.lark``. Brackets and prefixes arrive as spans.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rtfsc.diagnostics import Sink
from rtfsc.ir import types
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector

INT_MAX: Final = (1 << 63) - 1
INT_MIN: Final = -(1 << 63)
_MAX_DIGITS: Final = 19
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}
_MODES: Final = ("local", "local-model", "remote")

Token = Callable[[str, Span], Form]


class Unread(Symbol):
    """Stands where a form is missing or could not be read; an error has been reported."""

    __slots__ = ()


class Builder:
    """``tokens`` has the maker of each terminal that is a form by itself."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.tokens: dict[str, Token] = {
            "NIL": lambda text, span: Literal(types.NIL, None, span),
            "TRUE": lambda text, span: Literal(types.BOOL, True, span),
            "FALSE": lambda text, span: Literal(types.BOOL, False, span),
            "INT": self.make_int,
            "FLOAT": lambda text, span: Literal(types.FLOAT, float(text), span),
            "INF": lambda text, span: Literal(types.FLOAT, float("inf"), span),
            "NEG_INF": lambda text, span: Literal(types.FLOAT, float("-inf"), span),
            "NAN": lambda text, span: Literal(types.FLOAT, float("nan"), span),
            "STRING": make_string,
            "TIMESTAMP": lambda text, span: Literal(types.TIMESTAMP, text, span),
            "UUID": lambda text, span: Literal(types.UUID, text, span),
            "RESOURCE": lambda text, span: Literal(types.RESOURCE, text, span),
            "SYMBOL": Symbol,
            "KEYWORD": lambda text, span: Keyword(text[1:], span),
            "REST_ARGUMENT": Symbol,
            "AMPERSAND": Symbol,
            "COLON": Symbol,
            "DOT": Symbol,
        }

    def make_int(self, text: str, span: Span) -> Literal:
        if len(text) > _MAX_DIGITS:  # int() takes texts of 4300 digits at most
            digits = text.lstrip("+-").lstrip("0")[: _MAX_DIGITS + 1] or "0"
            text = f"-{digits}" if text[0] == "-" else digits
        value = int(text)
        if not INT_MIN <= value <= INT_MAX:
            self.sink.error(
                "S009",
                "Integer out of range",
                span,
                hint=f"integers have 64 bits, {INT_MIN} to {INT_MAX}; write .0 after it for a float",
            )
            value = 0
        return Literal(types.INT, value, span)

    def make_list(self, *parts: Span | list[Form]) -> List:
        return List(*_bracketed(parts))

    def make_vector(self, *parts: Span | list[Form]) -> Vector:
        return Vector(*_bracketed(parts))

    def make_short_fn(self, *parts: Span | list[Form]) -> ShortFn:
        return ShortFn(*_bracketed(parts))

    def make_map(self, *parts: Span | list[Form]) -> Map:
        items, span = _bracketed(parts)
        colon = next((item for item in items if _names(item, ":")), None)
        if colon is not None:
            self._refuse_colon(items, colon)
            return Map([], span)
        marked = any(_names(item, "?") for item in items[2::2])
        if not marked:
            for key in items[::2]:
                self._check_key(key)
        elif len(items) % 2:
            items.append(items[-1])
        if len(items) % 2:
            self.sink.error(
                "S010",
                "Map with an odd number of forms",
                items[-1].span,
                [(span, "in this map")],
                "the last key has no value: a map is written {key value …}",
            )
        return Map(list(zip(items[::2], items[1::2], strict=False)), span)

    def _refuse_colon(self, items: list[Form], colon: Form) -> None:
        """``{a: 1}`` or ``{"a": 1}``, as other languages write maps."""
        position = items.index(colon)
        key = items[position - 1] if position else None
        hint = "no colon stands between a key and its value"
        if isinstance(key, Symbol) and not isinstance(key, Unread):
            hint += f": write {{:{key.name} value}}"
        elif isinstance(key, Literal) and key.kind == types.STR:
            hint += ': write {"key" value}'
        self.sink.error("S014", "Unexpected : in a map", colon.span, hint=hint)

    def _check_key(self, key: Form) -> None:
        if isinstance(key, Keyword | Symbol):
            return
        if isinstance(key, Literal) and key.kind & (types.STR | types.INT):
            return
        if isinstance(key, List) and key.items and _names(key.items[0], "unquote", "unquote-splicing"):
            return
        hint = "map keys are keywords, strings and integers"
        self.sink.error("S011", f"{_described(key)} cannot be a map key", key.span, hint=hint)

    def make_quote(self, mark: Span, form: Form) -> List:
        return _prefixed("quote", mark, form)

    def make_quasiquote(self, mark: Span, form: Form) -> List:
        return _prefixed("quasiquote", mark, form)

    def make_unquote(self, mark: Span, form: Form) -> List:
        return _prefixed("unquote", mark, form)

    def make_unquote_splicing(self, mark: Span, form: Form) -> List:
        return _prefixed("unquote-splicing", mark, form)

    def make_context_ref(self, mark: Span, form: Form) -> List:
        if not isinstance(form, Symbol | Keyword):  # an Unread is a Symbol
            self.sink.error(
                "S016",
                f"@ must be followed by a name or a keyword, not {_described(form)}",
                form.span,
                hint="@name reads a value of the host's context; there is no deref: RTFS has no atoms",
            )
        return _prefixed("context-ref", mark, form)

    def make_meta(self, mark: Span, meta: Form, form: Form) -> Meta:
        span = Span(mark.start, form.span.end)
        if isinstance(meta, Map):
            return Meta(meta, form, span)
        if isinstance(meta, Keyword):
            return Meta(Map([(meta, Literal(types.BOOL, True, meta.span))], meta.span), form, span)
        if isinstance(meta, Unread):
            return Meta(Map([], meta.span), form, span)
        message = f"^ must be followed by a map or a keyword, not {_described(meta)}"
        self.sink.error("S015", message, meta.span, hint="write ^{:key value} form")
        return Meta(Map([], meta.span), form, span)

    def make_delegation(self, mark: Span, mode: Form, *model_and_form: Form) -> Meta:
        form = model_and_form[-1]
        key = Keyword("delegation", Span(mark.start + 1, mark.end))
        value: Form = mode
        if len(model_and_form) == 2:
            model = model_and_form[0]
            value = Vector([mode, model], Span(mode.span.start, model.span.end))
        if not (isinstance(mode, Unread) or (isinstance(mode, Keyword) and mode.name in _MODES)):
            self.sink.error(
                "S015",
                f"^:delegation must be followed by :local, :local-model or :remote, not {_described(mode)}",
                mode.span,
            )
        elif _is_local(mode) and value is not mode:
            self.sink.error("S015", "^:delegation :local takes no model name", value.span)
        meta = Map([(key, value)], Span(mark.start, value.span.end))
        return Meta(meta, form, Span(mark.start, form.span.end))


def make_string(text: str, span: Span) -> Literal:
    body = text[1:-1]
    if "\\" in body:
        body = _ESCAPE.sub(lambda match: _ESCAPED[match[1]], body)
    return Literal(types.STR, body, span)


def _bracketed(parts: tuple[Span | list[Form], ...]) -> tuple[list[Form], Span]:
    """``opener, items, closer`` or ``opener, closer``."""
    items = parts[1] if len(parts) == 3 else []
    return items, Span(parts[0].start, parts[-1].end)  # type: ignore[union-attr, return-value]


def _prefixed(name: str, mark: Span, form: Form) -> List:
    return List([Symbol(name, mark), form], Span(mark.start, form.span.end))


def _names(form: Form, *names: str) -> bool:
    return isinstance(form, Symbol) and form.name in names


_KINDS: Final = {
    types.NIL: "nil",
    types.BOOL: "a boolean",
    types.INT: "an integer",
    types.FLOAT: "a float",
    types.STR: "a string",
    types.TIMESTAMP: "a timestamp",
    types.UUID: "a uuid",
    types.RESOURCE: "a resource handle",
}
_CLASSES: Final = {
    Symbol: "a symbol",
    Keyword: "a keyword",
    List: "a list",
    Vector: "a vector",
    Map: "a map",
    ShortFn: "a function",
    Meta: "a form with metadata",
}


def _is_local(mode: Form) -> bool:
    return isinstance(mode, Keyword) and mode.name == "local"


def _described(form: Form) -> str:
    """``a vector``, ``the symbol x``, …"""
    if isinstance(form, Literal):
        return _KINDS[form.kind]
    if isinstance(form, Symbol):
        return f"the symbol {form.name}"
    if isinstance(form, Keyword):
        return f"the keyword :{form.name}"
    return _CLASSES[type(form)]
