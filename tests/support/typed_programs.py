"""Random RTFS programs: definitions of several styles around typed expressions."""

from __future__ import annotations

from random import Random

from typed_expressions import ANNOTATIONS, Expressions, Scope


class Program(Expressions):
    def text(self) -> str:
        definitions = [self.global_() for _ in range(self.draw.randrange(2))]
        definitions += self.ring() if self.draw.random() < 0.4 else []
        definitions += [self.definition() for _ in range(self.draw.randrange(3))]
        self.draw.shuffle(definitions)
        body = self.expr(self.type(), self.draw.randrange(2, 5))
        if self.draw.random() < 0.3:
            body = f"[{' '.join(self.guarded(self.expr(self.type(), 3)) for _ in range(3))}]"
        return "\n".join([*definitions, body])

    def guarded(self, text: str) -> str:
        return f"(try {text} (catch Any e [(:type e) (:message e) (:data e)]))"

    def global_(self) -> str:
        name, type = f"g{len(self.scope)}", self.type()
        text = f"(def {name} {self.expr(type, 2)})"
        self.scope.append((name, type))
        return text

    def definition(self) -> str:
        name, result = self.function_name(), self.type()
        declared, bound = self.parameters()
        text = f"(defn {name} [{' '.join(declared)}] {self.within(bound, lambda: self.expr(result, 3))})"
        self.functions.append((name, [type for v, type in bound if v != "more"], result))
        return text

    def function_name(self) -> str:
        return f"f{len(self.functions)}"

    def parameters(self) -> tuple[list[str], Scope]:
        """Parameters as written, and the names that they bind."""
        types = [self.type() for _ in range(self.draw.randrange(4))]
        bound = [(self.name() + "d" + str(i), type) for i, type in enumerate(types)]
        declared = [name for name, _ in bound]
        for i, type in enumerate(types):
            if type in ANNOTATIONS and self.draw.random() < 0.3:
                declared[i] += f" : {self.draw.choice(ANNOTATIONS[type])}"
        if self.draw.random() < 0.15:
            declared.append("& more")
            bound.append(("more", "any*"))
        return declared, bound

    def ring(self) -> list[str]:
        """Functions that call themselves and each other with less and less fuel."""
        headers = []
        for _ in range(self.draw.randrange(1, 4)):
            name, result = self.function_name(), self.type()
            declared, bound = self.parameters()
            self.functions.append((name, ["fuel", *(type for v, type in bound if v != "more")], result))
            headers.append((name, declared, [("n", "int"), *bound], result))
        self.fuel = True
        texts = [self.ring_function(*header) for header in headers]
        self.fuel = False
        return texts

    def ring_function(self, name: str, declared: list[str], bound: Scope, result: str) -> str:
        base = self.within(bound, lambda: self.expr(result, 1))
        again = self.within(bound, lambda: self.call(result, 1))
        step = self.within([*bound, ("t", result)], lambda: self.expr(result, 2))
        body = self.draw.choice([again, f"(let [t {again}] {step})", f"(let [t {base}] {step})"])
        typed = self.draw.choice(["", "", " : Int", " : Any"]) if result == "int" else ""
        return f"(defn {name} [{' '.join(['n', *declared])}]{typed} (if (> n 0) {body} {base}))"


def typed_program(draw: Random) -> str:
    return Program(draw).text()
