"""Random RTFS expressions from typed templates: mostly well-typed, with a slip to another type now and then.

Types are texts: ``int float num bool str kw any``, ``T*`` a vector of T, ``T#`` a map from keywords to T,
``A>T`` a function of one argument. What a template is: `program_templates`. Programs end: loops and recursion
are bounded; what a slip unbounds is cut by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

from program_templates import FEATURES, merged

SCALARS: Final = ["int", "int", "int", "float", "num", "bool", "str", "kw"]
SLIPS: Final = [0.0, 0.03, 0.03, 0.03, 0.1, 0.3]
"""How often another type than the wanted one is taken; one of these for each program."""
ANNOTATIONS: Final = {
    "int": ["Int", "Float", "Int?", "[:and Int [:> -5]]", "[:union Int String]"],
    "float": ["Float", "Float?"], "num": ["Float", "Any"], "bool": ["Bool"], "str": ["String", "Any"],
    "kw": ["Keyword"], "int*": ["[:vector Int]"], "str*": ["[:vector String]"],
    "int#": ["[:map-of Keyword Int]"],
}  # fmt: skip

_UNARY: Final = "inc dec - abs not str count first rest even? sqrt int float type-name nil? identity vector +"
_BINARY: Final = "+ - * / max < = str vector conj get nth take mod cons and"
LIBRARY: Final = {1: _UNARY.split(" "), 2: _BINARY.split(" ")}

Scope = list[tuple[str, str]]
_FRESH: Final = re.compile("«(.*?)»")
_FEW: Final = 30
"""Generic templates that count as much as one form that is written as a method."""


class Expressions:
    """`draw` decides everything, so Hypothesis can shrink what is drawn through its own Random."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.features = tuple(name for name in FEATURES if draw.random() < (0.1 if name == "big" else 0.35))
        self.templates, self.atoms = merged(self.features)
        self.slip = draw.choice(SLIPS)
        self.scope: Scope = []
        self.functions: list[tuple[str, list[str], str]] = []
        self.fuel = False
        self.names = 0
        generic = 3 + len(self.templates["T"]) // _FEW
        self.forms = [self.template] * 6 + [self.generic] * generic + [self.let, self.loop, self.try_]
        self.forms += [self.call, self.call, self.destructure, self.match, self.recursion, self.closure_call]
        self.forms += [self.typed, self.map_pattern]

    # Types and names

    def type(self) -> str:
        base = self.draw.choice(SCALARS)
        return base + self.draw.choice(["", "", "", "", "*", "#"])

    def name(self) -> str:
        """A fresh name, sometimes one that is taken already."""
        if self.draw.random() < 0.1:
            return self.draw.choice(["x", "f0", "count", "str"])
        self.names += 1
        return f"v{self.names}"

    def within(self, bound: Scope, make: Callable[[], str]) -> str:
        before = len(self.scope)
        self.scope += bound
        text = make()
        del self.scope[before:]
        return text

    # Expressions

    def expr(self, type: str, depth: int) -> str:
        draw = self.draw
        if draw.random() < self.slip:
            type = self.type()
        known = [name for name, has in dict(self.scope).items() if has == type]
        if known and draw.random() < 0.4:
            return draw.choice(known)
        if ">" in type:
            return self.function_value(type, depth)
        if depth <= 0:
            return self.atom(type)
        return draw.choice(self.forms)(type, depth - 1)

    def atom(self, type: str) -> str:
        if type in self.atoms:
            return self.draw.choice(self.atoms[type])
        if type.endswith("*"):
            return f"[{' '.join(self.atom(type[:-1]) for _ in range(self.draw.randrange(4)))}]"
        if type.endswith("#"):
            keys = self.draw.sample([":a", ":b", ":c", ":k"], self.draw.randrange(4))
            return f"{{{' '.join(f'{key} {self.atom(type[:-1])}' for key in keys)}}}"
        if type in self.templates:
            return self.fill(self.draw.choice(self.templates[type]), type, 0)
        return self.function_value(type, 0)

    def fill(self, template: str, wanted: str, depth: int) -> str:
        for name in dict.fromkeys(_FRESH.findall(template)):
            template = template.replace(f"«{name}»", self.name() + name)
        text, *holes = template.split("‹")
        for hole in holes:
            filling, rest = hole.split("›", 1)
            type, *bound = (part.replace("T", wanted) for part in filling.split(";"))
            names = [tuple(name.split("=")) for name in bound]
            text += self.within(names, lambda type=type: self.expr(type, depth)) + rest  # type: ignore
        return text

    def template(self, type: str, depth: int) -> str:
        kind = "vec" if type.endswith("*") else "map" if type.endswith("#") else type
        wanted = type[:-1] if kind in ("vec", "map") else type
        found = self.templates.get(type, []) + self.templates.get(kind, [])
        return self.fill(self.draw.choice(found), wanted, depth) if found else self.generic(type, depth)

    def generic(self, type: str, depth: int) -> str:
        return self.fill(self.draw.choice(self.templates["T"]), type, depth)

    # Forms that bind names

    def let(self, type: str, depth: int) -> str:
        bound: Scope = []
        before, text = len(self.scope), ""
        for _ in range(self.draw.randrange(1, 4)):
            name, has = self.name(), self.type()
            text += f"{name} {self.expr(has, depth)} "
            self.scope.append((name, has))
        body = self.within(bound, lambda: self.expr(type, depth))
        del self.scope[before:]
        return f"(let [{text.strip()}] {body})"

    def function_value(self, type: str, depth: int) -> str:
        *arguments, result = type.split(">")
        if self.draw.random() < 0.2 and LIBRARY.get(len(arguments)):
            return self.draw.choice(LIBRARY[len(arguments)])
        names = [self.name() for _ in arguments]
        if len(set(names)) < len(names):
            names = [f"{name}{i}" for i, name in enumerate(names)]
        bound = list(zip(names, arguments, strict=True))
        return f"(fn [{' '.join(names)}] {self.within(bound, lambda: self.expr(result, depth))})"

    def loop(self, type: str, depth: int) -> str:
        i, acc = self.name() + "i", self.name() + "a"
        start, rounds = self.expr(type, depth), self.draw.randrange(1, 5)
        bound = [(i, "int"), (acc, type)]
        step = self.within(bound, lambda: self.expr(type, depth))
        end = self.within(bound, lambda: self.expr(type, depth - 1))
        return f"(loop [{i} 0 {acc} {start}] (if (< {i} {rounds}) (recur (+ {i} 1) {step}) {end}))"

    def try_(self, type: str, depth: int) -> str:
        body, handler = self.expr(type, depth), self.expr(type, depth - 1)
        kind = self.draw.choice(
            ["Any", "TypeError", "ArithmeticOverflow", "RuntimeError", ":type-error", "e"]
        )
        last = f" (finally {self.expr('any', depth - 1)})" if self.draw.random() < 0.3 else ""
        raised = "(throw {:type :mine :message ‹str› :data ‹any›})"
        if self.draw.random() < 0.3:
            body = f"(do {self.fill(raised, type, depth - 1)} {body})"
        return f"(try {body} (catch {kind} er {handler}){last})"

    def destructure(self, type: str, depth: int) -> str:
        a, b = self.name() + "p", self.name() + "q"
        first, second = self.type(), self.type()
        value = f"[{self.expr(first, depth)} {self.expr(second, depth)}]"
        shape = self.draw.choice([f"[{a} {b}]", f"[{a} & {b}]", f"[{a} {b} :as all]", f"[{a} _ & {b}]"])
        if "&" in shape:
            second += "*"
        body = self.within([(a, first), (b, second)], lambda: self.expr(type, depth))
        return f"(let [{shape} {value}] {body})"

    def map_pattern(self, type: str, depth: int) -> str:
        has = self.type()
        value = self.expr(has + "#" if has[-1] not in "*#" else has, depth)
        pattern = self.draw.choice(
            ["{:keys [a b]}", "{a :a b :k}", "{:keys [a b] :or {b nil}}", "{a :a & b}"]
        )
        body = self.within([("a", has)], lambda: self.expr(type, depth))
        return f"(let [{pattern} {value}] {body})"

    def match(self, type: str, depth: int) -> str:
        has, n = self.type(), self.name() + "m"
        subject = self.expr(has, depth)
        literal = f"{self.atom(self.draw.choice(['int', 'str', 'kw', 'bool']))} {self.expr(type, depth - 1)}"
        guard = self.within([(n, has)], lambda: self.expr("bool", depth - 1))
        body = self.within([(n, has)], lambda: self.expr(type, depth))
        extra = self.draw.choice(["", f"[{n} & r] {self.atom(type)} ", f"{{:a {n}}} {self.atom(type)} "])
        last = self.draw.choice([f" _ {self.atom(type)}", ""])
        return f"(match {subject} {literal} {extra}{n} when {guard} {body}{last})"

    def recursion(self, type: str, depth: int) -> str:
        f, n, acc = self.name() + "f", self.name() + "n", self.name() + "r"
        bound = [(n, "int"), (acc, type)]
        step = self.within(bound, lambda: self.expr(type, depth - 1))
        again = f"({f} (- {n} 1) {step})"
        again = self.draw.choice(
            [again, f"(let [t {again}] t)", f"(do {acc} {again})", f"(first [{again} {n}])"]
        )
        start = f"({f} {self.expr('small', 0)} {self.expr(type, depth)})"
        return f"(let [{f} (fn [{n} {acc}] (if (> {n} 0) {again} {acc}))] {start})"

    def closure_call(self, type: str, depth: int) -> str:
        has = self.type()
        function, value = self.expr(f"{has}>{type}", depth), self.expr(has, depth)
        how = self.draw.choice(
            ["({f} {x})", "(apply {f} [{x}])", "(first (map {f} [{x}]))", "(let [g {f}] (g {x}))"]
        )
        return how.format(f=function, x=value)

    def typed(self, type: str, depth: int) -> str:
        known = [has for has in ANNOTATIONS if has == type] or list(ANNOTATIONS)
        has = self.draw.choice(known)
        name, declared = self.name() + "t", self.draw.choice(ANNOTATIONS[has])
        body = self.within([(name, has)], lambda: self.expr(type, depth))
        if self.draw.random() < 0.5:
            return f"(let [{name} : {declared} {self.expr(has, depth)}] {body})"
        return f"((fn [{name} : {declared}] {body}) {self.expr(has, depth)})"

    def call(self, type: str, depth: int) -> str:
        """A call of a function of the program. One with fuel counts it down, so that calls end."""
        fitting = [f for f in self.functions if f[2] == type] or self.functions
        if not fitting:
            return self.template(type, depth)
        name, parameters, _ = self.draw.choice(fitting)
        arguments = [self.argument(p, depth) for p in parameters]
        if self.draw.random() < self.slip:
            arguments = arguments[1:]
        return f"({' '.join([name, *arguments])})"

    def argument(self, type: str, depth: int) -> str:
        if type == "fuel":
            return "(- n 1)" if self.fuel else self.draw.choice("1234")
        if type in ("int", "float") and self.draw.random() < 0.2:
            type = "num"
        return self.expr("small" if type == "int" and self.draw.random() < 0.5 else type, depth)
