"""Arguments to try a function on, generated from its declared types.

The same seed always gives the same inputs.  Every parameter meets the edge cases of its type first
(0, ±1, the ends of i64, NaN, empty and nested collections, texts beyond ASCII), then random values, most
of them small, so that functions whose time grows with the argument finish.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias

from runtime.values import Keyword, List, Resource, Symbol, Timestamp

TypeTree: TypeAlias = "str | list[Any]"
"""A word like ``:int``, or a list that starts with one; ``["?", T]`` is an optional type."""

I64_MIN, I64_MAX = -(2**63), 2**63 - 1

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[][{}]|[^][{}\s,"]+')
_CLOSER = {"[": "]", "{": "}"}
_INTS = (0, 1, -1, 2, 3, 10, 7, -2, I64_MAX, I64_MIN, 100, 2**53 + 1, -(2**62), 2**62)
_FLOATS = (
    0.0,
    1.0,
    -1.0,
    0.5,
    -0.0,
    2.5,
    float("nan"),
    float("inf"),
    float("-inf"),
    1e308,
    5e-324,
    0.1,
    2.0**53,
)
_TEXTS = (
    "",
    "a",
    "hello world",
    "Grüße, 世界",
    "👩\u200d👩\u200d👧 e\u0301",
    'line\n"quoted"\t\\',
    " ",
    "x" * 300,
    "42",
    "\0",
)
_KEYWORDS = ("a", "b", "name", "ns/key", "id")
_SCALARS = (":nil", ":bool", ":int", ":float", ":string", ":keyword")
# What undeclared parameters get in turn, all of a call the same, so that it often comes to an answer.
_THEMES = (":any", ":int", "[:vector :int]", ":number", ":any", ":int", ":string", "[:map-of :keyword :int]")
_LENGTHS = (0, 1, 3, 2, 5, 33)
_DEPTH = 3


class NotGenerable(Exception):
    """No arguments can be made up for this type (functions, resources of a kind, shapes)."""


def argument_lists(param_types: Sequence[str], rest: bool, seed: str, count: int) -> list[tuple[Any, ...]]:
    """``count`` argument lists, or one for a function without parameters.  ``rest``: the last type is
    that of each further argument.  Raises `NotGenerable`."""
    if not param_types:
        return [()]
    rng = random.Random(seed)
    streams: dict[tuple[int, str], Iterator[Any]] = {}
    lists = []
    for i in range(count):
        texts = [_THEMES[i % len(_THEMES)] if text == ":any" else text for text in param_types]
        for key in enumerate(texts):
            if key not in streams:
                streams[key] = _values(parse_type(key[1]), rng)
        lists.append(_arguments([streams[key] for key in enumerate(texts)], rest, i))
    return lists


def _arguments(streams: list[Iterator[Any]], rest: bool, i: int) -> tuple[Any, ...]:
    if not rest:
        return tuple(next(stream) for stream in streams)
    fixed = tuple(next(stream) for stream in streams[:-1])
    return fixed + tuple(islice(streams[-1], _LENGTHS[i % len(_LENGTHS)]))


def parse_type(text: str) -> TypeTree:
    """Reads canonical type text.  Raises `NotGenerable` if it is none."""
    root: list[Any] = []
    stack: list[tuple[list[Any], str]] = [(root, "")]
    for token in _TOKEN.findall(text):
        items, closer = stack[-1]
        if token in _CLOSER:
            inner: list[Any] = []
            items.append(inner)
            stack.append((inner, _CLOSER[token]))
        elif token in "]}":
            if token != closer:
                raise NotGenerable(text)
            stack.pop()
        else:
            items.append(token)
    if len(stack) != 1 or not root or root[1:] not in ([], ["?"]):
        raise NotGenerable(text)
    return ["?", root[0]] if root[1:] else root[0]


def _values(tree: TypeTree, rng: random.Random) -> Iterator[Any]:
    """Endless values of a type, edge cases first, the sequence shifted per parameter."""
    make = _maker(tree, rng)
    edges = _edges(tree)
    shift = rng.randrange(len(edges)) if edges else 0
    for i in range(len(edges)):
        yield edges[(i + shift) % len(edges)]
        yield make(0)
    while True:
        yield make(0)


def _edges(tree: TypeTree) -> Sequence[Any]:
    word = _word(tree)
    if word == ":int":
        return _INTS
    if word in (":float", ":number"):
        return (*_FLOATS, *_INTS)
    if word == ":string":
        return _TEXTS
    if word == ":bool":
        return (True, False)
    if word == ":any":
        return (
            None,
            True,
            *_INTS[:3],
            *_FLOATS[:2],
            *_TEXTS[:2],
            Keyword("a"),
            [],
            [[]],
            {},
            {Keyword("a"): [1]},
        )
    return ()


def _word(tree: TypeTree) -> str:
    """The lower-case name of a plain type with its colon, or ""."""
    if not isinstance(tree, str) or tree.startswith('"'):
        return ""
    return ":" + tree.lstrip(":").lower()


Make = Callable[[int], Any]
"""Makes one value; the argument is the depth of nesting that it stands at."""


def _maker(tree: TypeTree, rng: random.Random) -> Make:
    if isinstance(tree, str):
        return _plain(tree, rng)
    head, parts = str(tree[0]), tree[1:]
    if head == "?":
        inner = _maker(parts[0], rng)
        return lambda depth: None if rng.random() < 0.25 else inner(depth)
    build = _COMPOUND.get(head)
    if build is None or not (parts or build is _record):
        raise NotGenerable(head)
    return build(parts, rng)


def _plain(word: str, rng: random.Random) -> Make:
    if word.endswith("?") and len(word) > 1:
        return _maker(["?", word[:-1]], rng)
    make = _PLAIN.get(_word(word))
    if make is None:
        raise NotGenerable(word)
    return lambda depth: make(rng, depth)


def _int(rng: random.Random, _depth: int) -> int:
    if rng.random() < 0.9:
        return rng.randint(-20, 20)
    return rng.randint(-(10 ** rng.randint(2, 18)), 10 ** rng.randint(2, 18))


def _float(rng: random.Random, _depth: int) -> float:
    return rng.choice(_FLOATS) if rng.random() < 0.2 else round(rng.uniform(-100, 100), rng.randint(0, 6))


def _number(rng: random.Random, depth: int) -> int | float:
    return _int(rng, depth) if rng.random() < 0.5 else _float(rng, depth)


def _text(rng: random.Random, _depth: int) -> str:
    if rng.random() < 0.3:
        return rng.choice(_TEXTS)
    words = ("the", "quick", "brown", "fox", "die", "schöne", "Müllerin", "10", "a-b", "Δx")
    return " ".join(rng.choice(words) for _ in range(rng.randint(0, 6)))


def _uuid(rng: random.Random, _depth: int) -> Any:
    from uuid import UUID

    return UUID(int=rng.getrandbits(128))


def _any(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8 if depth < _DEPTH else 6)
    if kind < 6:
        return _PLAIN[_SCALARS[kind]](rng, depth)
    count = rng.randint(0, 4)
    if kind == 6:
        return [_any(rng, depth + 1) for _ in range(count)]
    return {Keyword(rng.choice(_KEYWORDS)): _any(rng, depth + 1) for _ in range(count)}


_PLAIN: dict[str, Callable[[random.Random, int], Any]] = {
    ":nil": lambda rng, depth: None,
    ":bool": lambda rng, depth: rng.random() < 0.5,
    ":int": _int,
    ":float": _float,
    ":number": _number,
    ":string": _text,
    ":keyword": lambda rng, depth: Keyword(rng.choice(_KEYWORDS)),
    ":symbol": lambda rng, depth: Symbol(rng.choice(_KEYWORDS)),
    ":timestamp": lambda rng, depth: Timestamp(f"20{rng.randint(10, 99)}-0{rng.randint(1, 9)}-15T10:30:00Z"),
    ":uuid": _uuid,
    ":resource-handle": lambda rng, depth: Resource(f"resource://test/{rng.randint(0, 9)}"),
    ":any": _any,
}


def _vector(parts: list[Any], rng: random.Random) -> Make:
    item = _maker(parts[0], rng)
    return lambda depth: [item(depth + 1) for _ in range(_length(rng, depth))]


def _array(parts: list[Any], rng: random.Random) -> Make:
    """``[:array T [2 ? 3]]``: nested vectors, ``?`` is any length."""
    item = _maker(parts[0], rng)
    for size in reversed(parts[1] if len(parts) > 1 else ["?"]):
        item = _sized(item, size, rng)
    return item


def _sized(item: Make, size: str, rng: random.Random) -> Make:
    return lambda depth: [item(depth + 1) for _ in range(_length(rng, depth) if size == "?" else int(size))]


def _list(parts: list[Any], rng: random.Random) -> Make:
    vector = _vector(parts, rng)
    return lambda depth: List(vector(depth))


def _tuple(parts: list[Any], rng: random.Random) -> Make:
    items = [_maker(part, rng) for part in parts]
    return lambda depth: [item(depth + 1) for item in items]


def _map_of(parts: list[Any], rng: random.Random) -> Make:
    if len(parts) != 2:
        raise NotGenerable(":map-of")
    key, value = _maker(parts[0], rng), _maker(parts[1], rng)

    def make(depth: int) -> dict[Any, Any]:
        keys = [key(depth + 1) for _ in range(_length(rng, depth))]
        return {
            k: value(depth + 1) for k in keys if isinstance(k, (int, str, Keyword)) and type(k) is not bool
        }

    return make


def _record(parts: list[Any], rng: random.Random) -> Make:
    if not parts:
        return _map_of([":keyword", ":any"], rng)
    fields = []
    for part in parts:
        if not isinstance(part, list) or len(part) < 2 or not isinstance(part[0], str):
            raise NotGenerable(":map")
        if part[0] != ":*":
            fields.append((Keyword(part[0].lstrip(":")), _maker(part[1], rng), part[2:] == ["?"]))

    def make(depth: int) -> dict[Any, Any]:
        return {
            key: value(depth + 1) for key, value, optional in fields if not (optional and rng.random() < 0.3)
        }

    return make


def _union(parts: list[Any], rng: random.Random) -> Make:
    makers = [_maker(part, rng) for part in parts]
    return lambda depth: rng.choice(makers)(depth)


def _enum(parts: list[Any], rng: random.Random) -> Make:
    values = [_literal(part) for part in parts]
    return lambda depth: rng.choice(values)


def _refined(parts: list[Any], rng: random.Random) -> Make:
    """A type with predicates: half of the numbers are taken at the bounds; the rest may break a
    predicate, and then both engines must say so in the same words."""
    base = _maker(parts[0], rng)
    literals = [_literal(x) for part in parts[1:] if isinstance(part, list) for x in part[1:]]
    bounds = [x + d for x in literals if type(x) in (int, float) for d in (-1, 0, 1)]
    if not bounds or _word(parts[0]) not in (":int", ":float", ":number"):
        return base
    return lambda depth: rng.choice(bounds) if rng.random() < 0.5 else base(depth)


def _literal(token: Any) -> Any:
    if not isinstance(token, str):
        raise NotGenerable("a literal that is not a scalar")
    if token.startswith(":"):
        return Keyword(token[1:])
    if token.startswith('"'):
        return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if token in _WORDS:
        return _WORDS[token]
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            continue
    raise NotGenerable(token)


def _length(rng: random.Random, depth: int) -> int:
    return rng.choice(_LENGTHS) if depth == 0 else rng.randint(0, 3)


_WORDS = {"true": True, "false": False, "nil": None}
_COMPOUND: dict[str, Callable[[list[Any], random.Random], Make]] = {
    ":vector": _vector,
    ":list": _list,
    ":array": _array,
    ":tuple": _tuple,
    ":map": _record,
    ":record": _record,
    ":map-of": _map_of,
    ":dict": _map_of,
    ":union": _union,
    ":enum": _enum,
    ":val": _enum,
    ":and": _refined,
}
