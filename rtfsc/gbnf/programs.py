"""The grammar of programs, from the table of special forms, the library and the shapes of literals.

What it derives is accepted by the reader and the builder of syntax trees; with ``closed`` names, by the
resolver too: every name is bound or one of the library, which is called with a number of arguments that it
takes. A grammar without context cannot know types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from rtfsc.ast.builder import reserved_names, special_names
from rtfsc.diagnostics import Sink
from rtfsc.gbnf.shapes import HOST, PURE, TOP
from rtfsc.gbnf.values import annotation
from rtfsc.gbnf.writing import Rules, names, quoted, words
from rtfsc.lower.errors import error_names
from rtfsc.primitives.library import LIBRARY
from rtfsc.primitives.signatures import signatures
from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Symbol
from rtfsc.syntax.reader import read

DEEPEST: Final = 12
WIDEST: Final = 20
_OWN_MEANING: Final = frozenset(
    {"as", "keys", "or", "expose-context", "context-keys", "params", "merge-policy", "ref", "exports"}
)
"""Keywords that mean something where they stand in a form: not derived as values."""
_PLAIN: Final = re.compile(r"[a-z][a-z0-9-]*[?]?")
_NO_NAMES: Final = frozenset({"nil", "true", "false", "catch", "finally"})
_NO_USE: Final = frozenset({"deftype", "process-data", "read-file", "gensym", "Exception."})
_LETTERS: Final = tuple("abcdefghijklmnopqrstuvwxyz"[at::6] for at in range(6))
"""Names that are bound together begin with letters of different groups: so they differ."""
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def gbnf(
    depth: int = 4,
    *,
    width: int = 4,
    closed: bool = False,
    host: bool = False,
    function: str | None = None,
    parameters: Sequence[str] = (),
    annotations: Sequence[str] | None = None,
    result: str | None = None,
) -> str:
    """The grammar, as text in GBNF.

    ``depth``: how deep expressions lie in one another. ``width``: most expressions in a row. ``closed``:
    names are library functions and bound locals alone, which are called a, b, c … ``host``: forms and
    functions that speak with the host are derived too. ``function``: what is derived defines a function of
    this name, with these ``parameters`` (``annotations``: the type of each, in the language's notation) and
    a ``result`` of this type; the last parameter may be written ``& more``. Raises ValueError.
    """
    if not 1 <= depth <= DEEPEST or not 1 <= width <= WIDEST:
        raise ValueError(f"depth is 1 to {DEEPEST}, width 1 to {WIDEST}")
    given = [name.removeprefix("& ") for name in parameters]
    for name in [*given, *([] if function is None else [function])]:
        if not _is_name(name):
            raise ValueError(f"{name!r} is no name that a program can bind")
    if len(set(given)) < len(given):
        raise ValueError("parameters have different names")
    if any(name.startswith("& ") for name in parameters[:-1]):
        raise ValueError("a rest parameter is the last one")
    if given and function is None:
        raise ValueError("parameters are those of a function; it needs a name")
    types = [""] * len(given) if annotations is None else list(annotations)
    if len(types) != len(given):
        raise ValueError("there is one annotation for each parameter")
    for written in filter(None, [*types, result]):
        annotation(written)
    writer = _Programs(depth, width, closed, host, list(parameters), function)
    if function is None:
        return writer.program()
    pairs = zip(parameters, types, strict=True)
    head = " ".join(f"{name} : {declared}" if declared else name for name, declared in pairs)
    return writer.function(f"(defn {function} [{head}]" + (f" : {result}" if result else ""))


def _is_name(text: str) -> bool:
    """Whether it reads as one name that can be bound."""
    source = SourceFile("<name>", text)
    sink = Sink(source)
    forms = read(source, sink)
    plain = len(forms) == 1 and type(forms[0]) is Symbol and forms[0].name == text
    return plain and not sink.errors and text not in reserved_names() | {":", "&"}


class _Programs:
    def __init__(self, depth: int, width: int, closed: bool, host: bool, given: list[str],
                 function: str | None) -> None:  # fmt: skip
        self.rules = Rules()
        self.depth, self.width, self.closed = depth, width, closed
        bound = [name.removeprefix("& ") for name in given]
        self.given = [name for name in bound if name != "_"]
        hidden = {*bound, function}  # functions and forms of these names mean something else here
        taken = {*hidden, *LIBRARY, *special_names(), *_NO_NAMES}
        self.pool = self.given + [name for name in _pool() if name not in taken]
        library = _library(host)
        self.library = {name: counts for name, counts in library.items() if name not in hidden}
        forms = PURE + (HOST if host else [])
        self.forms = [(head, rest) for head, rest in forms if not hidden & _heads(head, rest)]
        self.tops = [(head, rest) for head, rest in TOP if head not in hidden]
        self.callable = dict(self.library)
        if function is not None and function not in bound:
            variable = bool(given) and given[-1].startswith("& ")
            self.callable[function] = list(range(len(given) - 1, 4)) if variable else [len(given)]

    # -- what is asked for

    def program(self) -> str:
        self.rules.add("root", "")
        if self.closed:
            root = self._closed_tops(0)
        else:
            top = self._top_forms()
            root = f'{top} ("\\n" {top}){{0,{self.width - 1}}}'
        self.rules.add("root", root)
        return self.rules.text()

    def function(self, head: str) -> str:
        self.rules.add("root", "")
        n = len(self.given)
        body = f'{quoted(head + " ")} {self._expression(self.depth, n)} ")"'
        helpers = "" if self.closed else f'({self._top_forms(expressions=False)} "\\n"){{0,2}} '
        self.rules.add("root", helpers + body)
        return self.rules.text()

    def _top_forms(self, *, expressions: bool = True) -> str:
        """Definitions, and other forms where they are asked for."""
        entries: dict[str, list[str]] = {}
        for head, tokens in self.tops:
            entries.setdefault(head, []).append(self._shape(tokens, self.depth, 0))
        definitions = self.rules.add("definition", f'"(" {words(_alternatives(entries))} ")"')
        if not expressions:
            return definitions
        return self.rules.add("top", f"{definitions} | {self._list(self.depth, 0)}")

    def _closed_tops(self, n: int) -> str:
        """A form, before it perhaps definitions, of which the later ones see the earlier ones."""
        form = self._list(self.depth, n)
        if n >= 2:
            return form
        entries: dict[str, list[str]] = {}
        for head, tokens in self.tops:
            if head != "defstruct":
                entries.setdefault(head, []).append(self._shape(tokens, self.depth, n))
        after = self._closed_tops(n + 1)
        return self.rules.add(f"top-{n}", f'{form} | "(" {words(_alternatives(entries))} ")\\n" {after}')

    # -- expressions

    def _expression(self, d: int, n: int) -> str:
        """The rule of expressions of depth d with n names bound."""
        name = self._named("e", d, n)
        if name not in self.rules:
            self.rules.add(name, "")  # its place, before those that it uses
            ways = [self._atom(n)]
            if d > 0:
                ways += [self._list(d, n), self._vector(d, n), self._map(d, n), self._short(n)]
                ways.append(f'"\'" {self._data(1)}')
            self.rules.add(name, " | ".join(ways))
        return name

    def _named(self, kind: str, d: int, n: int) -> str:
        return f"{kind}{d}-{n}" if self.closed else f"{kind}{d}"

    def _list(self, d: int, n: int) -> str:
        name = self._named("list", d, n)
        if name not in self.rules:
            self.rules.add(name, "")
            entries: dict[str, list[str]] = {}
            for head, tokens in self.forms:
                entries.setdefault(head, []).append(self._shape(tokens, d, n))
            ways = [f"{self._keyword()} {self._arguments(1, d, n)} {self._some(d - 1, n, 0, 1)}"]
            if self.closed:
                for function, counts in self.callable.items():
                    entries.setdefault(function, []).extend(self._arguments(k, d, n) for k in counts)
            else:
                ways.append(f"{self._callee()} {self._some(d - 1, n, 0, self.width)}")
            self.rules.add(name, f'"(" ({words(_alternatives(entries))} | {" | ".join(ways)}) ")"')
        return name

    def _arguments(self, count: int, d: int, n: int) -> str:
        if count == 0:
            return '""'
        name = self._named(f"a{count}-", d, n)
        if name not in self.rules:
            one = f'" " {self._expression(d - 1, n)}'
            self.rules.add(name, " ".join([one] * count))
        return name

    def _some(self, d: int, n: int, least: int, most: int) -> str:
        return f'(" " {self._expression(d, n)}){{{least},{most}}}'

    def _vector(self, d: int, n: int) -> str:
        name = self._named("vector", d, n)
        if name not in self.rules:
            one = self._expression(d - 1, n)
            self.rules.add(name, f'"[" ({one} (" " {one}){{0,{self.width - 1}}})? "]"')
        return name

    def _map(self, d: int, n: int) -> str:
        name = self._named("map", d, n)
        if name not in self.rules:
            entry = (
                f'({self._keyword()} | {self._text()} | {self._integer()}) " " {self._expression(d - 1, n)}'
            )
            self.rules.add(name, f'"{{" ({entry} (" " {entry}){{0,{self.width - 1}}})? "}}"')
        return name

    def _short(self, n: int) -> str:
        """A short function; none stands in another one, so its arguments are small."""
        name = self._named("short", 0, n)
        if name not in self.rules:
            argument = f'" " ({self._atom(n)} | "%" | "%1" | "%2")'
            calls = f"{self._function(1)} {argument} | {self._function(2)} {argument} {argument}"
            self.rules.add(name, f'"#(" ({calls}) ")"')
        return name

    # -- special forms

    def _shape(self, tokens: Sequence[str], d: int, n: int) -> str:
        """The rest of a form after its head. Names are visible from ``/`` to ``\\``."""
        items: list[str] = []
        seen = bound = n
        glued = False
        for token in tokens:
            if token == "/":
                seen = bound
                continue
            if token == "\\":
                seen = bound = n
                continue
            text, more = self._token(token, d - 1, seen, bound)
            bound += more
            if token.endswith("?") or glued or token in _CLOSE:
                items.append(text)
            else:
                items += ['" "', text]
            glued = token in _OPEN
        return " ".join(items)

    def _token(self, token: str, d: int, seen: int, bound: int) -> tuple[str, int]:
        """The grammar of a part, and how many names it binds. Optional parts bring their blank."""
        match token:
            case "e":
                return self._expression(d, seen), 0
            case "e+":
                return f"{self._expression(d, seen)} {self._some(d, seen, 0, self.width - 1)}", 0
            case "e?":
                return self._some(d, seen, 0, 1), 0
            case "b" | "g":
                return self._bound(bound), 1
            case "bb":
                return self._several(2, bound), 2
            case "b&b":
                return self._several(2, bound, rest=True), 2
            case "P1" | "P2" | "P3":
                return self._several(int(token[1]), bound, typed=True), int(token[1])
            case "PR":
                return self._several(2, bound, typed=True, rest=True), 2
            case "t?":
                return self._typed(), 0
            case "T":
                return self._type(), 0
            case "N":
                return self.rules.add("struct", "[A-Z] [a-z]{0,11}"), 0
            case "k":
                return self._keyword(), 0
            case "s":
                return self._text(), 0
            case "l":
                return self._literal(), 0
            case "q":
                return self._data(2), 0
            case "K":
                return self.rules.add("kind", words(["_", *sorted(error_names())])), 0
            case "f1" | "f2":
                return self._function(int(token[1])), 0
        return quoted(token), 0

    # -- names

    def _bound(self, at: int) -> str:
        return quoted(self.pool[at]) if self.closed else self._name()

    def _name(self) -> str:
        if "name" not in self.rules:
            names(self.rules, "name", sorted(w for w in special_names() | _NO_NAMES if _PLAIN.fullmatch(w)))
        return "name"

    def _several(self, count: int, at: int, *, typed: bool = False, rest: bool = False) -> str:
        """Names that differ, after one another; ``rest``: & before the last."""
        type_ = f" {self._typed()}" if typed else ""
        between = [' " "'] * (count - 1) + [""]
        if rest:
            between[count - 2] = ' " & "'
        if self.closed:
            parts = (f"{quoted(self.pool[at + i])}{type_}{between[i]}" for i in range(count))
            return " ".join(parts)
        if count == 1:
            return f"{self._name()}{type_}"
        name = f"names{count}{'t' if typed else ''}{'r' if rest else ''}"
        if name not in self.rules:
            self.rules.add(name, "")
            ways = (
                " ".join(
                    f"{self._name_of(group)}{type_}{space}"
                    for group, space in zip(groups, between, strict=True)
                )
                for groups in _different(count)
            )
            self.rules.add(name, " | ".join(ways))
        return name

    def _name_of(self, group: int) -> str:
        name = f"name-{group}"
        if name not in self.rules:
            excluded = sorted(w for w in special_names() | _NO_NAMES if _PLAIN.fullmatch(w))
            names(self.rules, name, excluded, _LETTERS[group])
        return name

    def _callee(self) -> str:
        if "callee" not in self.rules:
            self.rules.add("callee", "")
            odd = [name for name in self.library if not _PLAIN.fullmatch(name)]
            self.rules.add("callee", f"{self._name()} | {words(odd)}")
        return "callee"

    def _function(self, count: int) -> str:
        """A function that takes so many arguments."""
        if not self.closed:
            return self._callee()
        name = f"function{count}"
        if name not in self.rules:
            fitting = [function for function, counts in self.library.items() if count in counts]
            self.rules.add(name, words(fitting))
        return name

    # -- data

    def _atom(self, n: int) -> str:
        name = f"atom-{n}" if self.closed else "atom"
        if name not in self.rules:
            self.rules.add(name, "")
            ways = [self._literal()]
            if not self.closed:
                ways.append(self._callee())
            else:
                ways.append(self._function(1))
                if n:
                    ways.insert(0, words(self.pool[:n]))
            self.rules.add(name, " | ".join(ways))
        return name

    def _literal(self) -> str:
        if "literal" not in self.rules:
            self.rules.add("literal", "")
            number = self.rules.add("number", f'{self._integer()} ("." [0-9]{{1,4}})?')
            self.rules.add(
                "literal", f'{number} | {self._text()} | {self._keyword()} | "true" | "false" | "nil"'
            )
        return "literal"

    def _integer(self) -> str:
        return self.rules.add("integer", '"-"? ("0" | [1-9] [0-9]{0,8})')

    def _text(self) -> str:
        return self.rules.add("text", r'"\"" ([ !#-\[\]-~] | "\\" [nrt"\\]){0,80} "\""')

    def _keyword(self) -> str:
        if "keyword" not in self.rules:
            self.rules.add("keyword", "")
            self.rules.add("keyword", f'":" {names(self.rules, "key", sorted(_OWN_MEANING))}')
        return "keyword"

    def _data(self, d: int) -> str:
        name = f"data{d}"
        if name not in self.rules:
            self.rules.add(name, "")
            ways = [self._literal(), self._name()]
            if d > 1:
                one = self._data(d - 1)
                inside = f'({one} (" " {one}){{0,{self.width - 1}}})?'
                ways += [f'"(" {inside} ")"', f'"[" {inside} "]"']
            self.rules.add(name, " | ".join(ways))
        return name

    def _typed(self) -> str:
        return f'(" : " {self._type()})?'

    def _type(self) -> str:
        if "type" not in self.rules:
            plain = self.rules.add("plain-type", words(["Int", "Float", "String", "Bool", "Keyword", "Any"]))
            key = words(["Keyword", "String"])
            ways = [f'{plain} "?"?', f'"[:vector " {plain} "]"', f'"[:map-of " {key} " " {plain} "]"']
            self.rules.add("type", " | ".join(ways))
        return "type"


def _heads(head: str, rest: Sequence[str]) -> set[str]:
    """The forms that a shape is made of."""
    return {head, *(special_names() & set(rest))}


def _alternatives(entries: dict[str, list[str]]) -> dict[str, str]:
    return {
        head: rests[0] if len(rests) == 1 else f"({' | '.join(rests)})" for head, rests in entries.items()
    }


def _pool() -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    yield from letters
    yield from (f"{letter}{number}" for number in range(1, 10) for letter in letters)


def _different(count: int) -> Iterator[tuple[int, ...]]:
    from itertools import permutations

    return permutations(range(len(_LETTERS)), count)


@cache
def _host_functions() -> frozenset[str]:
    source = files("rtfsc.stdlib").joinpath("host.rtfs").read_text("utf-8")
    return frozenset(re.findall(r"^\(defn (\S+)/\d", source, re.MULTILINE))


def _library(host: bool) -> dict[str, list[int]]:
    """Functions by name, with the numbers of arguments, up to 3, that they are called with."""
    found: dict[str, list[int]] = {}
    left_out = _NO_USE if host else _NO_USE | _host_functions()
    for name in LIBRARY:
        if name in left_out or name in ("and", "or"):
            continue
        counts: set[int] = set()
        for signature in signatures(name):
            fixed = len(signature.params)
            counts |= {fixed} if signature.rest is None else set(range(fixed, 4))
        if name == "hash-map":
            counts -= {1, 3}
        fitting = sorted(count for count in counts if count <= 3)
        if fitting:
            found[name] = fitting
    return found
