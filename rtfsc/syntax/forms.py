"""Forms: what the reader makes of the text, before any meaning is given to it.

Reader macros are lists headed by a symbol, whose span is that of the mark:

====== ===========================
``'x``  ``(quote x)``
`` `x`` ``(quasiquote x)``
``~x``  ``(unquote x)``
``~@x`` ``(unquote-splicing x)``
``@x``  ``(context-ref x)``, x a symbol or keyword
====== ===========================

A colon that starts no keyword is ``Symbol(":")``. In ``x:T`` the symbol ends where the keyword
``:T`` starts; in ``x :T`` it does not.
"""

from __future__ import annotations

from typing import TypeAlias

from rtfsc.source import Span

__all__ = ["Form", "Keyword", "List", "Literal", "Map", "Meta", "ShortFn", "Span", "Symbol", "Vector"]


class Literal:
    """``kind`` is one bit of `rtfsc.ir.types`; ``value`` by kind: NIL ``None``, BOOL ``bool``, INT
    ``int`` (64-bit range), FLOAT ``float``, STR ``str`` (escapes resolved), TIMESTAMP, UUID and
    RESOURCE ``str`` (as spelt)."""

    __slots__ = ("kind", "span", "value")

    def __init__(self, kind: int, value: bool | int | float | str | None, span: Span) -> None:
        self.kind = kind
        self.value = value
        self.span = span

    def __repr__(self) -> str:
        return f"Literal({self.value!r})"


class Symbol:
    """A name; ``name`` is the whole spelling (``a/b``, ``.m``, ``m:v1.2/f``, ``&``, ``:``)."""

    __slots__ = ("name", "span")

    def __init__(self, name: str, span: Span) -> None:
        self.name = name
        self.span = span

    def __repr__(self) -> str:
        return f"Symbol({self.name})"


class Keyword:
    """``name`` is the spelling without the colon; the span includes the colon."""

    __slots__ = ("name", "span")

    def __init__(self, name: str, span: Span) -> None:
        self.name = name
        self.span = span

    def __repr__(self) -> str:
        return f"Keyword({self.name})"


class _Sequence:
    """``items`` between brackets; the span includes both brackets."""

    __slots__ = ("items", "span")

    def __init__(self, items: list[Form], span: Span) -> None:
        self.items = items
        self.span = span

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.items})"


class List(_Sequence):
    """``( … )``, and every reader macro."""

    __slots__ = ()


class Vector(_Sequence):
    """``[ … ]``"""

    __slots__ = ()


class ShortFn(_Sequence):
    """``#( … )``"""

    __slots__ = ()


class Map:
    """``{ k v … }`` in source order; a key may occur more than once (the last one wins). The reader lets
    keywords, strings, integers, symbols and unquotes be keys; symbols have a meaning in patterns
    alone (``{name :k}``, ``{… & r}``), so whoever reads a map as data refuses them.

    Where a symbol ``?`` follows an entry, it may be the fields of a type (``{:a Int :b Int ?}``), in which
    ``?`` is no key: then keys are not looked at, and of an odd number of forms the last is paired with
    itself."""

    __slots__ = ("pairs", "span")

    def __init__(self, pairs: list[tuple[Form, Form]], span: Span) -> None:
        self.pairs = pairs
        self.span = span

    def __repr__(self) -> str:
        return f"Map({self.pairs})"


class Meta:
    """``^meta form``; ``meta`` is a `Map`. ``^:key form`` is ``^{:key true} form``, and ``^:delegation
    :mode form`` / ``^:delegation :mode "model" form`` have the value ``:mode`` / ``[:mode "model"]``."""

    __slots__ = ("form", "meta", "span")

    def __init__(self, meta: Map, form: Form, span: Span) -> None:
        self.meta = meta
        self.form = form
        self.span = span

    def __repr__(self) -> str:
        return f"Meta({self.meta}, {self.form})"


Form: TypeAlias = Literal | Symbol | Keyword | List | Vector | ShortFn | Map | Meta
