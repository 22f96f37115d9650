"""HTML that is escaped by construction: what is not `Markup` is text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, TypeAlias

Node: TypeAlias = "Markup | str | int | float | Sequence[Node] | None"
_VOID = frozenset({"meta", "link", "br", "rect", "line", "circle"})


class Markup(str):
    """Text that is HTML already. Only `tag` and `fragment` make it."""

    __slots__ = ()


def tag(name: str, /, *children: Node, **attributes: Any) -> Markup:
    """An element. Names of attributes: ``class_`` is class, ``aria_label`` is aria-label. True stands for one
    without a value, None and False for none."""
    shown = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{shown}>" if name in ("meta", "link", "br") else f"<{name}{shown}/>")
    return Markup(f"<{name}{shown}>{fragment(*children)}</{name}>")


def fragment(*children: Node) -> Markup:
    return Markup("".join(map(_shown, children)))


def _shown(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Markup):
        return node
    if isinstance(node, (list, tuple)):
        return "".join(map(_shown, node))
    return html.escape(readable(str(node)))


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(readable(str(value)))}"'


def readable(text: str) -> str:
    """Control characters, lone surrogates and what turns the direction of text are shown as such: they could
    make a name look like another one."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in "\n\t" or _harmless(c) else f"\\u{ord(c):04x}" for c in text)


def _harmless(character: str) -> bool:
    return character.isprintable() or character in "\u00a0\u200d"
