"""Code of one function under construction, and the linked code of a module."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from runtime.evaluator.opcodes import NUMBERS

HEADER: Final = 2
"""Slots of a call's window before the callee's slot 0."""
ARGUMENTS: Final = HEADER + 1
"""Slots of a call's window before the arguments."""


class Label:
    """A place in the code of a function; jumps to it may come before it is placed."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = -1


class Assembler:
    """Collects instructions. Jumps are patched and tables filled at the end."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.sites: list[tuple[int, int, int]] = []
        self.guards: list[tuple[int, int, Label]] = []
        self.roots: list[tuple[int, int, tuple[int, ...]]] = []
        self._jumps: list[tuple[int, int, Label]] = []

    def emit(self, name: str, *operands: int, site: int = 0, roots: Iterable[int] = ()) -> None:
        """``roots``: slots with boxed values that are needed after it, if a collection may happen there."""
        start = len(self.words)
        self.words.append(NUMBERS[name])
        self.words.extend(operands)
        if site:
            self.sites.append((start, len(self.words) - 1, site))
        if roots:
            self.roots.append((start, len(self.words) - 1, tuple(sorted(set(roots)))))

    def jump(self, name: str, *operands: int, to: Label, site: int = 0) -> None:
        start = len(self.words)
        self.emit(name, *operands, 0, site=site)
        self._jumps.append((start, len(self.words) - 1, to))

    def place(self, label: Label) -> None:
        label.at = len(self.words)

    def patch(self) -> None:
        for start, word, label in self._jumps:
            self.words[word] = label.at - start


@dataclass(slots=True)
class FunctionCode:
    """``entry``: index of its first word in the code of the module. ``arity``: fixed parameters, with
    the flags of a function value. ``result``: representation."""

    name: str
    words: list[int]
    sites: list[tuple[int, int, int]]
    guards: list[tuple[int, int, Label]]
    roots: list[tuple[int, int, tuple[int, ...]]]
    slots: int
    arity: int
    result: str
    entry: int = 0


@dataclass(slots=True)
class Program:
    """A module ready for the machine.

    ``code``; by word of the code, ``sites`` (0 = none), ``handlers`` (index of the handler, 0 = none) and
    ``roots`` (index into ``slots``, where the number of slots that a collection has to look at comes before
    them; 0 = none);
    ``functions`` by number; ``constants`` as 64-bit words, those in ``built`` (constant, offset) to be
    decoded from ``literals``; ``closures``: (function, capture count, name) of those that closures are
    made of; ``apply``: the function that applies a value to arguments; ``globals``: number and
    representation; ``index``: number of each function of the module, ``boxed``: the number to call
    it by with boxed values alone."""

    code: array[int] = field(default_factory=lambda: array("i"))
    sites: array[int] = field(default_factory=lambda: array("i"))
    handlers: array[int] = field(default_factory=lambda: array("i"))
    roots: array[int] = field(default_factory=lambda: array("i"))
    slots: array[int] = field(default_factory=lambda: array("i", [0]))
    functions: list[FunctionCode] = field(default_factory=list)
    constants: array[int] = field(default_factory=lambda: array("q"))
    built: list[tuple[int, int]] = field(default_factory=list)
    literals: bytes = b""
    closures: list[tuple[int, int, str]] = field(default_factory=list)
    apply: int = 0
    globals: dict[str, tuple[int, str]] = field(default_factory=dict)
    index: dict[str, int] = field(default_factory=dict)
    boxed: dict[str, int] = field(default_factory=dict)

    def link(self) -> None:
        """Joins the code of all functions."""
        for function in self.functions:
            function.entry = len(self.code)
            self.code.extend(function.words)
        self.sites = array("i", bytes(4 * len(self.code)))
        self.handlers = array("i", bytes(4 * len(self.code)))
        self.roots = array("i", bytes(4 * len(self.code)))
        known: dict[tuple[int, ...], int] = {}
        for function in self.functions:
            for first, last, site in function.sites:
                self.sites[function.entry + first] = self.sites[function.entry + last] = site
            for first, last, slots in function.roots:
                if slots not in known:
                    known[slots] = len(self.slots)
                    self.slots.extend([len(slots), *slots])
                self.roots[function.entry + first] = self.roots[function.entry + last] = known[slots]
            for start, end, label in reversed(function.guards):
                target = function.entry + label.at
                for at in range(function.entry + start, function.entry + end):
                    self.handlers[at] = target
