"""Calls of library functions: their signatures (`rtfsc.primitives.signatures`) against the arguments."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.primitives.signatures import Signature, Term, signatures
from rtfsc.sema.algebra.model import ANY, CALLABLE, Lit, Tuple, Type, items, map_of, of_kinds
from rtfsc.sema.algebra.relations import join, widened
from rtfsc.sema.check.calls import look_up, result_of
from rtfsc.sema.check.checker import Checker, Want
from rtfsc.sema.check.parts import element, key_and_value
from rtfsc.sema.check.results import RULES
from rtfsc.sema.scopes import LibraryName

_SEQ: Final = T.VEC | T.LIST | T.STR
_HEADS: Final = {"vec": T.VEC, "seq": _SEQ, "all": _SEQ | T.MAP, "map": T.MAP, "fn": CALLABLE}
_WORDS: Final = {
    T.NIL: "nil", T.BOOL: "a boolean", T.INT: "an integer", T.FLOAT: "a float", T.STR: "a string",
    T.KW: "a keyword", T.VEC: "a vector", T.LIST: "a list", T.MAP: "a map", T.FN: "a function",
    T.ERR: "an error",
}  # fmt: skip


class Plan:
    """A signature for a number of arguments. ``masks``: the kinds that each argument may have. ``plain``: no
    variables; then ``result`` is the type of the result, unless a ``rule`` makes it."""

    __slots__ = ("masks", "plain", "result", "rule", "signature")

    def __init__(self, signature: Signature, count: int) -> None:
        self.signature = signature
        terms = [_term(signature, at) for at in range(count)]
        self.masks = [accepts(term) for term in terms]
        result = signature.result
        self.rule = RULES[result] if isinstance(result, str) and result[0] == "@" else None
        self.plain = all(type(term) is int for term in terms) and (
            self.rule is not None or type(result) is int
        )
        self.result = of_kinds(result) if isinstance(result, int) else ANY


@lru_cache(4096)
def plan_for(name: str, count: int) -> Plan | None:
    """None if the function does not take so many arguments, which lowering reports."""
    signature = signature_for(name, count)
    return None if signature is None else Plan(signature, count)


def call_library(c: Checker, node: A.Call, name: str) -> Type:
    args = node.args
    plan = plan_for(name, len(args))
    if plan is None:
        for arg in args:
            c.visit(arg)
        return ANY
    if plan.plain:
        types = []
        strict = c.strict
        for at, arg in enumerate(args):
            t = c.visit(arg)
            types.append(t)
            mask = plan.masks[at]
            if not t.mask & mask or (strict and t.mask & ~mask):
                _require_kinds(c, t, mask, name, at, arg)
        return plan.result if plan.rule is None else plan.rule(c, args, types)
    bound: dict[str, Type] = {}
    types = _arguments(c, node, name, plan, bound)
    return instance(plan.signature.result, bound) if plan.rule is None else plan.rule(c, args, types)


def _require_kinds(c: Checker, t: Type, mask: int, name: str, at: int, arg: A.Node) -> None:
    c.require(t, Want(of_kinds(mask), words(mask), f"argument {at + 1} of {name}"), arg.span)


def signature_for(name: str, count: int) -> Signature | None:
    """The alternative for so many arguments."""
    for signature in signatures(name):
        least = len(signature.params)
        if count == least or (count > least and signature.rest is not None):
            return signature
    return None


def _arguments(c: Checker, node: A.Call, name: str, plan: Plan, bound: dict[str, Type]) -> list[Type]:
    """The types of the arguments, with what they say about the variables. Functions written in place are
    looked into last, when the types of the elements that they get are known."""
    signature, args = plan.signature, node.args
    types: list[Type] = [ANY] * len(args)
    functions: list[int] = []
    for at, arg in enumerate(args):
        term = _term(signature, at)
        if type(term) is tuple and term[0] == "fn":
            functions.append(at)
            if type(arg) is A.Fn:
                continue
        t = types[at] = c.visit(arg)
        if type(term) is not int:
            learn(term, t, bound)
        mask = plan.masks[at]
        if (not t.mask & mask or (c.strict and t.mask & ~mask)) and at not in functions:
            _require_kinds(c, t, mask, name, at, arg)
    for at in functions:
        _function_argument(c, name, plan, at, args[at], types, bound)
    return types


def _function_argument(
    c: Checker, name: str, plan: Plan, at: int, arg: A.Node, types: list[Type], bound: dict[str, Type]
) -> None:
    term = _term(plan.signature, at)
    assert isinstance(term, tuple)
    given = [instance(t, bound) for t in term[1][:-1]]
    if type(arg) is A.Fn:
        from rtfsc.sema.check.functions import walk

        types[at] = walk(c, arg, given)
    if types[at].mask & ~CALLABLE and (c.strict or _is_called(plan.signature, types)):
        _require_kinds(c, types[at], CALLABLE, name, at, arg)
    result = term[1][-1]
    if isinstance(result, str):
        bound[result] = _outcome(c, arg, types[at], given)


def _is_called(signature: Signature, types: list[Type]) -> bool:
    """Whether a function among the arguments is certain to be called: nobody minds what is given for one
    that an empty collection does not need."""
    collections = [t for at, t in enumerate(types) if not isinstance(_term(signature, at), (int, str))
                   and not _is(_term(signature, at), "fn")]  # fmt: skip
    return bool(collections) and all(_has_elements(t) for t in collections)


def _has_elements(t: Type) -> bool:
    return not t.kinds and all(type(p.atoms[0]) is Tuple and len(p.atoms[0].items) > 1 for p in t.parts)


def _term(signature: Signature, at: int) -> Term:
    if at < len(signature.params):
        return signature.params[at]
    return signature.rest if signature.rest is not None else T.ANY


def _is(term: Term, head: str) -> bool:
    return isinstance(term, tuple) and term[0] == head


def words(mask: int) -> str:
    """``an integer or a float``; of all that can be looped over, just that."""
    if mask == T.NUM:
        return "a number"
    named = [word for bit, word in _WORDS.items() if mask & bit]
    return " or ".join(
        ["a number", *named[2:]] if mask & T.NUM == T.NUM and not mask & (T.NIL | T.BOOL) else named
    )


def accepts(term: Term) -> int:
    """The kinds of values that a parameter takes."""
    if isinstance(term, int):
        return term
    if isinstance(term, str):
        return T.ANY
    head, inner = term
    if head == "or":
        return accepts(inner[0]) | accepts(inner[1])
    return _HEADS[head]


def learn(term: Term, t: Type, bound: dict[str, Type]) -> None:
    """Adds what an argument says about the variables of a parameter."""
    if isinstance(term, str):
        bound[term] = join(bound[term], t) if term in bound else t
    elif isinstance(term, tuple):
        head, inner = term
        if head in ("vec", "seq", "all"):
            learn(inner[0], element(t), bound)
        elif head == "map":
            key, value = key_and_value(t)
            learn(inner[0], key, bound)
            learn(inner[1], value, bound)
        elif head == "or":
            learn(inner[0], t, bound)


def instance(term: Term, bound: dict[str, Type]) -> Type:
    """The type of a result."""
    if isinstance(term, int):
        return of_kinds(term)
    if isinstance(term, str):
        return widened(bound.get(term, ANY))
    head, inner = term
    if head == "or":
        return widened(join(instance(inner[0], bound), instance(inner[1], bound)))
    if head == "map":
        return map_of(instance(inner[0], bound), instance(inner[1], bound))
    element_type = instance(inner[0], bound)
    return items(element_type if element_type.depth < 4 else of_kinds(element_type.mask))


def _outcome(c: Checker, arg: A.Node, t: Type, given: list[Type]) -> Type:
    """What a function among the arguments gives for what it is given."""
    if type(arg) is A.Const and arg.kind == T.KW:
        return look_up(c, given[0], Lit(T.KW, str(arg.value)), of_kinds(T.NIL)) if given[0].mask else ANY
    if type(arg) is A.Name and type(arg.binding) is LibraryName:
        return _library_result(c, arg.binding.name, given)
    return result_of(t)


def _library_result(c: Checker, name: str, given: list[Type]) -> Type:
    signature = signature_for(name, len(given))
    if signature is None:
        return ANY
    if isinstance(signature.result, str) and signature.result[0] == "@":
        return RULES[signature.result](c, [], given)
    bound: dict[str, Type] = {}
    for at, t in enumerate(given):
        learn(_term(signature, at), t, bound)
    return instance(signature.result, bound)
