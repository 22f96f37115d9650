"""Pieces of grammars: texts, words, words that are none of a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    """A text as GBNF has it."""
    return '"' + "".join(_ESCAPES.get(c, c if " " <= c != "\x7f" else f"\\x{ord(c):02X}") for c in text) + '"'


class Rules:
    """Collects rules; the first is root."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._bodies

    def add(self, name: str, body: str) -> str:
        """The name of the rule."""
        self._bodies[name] = body
        return name

    def text(self) -> str:
        return "".join(f"{name} ::= {body}\n" for name, body in self._bodies.items())


def words(follow: Mapping[str, str] | Iterable[str]) -> str:
    """One of the words, each followed by its own rest of the grammar; common beginnings stand once, so that
    few ways are open at a time."""
    entries = dict(follow) if isinstance(follow, Mapping) else dict.fromkeys(follow, "")
    return f"({_trie(entries)})"


def _trie(entries: dict[str, str]) -> str:
    ways: list[str] = []
    by_first: dict[str, dict[str, str]] = {}
    for word, rest in entries.items():
        if word:
            by_first.setdefault(word[0], {})[word[1:]] = rest
        else:
            ways.append(rest or '""')
    for first, inner in by_first.items():
        beginning, inner = _shared(first, inner)
        if len(inner) == 1 and "" in inner:
            ways.append(f"{quoted(beginning)} {inner['']}".rstrip())
        else:
            ways.append(f"{quoted(beginning)} ({_trie(inner)})")
    return " | ".join(ways)


def _shared(beginning: str, entries: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Letters that all entries begin with belong to the beginning."""
    while "" not in entries and len({word[0] for word in entries}) == 1:
        beginning += next(iter(entries))[0]
        entries = {word[1:]: rest for word, rest in entries.items()}
    return beginning, entries


def names(rules: Rules, name: str, excluded: Iterable[str], letters: str = "abcdefghijklmnopqrstuvwxyz",
          longest: int = 16) -> str:  # fmt: skip
    """Adds the rule of names that begin with one of the letters, go on with letters, digits and -, may end
    with ? and are none of the excluded words."""
    more = f"{name}-more"
    rules.add(more, f"[a-z0-9-]{{0,{longest}}} [?]?")
    inner: dict[str, None] = {}
    for word in excluded:
        if word[0] in letters:
            inner[word] = None
    rules.add(name, _other(list(inner), letters, more, first=True))
    return name


def _other(excluded: list[str], allowed: str, more: str, *, first: bool = False) -> str:
    """What may follow a beginning, where ``excluded`` are the rests of the words that begin with it."""
    heads = dict.fromkeys(word[0] for word in excluded if word)
    free = "".join(c for c in allowed if c not in heads)
    ways = [f"[{_ranges(free)}] {more}"] if free else []
    for head in heads:
        inside = [word[1:] for word in excluded if word and word[0] == head]
        ways.append(f"{quoted(head)} ({_other(inside, _INNER, more)})")
    if not first and "" not in excluded:
        ways.append('""')
    return " | ".join(ways)


_INNER = "abcdefghijklmnopqrstuvwxyz0123456789-"


def _ranges(letters: str) -> str:
    """``abcx`` as ``a-cx``; the hyphen last, where it means itself."""
    found: list[list[str]] = []
    for letter in sorted(letters.replace("-", "")):
        if found and ord(letter) == ord(found[-1][1]) + 1:
            found[-1][1] = letter
        else:
            found.append([letter, letter])
    text = "".join(low if low == high else f"{low}-{high}" for low, high in found)
    return text + ("-" if "-" in letters else "")
