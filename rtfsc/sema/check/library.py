"""Calls of library functions: their signatures (`rtfsc.primitives.signatures`) against the arguments."""

from __future__ import annotations

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


def call_library(c: Checker, node: A.Call, name: str) -> Type:
    signature = signature_for(name, len(node.args))
    if signature is None:
        for arg in node.args:
            c.visit(arg)
        return ANY
    bound: dict[str, Type] = {}
    types = _arguments(c, node, name, signature, bound)
    result = signature.result
    if isinstance(result, str) and result[0] == "@":
        return RULES[result](c, node.args, types)
    return instance(result, bound)


def signature_for(name: str, count: int) -> Signature | None:
    """The alternative for so many arguments; None if there is none, which lowering reports."""
    for signature in signatures(name):
        least = len(signature.params)
        if count == least or (count > least and signature.rest is not None):
            return signature
    return None


def _arguments(
    c: Checker, node: A.Call, name: str, signature: Signature, bound: dict[str, Type]
) -> list[Type]:
    """The types of the arguments. Functions written in place are looked into last, when the types of the
    elements that they get are known."""
    types: list[Type] = [ANY] * len(node.args)
    late: list[int] = []
    for at, arg in enumerate(node.args):
        if type(arg) is A.Fn:
            late.append(at)
            continue
        types[at] = _argument(c, name, signature, at, arg, c.visit(arg), bound)
    for at in late:
        from rtfsc.sema.check.functions import walk

        term = _term(signature, at)
        hints = [instance(t, bound) for t in term[1][:-1]] if _is(term, "fn") else []  # type: ignore[index]
        arg = node.args[at]
        assert type(arg) is A.Fn
        types[at] = _argument(c, name, signature, at, arg, walk(c, arg, hints), bound)
    for at, arg in enumerate(node.args):
        term = _term(signature, at)
        if _is(term, "fn"):
            if c.strict or _is_called(signature, types):
                want = Want(of_kinds(CALLABLE), words(CALLABLE), f"argument {at + 1} of {name}")
                c.require(types[at], want, arg.span)
            _bind_result(c, term, arg, types[at], bound)
    return types


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


def _argument(
    c: Checker, name: str, signature: Signature, at: int, arg: A.Node, t: Type, bound: dict[str, Type]
) -> Type:
    term = _term(signature, at)
    mask = accepts(term)
    if mask != T.ANY and t.mask & ~mask and not _is(term, "fn"):
        c.require(t, Want(of_kinds(mask), words(mask), f"argument {at + 1} of {name}"), arg.span)
    learn(term, t, bound)
    return t


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


def _bind_result(c: Checker, term: Term, arg: A.Node, t: Type, bound: dict[str, Type]) -> None:
    """What a function among the arguments gives when it is called as the parameter says."""
    assert isinstance(term, tuple)
    *params, result = term[1]
    if not isinstance(result, str):
        return
    given = [instance(p, bound) for p in params]
    if type(arg) is A.Const and arg.kind == T.KW:
        found = look_up(c, given[0], Lit(T.KW, str(arg.value)), of_kinds(T.NIL)) if given[0].mask else ANY
    elif type(arg) is A.Name and type(arg.binding) is LibraryName:
        found = _library_result(c, arg.binding.name, given)
    else:
        found = result_of(t)
    bound[result] = found


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
