"""Functions are cloned per types of their arguments, and exported ones get entries for numbers.

Before::

    (export "fib" (func fib) …)
    (function fib (params n)
      (if (lt n 2 @1) n (num.add (call fib (num.sub n 1 @1) @1) (call fib (num.sub n 2 @1) @1) @1)))

After::

    (export "fib" (func fib) … (variant fib#i int))
    (function fib (params n)
      (if (is [int] n) (call fib#i (as [int] n) ^int) …))
    (function fib#i (params (n int)) (result int)
      (if (int.lt n 2)
        n
        (int.add (call fib#i (int.sub n 1 @1) ^int @1) (call fib#i (int.sub n 2 @1) ^int @1) @1)))

An instance is a function with one letter per parameter: ``i f b`` for an int, float or bool that
travels unboxed, ``v`` for a value; within an instance the types of value parameters are joined over all
calls.  Instances are walked (`infer`) until no result, parameter, capture or global grows any more.  What
is called from outside, or through a closure, takes any value.

Tail calls need one representation of results.  Functions that tail-call each other and do not agree on a
scalar return boxed values; a dispatch to a clone with an unboxed result is an ordinary call.  That cannot
grow the stack without bound: from a function with an unboxed result, tail calls only lead to others of
the kind, never back to a dispatch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    INIT,
    Call,
    Const,
    Expr,
    Function,
    If,
    Local,
    Module,
    Prim,
    SetGlobal,
    Var,
    Variant,
    false,
)
from rtfsc.ir.walk import nodes
from rtfsc.passes.infer import SCALARS, Inference, LoopTypes
from rtfsc.passes.known import ANY, Known, deep, kinds, meet, of_const, typed_vector
from rtfsc.passes.numeric import (
    converted_parameters,
    float_parameters,
    numeric_variables,
    vectors_read,
)
from rtfsc.passes.unbox import Typed, coerce_tail

MAX_CLONES: Final = 6
"""Instances of one function, besides the one for values of any kind."""
MAX_NUMERIC: Final = 4
"""Parameters that an export's entry for numbers may test."""
_LETTERS: Final = {T.INT: "i", T.FLOAT: "f", T.BOOL: "b"}
_VECTOR: Final = "s"
_TRAVELS: Final = {"i": T.INT, "f": T.FLOAT, "b": T.BOOL, _VECTOR: T.VEC}
_VALUES: Final = frozenset({T.NIL, T.BOOL, T.INT, T.FLOAT, T.KW, T.STR})


def run(module: Module) -> None:
    specialise(module, clones=True)


def specialise(module: Module, clones: bool) -> None:
    """Replaces the functions of ``module`` by their instances; without ``clones`` one each."""
    specialiser = _Specialiser(module, clones)
    specialiser.roots()
    specialiser.solve()
    specialiser.add_float_entries()
    specialiser.solve()
    while specialiser.agree():
        specialiser.solve()
    specialiser.finish()


@dataclass(eq=False, slots=True)
class Instance:
    """A function for one signature. ``given``: types its parameters are known to have; ``known``: of its
    result; ``variants``: the argument types of the instances for numbers that it dispatches to."""

    base: Function
    name: str
    signature: str
    given: list[Known]
    captured: list[Known]
    known: Known = T.NEVER
    boxed: bool = False
    function: Function | None = None
    variants: list[tuple[T.Type, ...]] = field(default_factory=list)
    loops: dict[str, LoopTypes] = field(default_factory=dict)
    readers: dict[Instance, bool] = field(default_factory=dict)
    tails: dict[str, bool] = field(default_factory=dict)

    @property
    def params(self) -> list[T.Type]:
        """The types of the parameters as they travel."""
        return [
            _TRAVELS.get(letter) or (v.type if T.rep(v.type) == "val" else T.ANY)
            for letter, v in zip(self.signature, self.base.params, strict=True)
        ]

    @property
    def result(self) -> T.Type:
        """The type of the result as it travels."""
        if self.known & T.BUILDER:
            return kinds(self.known)
        return self.known if self.known in SCALARS and not self.boxed else T.ANY


class _Specialiser:
    def __init__(self, module: Module, clones: bool) -> None:
        self.module = module
        self.clones = clones
        self.instances: dict[str, dict[str, Instance]] = {name: {} for name in module.functions}
        self.by_name: dict[str, Instance] = {}
        self.globals: dict[str, Known] = dict.fromkeys(module.globals, T.NEVER)
        self.constants = _constant_globals(module)
        self.read = vectors_read(module) if clones else set()
        self.literals: dict[Const, Known] = {}
        self.global_readers: dict[str, dict[Instance, bool]] = {name: {} for name in module.globals}
        self.queue: dict[Instance, bool] = {}
        self.current: Instance | None = None

    def roots(self) -> None:
        numeric = numeric_variables(self.module) if self.clones else set()
        for e in self.module.exports:
            if e.func is None:
                continue
            instance = self.open(e.func)
            if self.clones and not e.variants:
                for types in _variants(instance.base, numeric):
                    self.add_variant(instance, types)
        self.open(INIT)

    def add_variant(self, instance: Instance, types: tuple[T.Type, ...]) -> None:
        """``instance`` dispatches to the instance for ``types``, which need not be within `MAX_CLONES`."""
        self.instance(instance.base, _signature_of(types))
        instance.variants.append(types)
        self.queue[instance] = True

    def add_float_entries(self) -> None:
        """A second entry where it pays: floats for parameters that are declared as such, or that the entry
        for ints converts to float."""
        for instance in list(self.by_name.values()):
            if len(instance.variants) != 1:
                continue
            ints = instance.variants[0]
            clone = self.instances[instance.base.name][_signature_of(ints)].function
            assert clone is not None
            floats = converted_parameters(clone) | float_parameters(instance.base)
            types = tuple([T.FLOAT if t == T.INT and i in floats else t for i, t in enumerate(ints)])
            if types != ints:
                self.add_variant(instance, types)

    def open(self, func: str) -> Instance:
        """The instance for callers that pass anything."""
        base = self.module.functions[func]
        instance = self.instance(base, "v" * len(base.params))
        self.join(instance, instance.given, [deep(v.type) for v in base.params])
        return instance

    def instance(self, base: Function, signature: str) -> Instance:
        known = self.instances[base.name]
        if signature not in known:
            generic = signature == "v" * len(base.params)
            name = base.name if generic else self.fresh(f"{base.name}#{signature}")
            n = len(base.params)
            captured = [T.NEVER] * len(base.captures)
            known[signature] = new = Instance(base, name, signature, [T.NEVER] * n, captured)
            self.by_name[name] = new
            self.queue[new] = True
        return known[signature]

    def fresh(self, name: str) -> str:
        while name in self.module.functions or name in self.by_name:
            name += "'"
        return name

    def join(self, instance: Instance, into: list[Known], types: list[Known]) -> None:
        for i, t in enumerate(types):
            if t & ~into[i]:
                into[i] |= t
                self.queue[instance] = True

    def signature(self, base: Function, types: list[Known]) -> str:
        generic = "v" * len(types)
        if not self.clones or base.captures or base.self_var is not None:
            return generic
        wanted = "".join([self.letter(v, k) for v, k in zip(base.params, types, strict=True)])
        known = self.instances[base.name]
        return wanted if wanted in known or len(known) <= MAX_CLONES else generic

    def letter(self, param: Var, k: Known) -> str:
        if typed_vector(k) and param.type == T.ANY and param in self.read:
            return _VECTOR
        return _LETTERS.get(k, "v")

    def call(self, func: str, types: list[Known]) -> Instance:
        base = self.module.functions[func]
        instance = self.instance(base, self.signature(base, types))
        self.join(instance, instance.given, types)
        assert self.current is not None
        instance.readers[self.current] = True
        return instance

    def closure(self, func: str, captures: list[Known]) -> None:
        instance = self.open(func)
        self.join(instance, instance.captured, captures)

    def const_type(self, e: Const) -> Known:
        if e not in self.literals:
            self.literals[e] = of_const(e)
        return self.literals[e]

    def global_type(self, name: str) -> Known:
        assert self.current is not None
        self.global_readers[name][self.current] = True
        return self.globals[name]

    def global_value(self, name: str) -> Const | None:
        return self.constants.get(name)

    def set_global(self, name: str, t: Known) -> None:
        if t & ~self.globals[name]:
            self.globals[name] |= t
            self.queue.update(self.global_readers[name])

    def solve(self) -> None:
        while self.queue:
            instance = next(iter(self.queue))
            del self.queue[instance]
            self.current = instance
            before = instance.known
            self.build(instance)
            if instance.known != before:
                self.queue.update(instance.readers)

    def build(self, instance: Instance) -> None:
        """Walks the function of ``instance`` and keeps the result as its present form."""
        base = instance.base
        walk = Inference(self, instance.loops)
        params = [
            walk.bind(old, Var(old.name, t), known)
            for old, t, known in zip(base.params, instance.params, instance.given, strict=True)
        ]
        captures = [
            walk.bind(old, Var(old.name, old.type), meet(known, old.type))
            for old, known in zip(base.captures, instance.captured, strict=True)
        ]
        self_var = None
        if base.self_var is not None:
            self_var = walk.bind(base.self_var, Var(base.self_var.name, T.FN), T.FN)
        body, t = self.body(instance, params, walk)
        instance.tails = walk.tails
        instance.known |= t
        body = coerce_tail(body, t, instance.result)
        instance.function = Function(
            instance.name, params, body, instance.result, base.rest and instance.name == base.name,
            captures, self_var, base.display_name, base.origin, base.library,
        )  # fmt: skip

    def body(self, instance: Instance, params: list[Var], walk: Inference) -> Typed:
        """The walked body, after the tests for its variants."""
        fast = [self.dispatch(instance, types, params, walk) for types in instance.variants]
        tests = [test for test, _, _ in fast]
        if len(tests) == 1 and isinstance(tests[0], Prim):
            tested = tests[0].args[0].var  # type: ignore[attr-defined]
            walk.known[tested] = meet(ANY, T.ANY & ~tests[0].imm)
        body, known = walk.walk(instance.base.body)
        for test, call, result in reversed(fast):
            body = If(test, call, body)
            known |= result
        return body, known

    def dispatch(
        self, instance: Instance, types: tuple[T.Type, ...], params: list[Var], walk: Inference
    ) -> tuple[Expr, Expr, Known]:
        """(test of the arguments, call of the instance for ``types``, what is known of its result)"""
        target = self.call(instance.base.name, [deep(t) for t in types])
        pairs = list(zip(params, types, strict=True))
        args: list[Expr] = [Prim("as", [Local(v)], t, 0, t) if t in SCALARS else Local(v) for v, t in pairs]
        tail = T.rep(target.result) == "val"
        if tail:
            walk.tails[target.name] = True
        test = _all_of([(v, t) for v, t in pairs if t in SCALARS])
        return test, Call(target.name, args, target.result, 0, tail), target.known

    def agree(self) -> bool:
        """Functions that tail-call each other return the same way; True if some had to change."""
        parent = {name: name for name in self.by_name}

        def root(name: str) -> str:
            while parent[name] != name:
                parent[name] = parent[parent[name]]
                name = parent[name]
            return name

        for instance in self.by_name.values():
            for callee in instance.tails:
                parent[root(instance.name)] = root(callee)
        shapes: dict[str, T.Rep] = {}
        mixed: set[str] = set()
        for name, instance in self.by_name.items():
            r = root(name)
            if shapes.setdefault(r, T.rep(instance.result)) != T.rep(instance.result):
                mixed.add(r)
        changed = [i for n, i in self.by_name.items() if root(n) in mixed and T.rep(i.result) != "val"]
        for instance in changed:
            instance.boxed = True
            self.queue[instance] = True
            self.queue.update(instance.readers)
        return bool(changed)

    def finish(self) -> None:
        functions: dict[str, Function] = {}
        for name in self.instances:
            for instance in self.instances[name].values():
                assert instance.function is not None
                functions[instance.name] = instance.function
        self.module.functions = functions
        for e in self.module.exports:
            exported = self.by_name.get(e.func or "")
            if exported is None or e.variants:
                continue
            for types in exported.variants:
                clone = self.instances[exported.base.name][_signature_of(types)]
                e.variants.append(Variant(clone.name, tuple(clone.params)))


def _signature_of(types: tuple[T.Type, ...]) -> str:
    return "".join([_LETTERS.get(t, "v") for t in types])


def _variants(f: Function, numeric: set[Var]) -> list[tuple[T.Type, ...]]:
    """The types of the entry for numbers, if there is one: int for each numeric parameter."""
    if f.rest or f.captures or f.self_var is not None:
        return []
    types = tuple([T.INT if v in numeric and v.type == T.ANY else T.ANY for v in f.params])
    return [types] if 0 < types.count(T.INT) <= MAX_NUMERIC else []


def _all_of(tested: list[tuple[Var, T.Type]]) -> Expr:
    test: Expr | None = None
    for v, t in reversed(tested):
        this = Prim("is", [Local(v)], T.BOOL, 0, t)
        test = this if test is None else If(this, test, false())
    assert test is not None
    return test


def _constant_globals(module: Module) -> dict[str, Const]:
    """Globals that are set once, to a small constant."""
    found: dict[str, Const] = {}
    count: dict[str, int] = {}
    for e in nodes(module.functions[INIT].body):
        if isinstance(e, SetGlobal):
            count[e.name] = count.get(e.name, 0) + 1
            if isinstance(e.value, Const) and e.value.type in _VALUES:
                found[e.name] = e.value
    return {name: value for name, value in found.items() if count[name] == 1}
