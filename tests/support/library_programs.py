"""Random calls of library functions: arguments of fitting and of other kinds, too few and too many."""

from __future__ import annotations

from random import Random
from typing import Final

from program_templates import feature, merged
from typed_programs import Source

from rtfsc.ir import types as T
from rtfsc.primitives.signatures import Signature, Term, names, signatures

COUNT: Final = 20
"""Calls, each a function of its own, in one program."""
_LEFT_OUT: Final = (
    "call", "context/", "llm-", "print", "log", "tool.log", "tool/log", "tool/time", "tool.time",
    "current-", "tool/current", "thread/", "get-env", "file-", "tool/open", "http-", "tool/http", "kv/",
    "gensym", "throw", "read-file",
)  # fmt: skip
"""They ask the host, or have no value that could be compared; `program_templates` has calls of some."""
_NAMES: Final = [name for name in names() if not name.startswith(_LEFT_OUT)]
_OF_KIND: Final = {
    T.NIL: "nil", T.BOOL: "bool", T.INT: "int", T.FLOAT: "float", T.STR: "uni", T.KW: "kw", T.SYM: "sym",
    T.VEC: "vec", T.LIST: "lst", T.MAP: "map", T.FN: "fun", T.ERR: "err", T.NUM: "num", T.ANY: "misc",
}  # fmt: skip
_KINDS: Final = [
    "nil", "bool", "int", "int", "float", "uni", "str", "kw", "sym", "vec", "lst", "map", "fun", "err",
    "misc", "any", "pat", "json", "numtext", "key",
]  # fmt: skip
_SEQUENCES: Final = {
    "vec": ["vec"], "seq": ["vec", "vec", "lst", "uni"], "all": ["vec", "lst", "uni", "map"],
    "map": ["map"], "fn": ["fun"],
}  # fmt: skip


class LibraryCalls:
    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.atoms = merged(("text", "data"))[1] | feature("library")[1]

    def source(self) -> Source:
        calls = [self.function(i) for i in range(COUNT)]
        return Source("\n".join(calls), count=COUNT)

    def function(self, number: int) -> str:
        """A function without parameters whose body is the call, in one of several positions."""
        name = self.draw.choice(_NAMES)
        given = self.arguments(self.draw.choice(signatures(name)))
        if self.draw.random() < 0.1:
            given = given[1:] if self.draw.random() < 0.5 else [*given, self.value("misc")]
        head, style = f"(defn p{number} []", self.draw.randrange(8)
        call = f"({' '.join([name, *given])})"
        variables = [f"a{i}" for i in range(len(given))]
        bound = " ".join(f"{v} {value}" for v, value in zip(variables, given, strict=True))
        hidden = " ".join(f"{v} (identity {value})" for v, value in zip(variables, given, strict=True))
        if style == 0:
            return f"{head} (let [{hidden}] ({' '.join([name, *variables])})))"
        if style == 1:
            return f"{head} (apply {name} [{' '.join(given)}]))"
        if style == 2:
            return f"{head} (let [f {name} {bound}] [({' '.join(['f', *variables])})]))"
        if style == 3:
            return f"{head} [(try {call} (catch Any e [(:type e) (:message e) (:data e)]))])"
        if style == 4:
            return f"{head} (first (map (fn [x] ({' '.join([name, *given])})) [1])))"
        if style == 5:
            return (
                f"{head} ((fn [{' '.join(variables)}] ({' '.join([name, *variables])})) {' '.join(given)}))"
            )
        if style == 6:
            return f"{head} (str (type-name {call}) {call}))"
        return f"{head} {call})"

    def arguments(self, signature: Signature) -> list[str]:
        given = [self.argument(term) for term in signature.params]
        if signature.rest is not None:
            given += [self.argument(signature.rest) for _ in range(self.draw.randrange(4))]
        return given

    def argument(self, term: Term) -> str:
        if self.draw.random() < 0.12:
            return self.value(self.draw.choice(_KINDS))
        if isinstance(term, str):
            return self.value("any")
        if isinstance(term, int):
            if term in _OF_KIND:
                return self.value(_OF_KIND[term])
            fitting = [name for kind, name in _OF_KIND.items() if kind & term and not kind & ~term]
            return self.value(self.draw.choice(fitting or ["misc"]))
        head, inner = term
        if head == "or":
            return self.argument(self.draw.choice(inner))
        return self.value(self.draw.choice(_SEQUENCES[head]))

    def value(self, kind: str) -> str:
        return self.draw.choice(self.atoms[kind])


def library_program(draw: Random) -> Source:
    return LibraryCalls(draw).source()
