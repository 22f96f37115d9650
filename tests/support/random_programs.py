"""Random RTFS programs for comparing levels and engines: mixed kinds, closures, loops, recursion, errors.

Deterministic by seed. Most programs end; those that do not are cut off by the deadline of the caller.
"""

from __future__ import annotations

import random

_ATOMS = ["0", "1", "2", "-3", "7", "2.5", "-0.5", "0.0", "nil", "true", "false", '"a"', '"bc"', ":k",
          "[1 2]", "{:a 1}", "9223372036854775807", "[]", "100"]  # fmt: skip
_BINARY = ["+", "-", "*", "/", "mod", "max", "min"]
_UNARY = ["inc", "dec", "abs", "not", "even?", "odd?", "zero?", "pos?", "neg?", "str", "type-name", "int?",
          "number?", "count", "first", "rest"]  # fmt: skip
_ORDER = ["<", ">", "<=", ">=", "=", "not="]
_KINDS = ["int?", "float?", "number?", "string?", "nil?", "vector?", "not", "bool?", "fn?"]


def program(seed: int) -> str:
    return _Writer(random.Random(seed)).program()


class _Writer:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.functions: list[tuple[str, int]] = []

    def pick(self, *choices: str) -> str:
        return self.draw.choice(choices)

    def atom(self, scope: list[str]) -> str:
        if scope and self.draw.random() < 0.6:
            return self.draw.choice(scope)
        return self.draw.choice(_ATOMS)

    def expr(self, scope: list[str], depth: int) -> str:
        if depth <= 0:
            return self.atom(scope)
        forms = [self.arithmetic] * 5 + [self.conditional] * 2 + [self.call] * 2
        forms += [self.let, self.unary, self.vector, self.do, self.loop, self.map_, self.reduce_, self.try_,
                  self.local_function, self.local_recursion, self.logic, self.lookup, self.filter_, self.for_,
                  self.immediate_call, self.destructure, self.match]  # fmt: skip
        return self.draw.choice(forms)(scope, depth - 1)

    def arithmetic(self, s: list[str], d: int) -> str:
        return f"({self.pick(*_BINARY)} {self.expr(s, d)} {self.expr(s, d)})"

    def conditional(self, s: list[str], d: int) -> str:
        return f"(if {self.test(s, d)} {self.expr(s, d)} {self.expr(s, d)})"

    def call(self, s: list[str], d: int) -> str:
        if not self.functions:
            return self.atom(s)
        name, arity = self.draw.choice(self.functions)
        return f"({name} {' '.join(self.expr(s, d) for _ in range(arity))})"

    def let(self, s: list[str], d: int) -> str:
        v = f"v{self.draw.randrange(4)}"
        return f"(let [{v} {self.expr(s, d)}] {self.expr([*s, v], d)})"

    def unary(self, s: list[str], d: int) -> str:
        return f"({self.pick(*_UNARY)} {self.expr(s, d)})"

    def vector(self, s: list[str], d: int) -> str:
        return f"[{self.expr(s, d)} {self.expr(s, d)}]"

    def do(self, s: list[str], d: int) -> str:
        return f"(do {self.expr(s, d)} {self.expr(s, d)})"

    def loop(self, s: list[str], d: int) -> str:
        inner = [*s, "i", "acc"]
        test = f"(< i {self.draw.randrange(1, 5)})"
        again = f"(recur (+ i 1) {self.expr(inner, d)})"
        return f"(loop [i 0 acc {self.expr(s, d)}] (if {test} {again} {self.expr(inner, d - 1)}))"

    def elements(self, s: list[str], d: int) -> str:
        return self.pick("[1 2 3]", "[1 2.5]", self.expr(s, d))

    def map_(self, s: list[str], d: int) -> str:
        return f"(map (fn [x] {self.expr([*s, 'x'], d)}) {self.elements(s, d)})"

    def reduce_(self, s: list[str], d: int) -> str:
        return f"(reduce (fn [p q] {self.expr([*s, 'p', 'q'], d)}) {self.expr(s, d)} {self.elements(s, d)})"

    def filter_(self, s: list[str], d: int) -> str:
        return f"(filter (fn [x] {self.test([*s, 'x'], d)}) {self.elements(s, d)})"

    def for_(self, s: list[str], d: int) -> str:
        return f"(for [w {self.elements(s, d)}] {self.expr([*s, 'w'], d)})"

    def try_(self, s: list[str], d: int) -> str:
        return f"(try {self.expr(s, d)} (catch _ err {self.pick(self.expr(s, d), '(getMessage err)')}))"

    def local_function(self, s: list[str], d: int) -> str:
        x = self.expr(s, d)
        use = self.pick(f"(g {x})", f"[(g {x}) (g 1)]", f"(map g [{x}])")
        return f"(let [g (fn [y] {self.expr([*s, 'y'], d)})] {use})"

    def local_recursion(self, s: list[str], d: int) -> str:
        x = self.expr([*s, "m", "z"], d)
        again = self.pick(f"(h (- m 1) {x})", f"(+ 1 (h (- m 1) {x}))")
        start = f"(h {self.draw.randrange(4)} {self.expr(s, d)})"
        return f"(let [h (fn [m z] (if (<= m 0) z {again}))] {start})"

    def logic(self, s: list[str], d: int) -> str:
        return f"({self.pick('and', 'or')} {self.expr(s, d)} {self.expr(s, d)})"

    def lookup(self, s: list[str], d: int) -> str:
        return f"(get {self.expr(s, d)} {self.expr(s, d)} {self.expr(s, d)})"

    def immediate_call(self, s: list[str], d: int) -> str:
        return f"((fn [a b] {self.expr(['a', 'b'], d)}) {self.expr(s, d)} {self.expr(s, d)})"

    def destructure(self, s: list[str], d: int) -> str:
        return f"(let [[a b] {self.expr(s, d)}] {self.expr([*s, 'a', 'b'], d)})"

    def match(self, s: list[str], d: int) -> str:
        first = self.expr([*s, "x", "y"], d)
        return f"(match {self.expr(s, d)} [x y] {first} n {self.expr([*s, 'n'], d)})"

    def test(self, s: list[str], d: int) -> str:
        kind = self.draw.randrange(8)
        if kind < 3:
            return f"({self.pick(*_ORDER)} {self.expr(s, d - 1)} {self.expr(s, d - 1)})"
        if kind < 5:
            return f"({self.pick(*_KINDS)} {self.expr(s, d - 1)})"
        if kind < 7:
            inner = self.test(s, d - 1) if d > 0 else "true"
            return f"({self.pick('and', 'or')} {inner} {self.expr(s, d - 1)})"
        return self.expr(s, d - 1)

    def function(self, number: int) -> str:
        """A function of one to three parameters, some with a declared type, some recursive."""
        params = ["n", "a", "b"][: self.draw.randrange(1, 4)]
        rest = " ".join(self.atom(params) for _ in params[1:])
        again = f"(f{number} (- n 1) {rest})"
        kind = self.draw.randrange(4)
        if kind == 0:
            body = self.expr(params, 3)
        elif kind == 1:
            body = f"(if (<= n 0) {self.expr(params, 2)} {again})"
        elif kind == 2:
            body = f"(if (<= n 0) {self.expr(params, 2)} (+ {self.expr(params, 2)} {again}))"
        else:
            self.functions.append((f"f{number}", len(params)))
            guard = "(or (not (int? n)) (<= n 0) (> n 6))"
            body = f"(if {guard} {self.atom(params)} (let [n (- n 3)] {self.expr(params, 3)}))"
            self.functions.pop()
        self.functions.append((f"f{number}", len(params)))
        declared = [
            p + (self.pick(" : Int", " : Float", " : Any") if self.draw.random() < 0.15 else "")
            for p in params
        ]
        return f"(defn f{number} [{' '.join(declared)}] {body})"

    def program(self) -> str:
        functions = [self.function(i) for i in range(self.draw.randrange(1, 4))]
        if self.draw.random() < 0.3:
            return "\n".join([*functions, self.expr([], 4)])
        calls = []
        for _ in range(3):
            name, arity = self.draw.choice(self.functions)
            args = " ".join(self.pick("1", "2", "3", "2.5", "nil", self.atom([])) for _ in range(arity))
            calls.append(f"(try ({name} {args}) (catch _ e (getMessage e)))")
        return "\n".join([*functions, f"[{' '.join(calls)}]"])
