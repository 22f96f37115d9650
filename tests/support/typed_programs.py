"""Random RTFS programs: definitions of several styles around typed expressions, macros, structs, modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from program_templates import macros
from typed_expressions import ANNOTATIONS, Expressions, Scope


@dataclass
class Source:
    """A program: its text, and the files of the modules that it imports by path. ``count``: how many programs
    it stands for, where it is a batch of functions that have nothing to do with each other."""

    text: str
    files: dict[str, str] = field(default_factory=dict)
    count: int = 1

    def __str__(self) -> str:
        return "\n".join([self.text, *(f";; {path}\n{text}" for path, text in self.files.items())])


class Program(Expressions):
    """``prefix``: of the names of its functions, which are exported."""

    def __init__(self, draw: Random, prefix: str = "f") -> None:
        super().__init__(draw)
        self.prefix = prefix

    def text(self) -> str:
        definitions = self.definitions()
        body = self.expr(self.type(), self.draw.randrange(2, 5))
        if self.draw.random() < 0.5:
            body = f"[{' '.join(self.guarded(self.expr(self.type(), 3)) for _ in range(3))}]"
        return "\n".join([*definitions, body])

    def definitions(self) -> list[str]:
        """Macros come first; all else may stand anywhere."""
        before = self.macros() if self.draw.random() < 0.2 else []
        before += self.structs() if self.draw.random() < 0.15 else []
        before += self.declared() if "host" in self.features else []
        definitions = [self.global_() for _ in range(self.draw.randrange(2))]
        definitions += self.ring() if self.draw.random() < 0.3 else []
        definitions += [self.definition() for _ in range(self.draw.randrange(3))]
        self.draw.shuffle(definitions)
        return before + definitions

    def batch(self, count: int) -> str:
        """Functions that are called from Python alone, each a program of its own."""
        return "\n".join([*self.definitions()[:1], *(self.definition() for _ in range(count))])

    def guarded(self, text: str) -> str:
        return f"(try {text} (catch Any e [(:type e) (:message e) (:data e)]))"

    # Definitions

    def macros(self) -> list[str]:
        found = self.draw.sample(macros(), self.draw.randrange(1, 5))
        for _, type, call in found:
            self.templates.setdefault(type, []).extend([call] * (4 if type == "T" else 2))
        return [definition for definition, _, _ in found]

    def structs(self) -> list[str]:
        self.templates["any"] += ["(P0 {:x ‹int› :y ‹any›})", "(P0 ‹any#›)", "(P0 {:x 1 :p (P0 {:x ‹num›})})"]
        self.templates["int"] += ["(:x (P0 {:x ‹int›}))", "(:x (P0 {:x ‹int› :y ‹str›}))"]
        self.templates["T"] += ["(let [«s» : P0 {:x ‹int›}] ‹T;«s»=int#›)"]
        return ["(defstruct P0 :x Int :y String? :p Any?)"]

    def declared(self) -> list[str]:
        """Functions that the host may have (see program_host.py), and one that nobody has."""
        self.templates["int"] += ["(d0 ‹int›)", "(r0 ‹int›)"]
        self.templates["T"] += ["(try (d1 ‹any›) (catch UndefinedSymbol e ‹T;e=err›))"]
        body = self.within([("x", "int")], lambda: self.expr("int", 2))
        delegated = f'(defn ^:delegation :remote "m" r0 [x : Int] : Int {body})'
        return ['(declare d0 [x : Int] : Int "doubles")', "(declare d1 [x])", delegated]

    def global_(self) -> str:
        name, type = f"{self.prefix}g{len(self.scope)}", self.type()
        text = f"(def {name} {self.expr(type, 2)})"
        self.scope.append((name, type))
        return text

    def definition(self) -> str:
        name, result = self.function_name(), self.type()
        declared, bound = self.parameters()
        body = self.within(bound, lambda: self.expr(result, self.draw.choice((1, 2, 2, 3))))
        self.functions.append((name, [type for v, type in bound if v != "more"], result))
        return f"(defn {name} [{' '.join(declared)}] {body})"

    def function_name(self) -> str:
        return f"{self.prefix}{len(self.functions)}"

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

    # Modules

    def import_(self, name: str, other: Program) -> str:
        """Takes over what the module ``other`` shows, by one of the ways to import it."""
        how = self.draw.randrange(3)
        shown = [*other.functions, *((v, None, type) for v, type in other.scope)]
        taken = self.draw.sample(shown, self.draw.randrange(len(shown)) + 1) if how == 2 and shown else shown
        prefix = ("m/", f"{name}/", "")[how]
        for entry, parameters, type in taken:
            if parameters is None:
                self.scope.append((prefix + entry, type))
            else:
                self.functions.append((prefix + entry, parameters, type))
        only = f"[{' '.join(entry for entry, _, _ in taken)}]"
        return f"(import {name}{(' :as m', '', f' :only {only}')[how if shown else 1]})"


def typed_program(draw: Random) -> str:
    return Program(draw).text()


def program_with_modules(draw: Random) -> Source:
    """A program that imports one module or two, which may import each other in one direction."""
    files: dict[str, str] = {}
    made: list[tuple[str, Program]] = []
    for i in range(draw.randrange(1, 3)):
        name, module = draw.choice([f"m{i}", f"lib.m{i}"]), Program(draw, prefix=f"m{i}-f")
        imports = [module.import_(*other) for other in made if draw.random() < 0.6]
        taken = len(module.functions), len(module.scope)
        parts = [*module.definitions(), module.definition()]
        module.functions, module.scope = module.functions[taken[0] :], module.scope[taken[1] :]
        shown = [f for f, _, _ in module.functions] + [v for v, _ in module.scope]
        text = "\n  ".join([f"(module {name}", f"(:exports [{' '.join(shown)}])", *imports, *parts])
        files[name.replace(".", "/") + ".rtfs"] = text + ")\n"
        made.append((name, module))
    main = Program(draw)
    imports = [main.import_(*other) for other in made]
    body = main.text()
    if draw.random() < 0.3:  # module forms may stand in the program too
        imports = [f"{files.popitem()[1]}", *imports[:-1]]
    return Source("\n".join([*imports, body]), files)
