"""Constants, names, collections, branches, let, loops, try."""

from __future__ import annotations

from typing import Any

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import (
    ANY,
    BOOL,
    INT,
    NEVER,
    NIL,
    Field,
    Lit,
    Type,
    items,
    literal,
    of_kinds,
    record,
    sequence,
)
from rtfsc.sema.algebra.relations import either, join, widened
from rtfsc.sema.check.checker import Checker, Want
from rtfsc.sema.check.facts import Facts, facts, falsy, truthy
from rtfsc.sema.check.parts import element
from rtfsc.sema.check.patterns import bind
from rtfsc.sema.scopes import GlobalDef, LibraryName, Local

WIDTH = 16
"""Most items or entries that a type of a literal tells apart."""
DEPTH = 3
"""How deep a type of a literal looks into it."""
ERROR = of_kinds(T.ERR)
FUNCTION = of_kinds(T.FN)


def constant(c: Checker, node: A.Const) -> Type:
    kind, value = node.kind, node.value
    if kind & (T.VEC | T.LIST):
        if len(value) > WIDTH:
            mask = 0
            for item in value:
                mask |= item.kind
            return items(of_kinds(mask), None, kind)
        return tuple_of([constant(c, item) for item in value], kind)
    if kind == T.MAP:
        return record_of([(key, constant(c, item)) for key, item in value])
    found = c.constants.get((kind, value))
    if found is None:
        scalar = kind & (T.INT | T.FLOAT | T.STR | T.KW | T.BOOL)
        found = c.constants[kind, value] = literal(kind, value) if scalar else of_kinds(kind)
    return found


def tuple_of(types: list[Type], kind: int = T.VEC) -> Type:
    """The type of a literal of these items."""
    if len(types) > WIDTH:
        return items(_kinds(types), None, kind)
    return sequence(tuple(_shallow(t) for t in types), kind)


def record_of(pairs: list[tuple[A.Const, Type]]) -> Type:
    if len(pairs) > WIDTH or any(not key.kind & (T.KW | T.STR | T.INT) for key, _ in pairs):
        return of_kinds(T.MAP)
    fields = {Lit(key.kind, key.value): _shallow(t) for key, t in pairs}
    return record([Field(key, t, True) for key, t in fields.items()], closed=True)


def _shallow(t: Type) -> Type:
    """A value of no type never gets there, so anything may be said of it."""
    return t if t.mask and t.depth < DEPTH else of_kinds(t.mask or T.ANY)


def _kinds(types: list[Type]) -> Type:
    mask = 0
    for t in types:
        mask |= t.mask
    return of_kinds(mask or T.ANY)


def name(c: Checker, node: A.Name) -> Type:
    binding = node.binding
    kind = type(binding)
    if kind is Local:
        return c.types.get(binding, ANY)
    if kind is GlobalDef:
        if binding.function is not None:
            from rtfsc.sema.check.functions import type_of_function

            return type_of_function(c, binding)
        return c.globals.get(binding, ANY)
    return FUNCTION if kind is LibraryName else ANY


def vector(c: Checker, node: A.VectorExpr) -> Type:
    return tuple_of([c.visit(item) for item in node.items])


def mapping(c: Checker, node: A.MapExpr) -> Type:
    return record_of([(key, c.visit(value)) for key, value in node.pairs])


def template(c: Checker, node: A.Collect) -> Type:
    spliced = [part for part in node.parts if type(part) is A.Splice]
    types = [c.visit(part.value if type(part) is A.Splice else part) for part in node.parts]
    return of_kinds(node.kind) if spliced or node.kind == T.MAP else tuple_of(types, node.kind)


def conditional(c: Checker, node: A.If, want: Want | None) -> Type:
    test = c.visit(node.test)
    known = facts(c, node.test)
    then = _branch(c, node.then, known.then, not truthy(test).mask, want)
    if node.orelse is None:
        possible = bool(falsy(test).mask)
        if want is not None and possible:
            c.require(NIL, want, node.span)
        return either(then, NIL) if possible else then
    return either(then, _branch(c, node.orelse, known.other, not falsy(test).mask, want))


def _branch(c: Checker, node: A.Node, known: Facts, dead: bool, want: Want | None) -> Type:
    """``dead``: the test says that this cannot run; so does a local that has no value here."""
    if not dead:
        for fact in known.values():
            dead = dead or not fact.mask
    c.quiet += dead
    before = {local: c.types.get(local, ANY) for local in known}
    c.types.update(known)
    t = c.visit(node, want)
    c.types.update(before)
    c.quiet -= dead
    return NEVER if dead else t


def block(c: Checker, node: A.Do, want: Want | None) -> Type:
    if not node.body:
        if want is not None:
            c.require(NIL, want, node.span)
        return NIL
    for part in node.body[:-1]:
        c.visit(part)
    return c.visit(node.body[-1], want)


def logic(c: Checker, node: A.Logic) -> Type:
    if not node.args:
        return BOOL
    return _logic(c, node.args, node.conjunction)


def _logic(c: Checker, args: list[A.Node], conjunction: bool) -> Type:
    first = c.visit(args[0])
    if len(args) == 1:
        return first
    kept, goes_on = (falsy(first), truthy(first)) if conjunction else (truthy(first), falsy(first))
    known = facts(c, args[0])
    dead = not goes_on.mask
    c.quiet += dead
    with c.knowing(known.then if conjunction else known.other):
        more = _logic(c, args[1:], conjunction)
    c.quiet -= dead
    return kept if dead else either(kept, more)


def let(c: Checker, node: A.Let, want: Want | None) -> Type:
    for step in node.plan:
        if step.value is not None:
            bound: A.Bind = step.value
            expected = c.want(bound.type, _what(bound.pattern), bound.pattern.span)
            bind(c, bound.pattern, checked(c, bound.value, expected), bound.value.span)
            continue
        from rtfsc.sema.check.functions import announce, type_of_local_function

        for made in step.functions:
            announce(c, made.pattern.local, made.value)
        for made in step.functions:
            c.types[made.pattern.local] = type_of_local_function(c, made.value)
    return c.visit(node.body, want)


def checked(c: Checker, node: A.Node, want: Want | None) -> Type:
    """The type of a value after the check of what it must be."""
    t = c.visit(node, want)
    return t if want is None else after_check(t, want.type)


def after_check(t: Type, declared: Type) -> Type:
    from rtfsc.sema.algebra.relations import meet

    both = meet(t, declared)
    return both if both.mask else declared


def _what(pattern: A.Pattern) -> str:
    return pattern.name if type(pattern) is A.BindName and pattern.name[0] != "(" else "the value"


def loop(c: Checker, node: A.Loop, want: Want | None) -> Type:
    starts: list[Type] = []
    wants: list[Want | None] = []
    for bound in node.binds:
        expected = c.want(bound.type, _what(bound.pattern), bound.pattern.span)
        starts.append(c.visit(bound.value, expected))
        wants.append(expected)
        bind(c, bound.pattern, ANY if expected is None else expected.type, None)
    carried = [ANY if w is None else w.type for w in wants]
    if c.strict and not c.quiet:
        carried = _carried(c, node, starts, carried, wants)
    return _round(c, node, carried, wants, want)


def _round(
    c: Checker, node: A.Loop, carried: list[Type], wants: list[Want | None], want: Want | None
) -> Type:
    for bound, t in zip(node.binds, carried, strict=True):
        bind(c, bound.pattern, t, None)
    c.recur.append(wants)
    t = c.visit(node.body, want)
    c.recur.pop()
    return t


def _carried(
    c: Checker, node: A.Loop, starts: list[Type], declared: list[Type], wants: list[Want | None]
) -> list[Type]:
    """What the variables hold in every round: the kinds of the initial values, if every ``recur`` keeps to
    them. The body is walked without reports to find that out."""
    guess = [of_kinds(s.mask) if d.kinds == T.ANY else d for s, d in zip(starts, declared, strict=True)]
    for _ in range(2):
        c.quiet += 1
        c.recurred.append([NEVER] * len(guess))
        _round(c, node, guess, wants, None)
        again = c.recurred.pop()
        c.quiet -= 1
        if all(more.mask & ~known.mask == 0 for known, more in zip(guess, again, strict=True)):
            return guess
        guess = [
            of_kinds(known.mask | more.mask) if d.kinds == T.ANY else d
            for known, more, d in zip(guess, again, declared, strict=True)
        ]
    return declared


def recur(c: Checker, node: A.Recur, want: Want | None) -> Type:
    wants = c.recur[-1] or []
    found = []
    for at, arg in enumerate(node.args):
        found.append(c.visit(arg, wants[at] if at < len(wants) else None))
    if c.recurred and c.quiet and len(c.recurred[-1]) == len(found):
        c.recurred[-1] = [join(a, b) for a, b in zip(c.recurred[-1], found, strict=True)]
    return NEVER


def comprehension(c: Checker, node: A.For) -> Type:
    for bound in node.binds:
        t = c.visit(bound.value)
        bind(c, bound.pattern, element(t), None)
    return items(widened(c.visit(node.body)))


def repeated(c: Checker, node: A.Dotimes) -> Type:
    c.visit(node.count)
    bind(c, node.pattern, INT, None)
    return join(c.visit(node.body), NIL)


def selection(c: Checker, node: A.Case, want: Want | None) -> Type:
    c.visit(node.subject)
    result = NEVER
    for _, value in node.clauses:
        result = either(result, c.visit(value, want))
    if node.default is not None:
        result = either(result, c.visit(node.default, want))
    return widened(result)


def attempt(c: Checker, node: A.Try, want: Want | None) -> Type:
    result = c.visit(node.body, want)
    for catch in node.catches:
        for pattern in catch.patterns:
            bind(c, pattern, ERROR, None)
        result = either(result, c.visit(catch.body, want))
    if node.finalizer is not None:
        c.visit(node.finalizer)
    return widened(result)


def definition(c: Checker, node: A.Def) -> Type:
    if type(node.value) is A.Fn:
        c.named[node.value] = node.name_span
    found: Any = node.binding
    if type(found) is GlobalDef and found.function is not None:
        from rtfsc.sema.check.functions import type_of_function

        return type_of_function(c, found)
    if type(found) is Local:
        from rtfsc.sema.check.functions import announce, type_of_local_function

        announce(c, found, node.value)  # type: ignore[arg-type]
        c.types[found] = type_of_local_function(c, node.value)  # type: ignore[arg-type]
        return c.types[found]
    expected = c.want(node.type, node.name, node.name_span)
    t = checked(c, node.value, expected)
    if type(found) is GlobalDef:
        c.globals[found] = t
    return t


def operation(c: Checker, node: A.HostCall | A.PrimCall) -> Type:
    for arg in node.args:
        c.visit(arg)
    return ANY


def context(c: Checker, node: A.ContextRef) -> Type:
    return ANY if node.found is None else c.visit(node.found)


SIMPLE = {
    A.Const: constant,
    A.Name: name,
    A.VectorExpr: vector,
    A.MapExpr: mapping,
    A.Collect: template,
    A.Logic: logic,
    A.For: comprehension,
    A.Dotimes: repeated,
    A.Def: definition,
    A.HostCall: operation,
    A.PrimCall: operation,
    A.ContextRef: context,
}
TAILED = {
    A.If: conditional,
    A.Do: block,
    A.Let: let,
    A.Loop: loop,
    A.Recur: recur,
    A.Case: selection,
    A.Try: attempt,
}
