"""Profiles of programs on WebAssembly: what was active at every tick, by the names of RTFS.

A tick is 2 ms; code notices it at the next entry of a function or round of a loop. Functions of the library
and operations of the runtime library stand in brackets.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from rtfsc.source import SourceFile

Line = tuple[str, str, int]
"""Function, file and line of the program."""


@dataclass(slots=True)
class Profile:
    """``seconds``: wall-clock time of the run; ``stacks``: milliseconds of each stack of functions, outermost
    first, a sample having the time since the one before; ``lines``: the same for the line of the innermost
    function of the program."""

    seconds: float = 0.0
    samples: int = 0
    stacks: Counter[tuple[str, ...]] = field(default_factory=Counter)
    lines: Counter[Line] = field(default_factory=Counter)

    @property
    def total(self) -> float:
        """Milliseconds in all samples."""
        return sum(self.stacks.values())

    def functions(self) -> list[tuple[str, float, float]]:
        """(name, own milliseconds, milliseconds with what it called), most of its own first."""
        own: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for stack, weight in self.stacks.items():
            own[stack[-1]] += weight
            for name in set(stack):
                total[name] += weight
        return [
            (name, own[name], total[name]) for name in sorted(total, key=lambda n: (-own[n], -total[n], n))
        ]

    def folded(self) -> str:
        """A line ``outer;inner WEIGHT`` per stack, in microseconds, as flame-graph tools read it."""
        rows = sorted(self.stacks.items())
        return "".join(f"{';'.join(stack)} {round(weight * 1000)}\n" for stack, weight in rows)


def read_profile(
    taken: bytes, compilation: Compilation, seconds: float, sources: Mapping[str, SourceFile]
) -> Profile:
    """``taken``: what `Machine.finish_profile` gave; ``sources``: the program under "" and its modules."""
    from runtime.wasm.native_map import NativeMap, UnknownFormat, native_map

    thread = json.loads(taken)["threads"][0]
    try:
        addresses = native_map(_native(compilation))
    except UnknownFormat:
        addresses = NativeMap([], [])
    names = _Names(thread, compilation, addresses, sources)
    profile = Profile(seconds)
    samples = thread["samples"]
    for stack, weight in zip(samples["stack"], samples["timeDeltas"], strict=True):
        shown = names.stack(stack)
        if shown is not None:
            profile.samples += 1
            profile.stacks[shown[0]] += weight
            if shown[1] is not None:
                profile.lines[shown[1]] += weight
    return profile


def _native(compilation: Compilation) -> bytes:
    from runtime.wasm.engine import engine

    native: bytes = engine().compile(compilation.artifact).native()
    return native


class _Names:
    """Frames of one profile by the names and lines of the program."""

    def __init__(self, thread: dict[str, Any], compilation: Compilation, addresses: Any,
                 sources: Mapping[str, SourceFile]) -> None:  # fmt: skip
        self.thread, self.code, self.addresses, self.sources = (
            thread,
            compilation.code_map,
            addresses,
            sources,
        )
        self.by_index = dict(enumerate(self.code.functions))  # wasmtime counts what is not imported
        self.stacks: dict[int, tuple[tuple[str, ...], Line | None] | None] = {}

    def stack(self, number: int | None) -> tuple[tuple[str, ...], Line | None] | None:
        """Names, outermost first, and the innermost line; None if nothing of the program was active."""
        if number is None:
            return None
        if number not in self.stacks:
            frames, at = [], number
            while at is not None:
                frames.append(self.thread["stackTable"]["frame"][at])
                at = self.thread["stackTable"]["prefix"][at]
            self.stacks[number] = self._named(frames[::-1])
        return self.stacks[number]

    def _named(self, frames: list[int]) -> tuple[tuple[str, ...], Line | None] | None:
        names: list[str] = []
        line: Line | None = None
        for frame in frames:
            name, found = self._frame(frame)
            line = found or line
            if name and (not names or names[-1] != name or not name.startswith("[")):
                names.append(name)
        return (tuple(names), line) if names else None

    def _frame(self, frame: int) -> tuple[str, Line | None]:
        """ "" for what has no name of its own: it counts to the function around it."""
        functions = self.thread["funcTable"]
        func = self.thread["frameTable"]["func"][frame]
        shown: str = self.thread["stringArray"][functions["name"][func]]
        resource = self.thread["resourceTable"]["name"][functions["resource"][func]]
        if self.thread["stringArray"][resource] == "rt":
            return (f"[{shown[3:].replace('_', '-')}]" if shown.startswith("rt_") else ""), None
        byte = self.addresses.byte(self.thread["frameTable"]["address"][frame])
        known = self.code.names(byte) if byte >= 0 else None
        if known is not None:
            return known[0], self._line(*known)
        index = shown.removeprefix("<wasm function ").removesuffix(">")
        code = self.by_index.get(int(index)) if index.isdecimal() else None
        if code is None or code.name.startswith("<"):
            return "", None
        return (f"[{code.name}]" if code.library else code.name), None

    def _line(self, name: str, place: Any) -> Line | None:
        if place is None:
            return None
        source = self.sources.get(place[2] if len(place) == 3 else "")
        return (name, source.name, source.line_column(place[0])[0]) if source is not None else None
