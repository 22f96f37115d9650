"""Forms that speak with the host: steps, context access, hints, delegation, data forms (language.md 5.3, 11).

What the host is told around a body is sugar over `HostCall` and `Try`; names of the sugar's own variables
hold a blank, so that no program can mean them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rtfsc.ast.builder import Fault
from rtfsc.ast.core import malformed
from rtfsc.ast.nodes import (
    Bind,
    BindName,
    Call,
    Catch,
    Const,
    ContextRef,
    Def,
    Do,
    Fn,
    HostCall,
    If,
    Let,
    Loop,
    MapExpr,
    Name,
    Node,
    PrimCall,
    Recur,
    Try,
    VectorExpr,
)
from rtfsc.ir import types as T
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, Symbol, Vector

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler

MOST_ROUNDS = 10_000
_TOKEN, _VALUE, _ERROR, _LAST, _ROUND = "step token", "step value", "step error", "step last", "step round"
_STEP_OPTIONS = frozenset({"expose-context", "context-keys", "params"})
_PARALLEL_OPTIONS = frozenset({"expose-context", "merge-policy"})


def _text(text: str, span: Span) -> Const:
    return Const(T.STR, text, span)


def _let(name: str, value: Node, body: Node) -> Let:
    return Let([Bind(BindName(name, value.span), None, value, value.span)], body, body.span)


def _guarded(body: Node, failed: Node, done: Callable[[Node], Node]) -> Node:
    """The value of the body, after ``done``; where it raises the error `_ERROR`, ``failed`` runs first."""
    span = body.span
    again = PrimCall("throw", [Name(_ERROR, span)], None, span)
    catch = Catch(None, [BindName(_ERROR, span)], Do([failed, again], span), span)
    value = Name(_VALUE, span)
    return _let(_VALUE, Try(body, [catch], None, span), Do([done(value), Name(_VALUE, span)], span))


# --- steps


def build_step(b: Builder, form: List) -> Node:
    items = form.items
    if len(items) > 1 and type(items[1]) is Keyword:  # an ordinary call
        return Call(b.build(items[0]), [b.build(item) for item in items[1:]], form.span)
    if len(items) < 2 or type(items[1]) is not Literal or items[1].kind != T.STR:
        raise malformed(form, '(step "name" options … body …)', items[1] if len(items) > 1 else None)
    options, at = _options(form, 2, _STEP_OPTIONS)
    return _step(b, str(items[1].value), options, form, lambda: _body(b, form, at))


def build_step_if(b: Builder, form: List) -> Node:
    options, at = _options(form, 1, _STEP_OPTIONS)
    parts = form.items[at:]
    if len(parts) not in (2, 3):
        raise malformed(form, "(step-if options … test then else)")

    def branch() -> Node:
        test, *rest = (b.build(part) for part in parts)
        return If(test, rest[0], rest[1] if len(rest) == 2 else None, form.span)

    return _step(b, "step-if", options, form, branch)


def build_step_loop(b: Builder, form: List) -> Node:
    options, at = _options(form, 1, _STEP_OPTIONS)
    parts = form.items[at:]
    if len(parts) != 2:
        raise malformed(form, "(step-loop options … test body)")
    return _step(b, "step-loop", options, form, lambda: _rounds(b, parts, form.span))


def _rounds(b: Builder, parts: Sequence[Form], span: Span) -> Node:
    """While the test holds, the body, at most so often; the value of the last one."""
    b.recur_targets.append([False])
    test, body = b.build(parts[0]), b.body(parts[1:], span)
    b.recur_targets.pop()

    def operation(op: str, *args: Node) -> Node:
        return PrimCall(op, list(args), None, span)

    limit = Const(T.INT, MOST_ROUNDS, span)
    too_many = operation("raise.generic", _text(f"step-loop ran {MOST_ROUNDS} rounds", span))
    more = operation("num.inc", Name(_ROUND, span))
    again = Recur([more, body], span)
    allowed = If(operation("lt", Name(_ROUND, span), limit), again, too_many, span)
    binds = [
        Bind(BindName(_ROUND, span), None, Const(T.INT, 0, span), span),
        Bind(BindName(_LAST, span), None, Const(T.NIL, None, span), span),
    ]
    return Loop(binds, If(test, allowed, Name(_LAST, span), span), span)


def build_step_parallel(b: Builder, form: List) -> Node:
    options, at = _options(form, 1, _PARALLEL_OPTIONS)
    parts = form.items[at:]
    if not parts:
        raise malformed(form, "(step-parallel options … expression …)")
    return _step(
        b, "step-parallel", options, form, lambda: VectorExpr([_branch(b, p) for p in parts], form.span)
    )


def _branch(b: Builder, part: Form) -> Node:
    """One expression with a context of its own; what it defines ends with it."""
    span = part.span
    body = b.body([part], span)

    def told(operation: str) -> HostCall:
        return HostCall(operation, [Name(_TOKEN, span)], span)

    value = _let(_VALUE, body, Do([told("branch/end"), Name(_VALUE, span)], span))
    return Do([told("branch/start"), value], span)


def _body(b: Builder, form: List, at: int) -> Node:
    forms = form.items[at:]
    return b.body(forms, form.span) if forms else Const(T.NIL, None, form.span)


def _options(form: List, at: int, known: frozenset[str]) -> tuple[dict[str, Form], int]:
    options: dict[str, Form] = {}
    items = form.items
    while at < len(items):
        key = items[at]
        if type(key) is not Keyword or key.name not in known:
            break
        if at + 1 >= len(items):
            raise Fault("F001", f"A value must follow :{key.name}", key.span)
        options[key.name] = items[at + 1]
        at += 2
    return options, at


def _step(b: Builder, name: str, options: dict[str, Form], form: List, body: Callable[[], Node]) -> Node:
    """``(step/start …)``, the body, ``(step/complete …)`` or ``(step/fail …)``; ``%params`` around it."""
    span = form.span
    params = options.get("params")
    if params is not None and type(params) is not Map:
        raise Fault("F001", 'The :params of a step are a map {"name" value …}', params.span)
    given: list[tuple[Const, Node]] = [
        (Const(T.KW, key, span), Name("%params", span) if key == "params" else b.build(value))
        for key, value in options.items()
    ]
    start = HostCall("step/start", [_text(name, span), MapExpr(given, span)], span)
    token = Name(_TOKEN, span)
    failed = HostCall("step/fail", [token, Name(_ERROR, span)], span)
    inner = _guarded(
        body(), failed, lambda value: HostCall("step/complete", [Name(_TOKEN, span), value], span)
    )
    step = _let(_TOKEN, start, inner)
    return step if params is None else _let("%params", b.build(params), step)


# --- hints


def with_hints(b: Builder, form: Meta) -> Node:
    """An expression with metadata: entries ``:runtime.…`` are told to the host while it is evaluated."""
    node = b.build(form.form)
    if type(node) is Def:
        return node
    for key, value in reversed(form.meta.pairs):
        name = str(getattr(key, "name", getattr(key, "value", "")))
        if name.startswith("runtime."):
            span = form.span
            hint = _text(name, span)
            clear = HostCall("hint/clear", [hint], span)
            node = Do([HostCall("hint/set", [hint, b.build(value)], span),
                       _guarded(node, clear, lambda _, call=clear: call)], span)  # type: ignore[misc]  # fmt: skip
    return node


# --- delegation


def delegate(fn: Fn, name: str, target: Form | None) -> None:
    """Asks the host first, where the metadata name a model or a remote; the body is the fallback (C42)."""
    fn.pinned = True
    parts: Sequence[Any] = target.items if type(target) is Vector else [target]
    if not parts or type(parts[0]) is not Keyword or parts[0].name == "local":
        return
    mode = parts[0]
    if mode.name not in ("local-model", "remote", "declared"):
        raise Fault("F001", f"No target of delegation :{mode.name}", mode.span,
                    hint="write :local, :local-model or :remote")  # fmt: skip
    span = fn.span
    model = _text(str(parts[1].value), span) if len(parts) > 1 else Const(T.NIL, None, span)
    request: list[Node] = [_text(name, span), Const(T.KW, mode.name, span), model, _arguments(fn)]
    answer = "delegated value"

    def of(op: str, *more: Node) -> Node:
        return PrimCall(op, [Name(answer, span), *more], None, span)

    taken = If(of("first"), of("nth", Const(T.INT, 1, span)), fn.body, fn.body.span)
    fn.body = _let(answer, HostCall("delegate", request, span), taken)


def _arguments(fn: Fn) -> Node:
    """The arguments as a vector; parameters that are taken apart get a name, and are so in the body."""
    names: list[Node] = []
    for i, param in enumerate(fn.params):
        if type(param.pattern) is not BindName:
            hidden = f"argument {i}"
            fn.body = Let(
                [Bind(param.pattern, None, Name(hidden, param.span), param.span)], fn.body, fn.body.span
            )
            param.pattern = BindName(hidden, param.span)
        names.append(Name(param.pattern.name, param.span))
    fixed = VectorExpr(names, fn.span)
    if fn.rest is None or type(fn.rest.pattern) is not BindName:
        return fixed
    return PrimCall("concat", [fixed, Name(fn.rest.pattern.name, fn.rest.span)], None, fn.span)


# --- context


def build_get(b: Builder, form: List) -> Node:
    """``(get k)`` asks the host's context; with more arguments `get` is a library function."""
    if len(form.items) != 2:
        head, *args = (b.build(item) for item in form.items)
        return Call(head, args, form.span)
    key = form.items[1]
    absent = Const(T.NIL, None, form.span)
    if type(key) in (Symbol, Keyword):
        return ContextRef(key.name, absent, form.span)  # type: ignore[union-attr]
    if type(key) is Literal and key.kind == T.STR:
        return ContextRef(str(key.value), absent, form.span)
    return HostCall("context/lookup", [b.build(key), absent], form.span)


def build_context_ref(b: Builder, form: List) -> Node:
    """``@name`` is the text ``"@name"`` where there is no such value, ``@:k`` is nil."""
    key = form.items[1]
    if type(key) not in (Symbol, Keyword):
        raise Fault("F001", "A name or keyword must follow @", form.span)
    name: str = key.name  # type: ignore[union-attr]
    absent = _text(f"@{name}", form.span) if type(key) is Symbol else Const(T.NIL, None, form.span)
    return ContextRef(name, absent, form.span)


# --- data forms (C44)


def build_resource(b: Builder, form: List) -> Node:
    """``(resource:ref "x")``, a value of the context or ``"@x"``; and the object ``(resource …)``."""
    items = form.items
    if len(items) == 3 and type(items[1]) is Keyword and items[1].name == "ref":
        key = items[2]
        if type(key) is not Literal or key.kind != T.STR:
            raise malformed(form, '(resource:ref "name")', key)
        absent = _text(f"@{key.value}", form.span)
        return HostCall("context/lookup", [_text(str(key.value), form.span), absent], form.span)
    usage = "(resource name (property :key value) …)"
    if len(items) < 2 or type(items[1]) not in (Symbol, Literal):
        raise malformed(form, usage)
    pairs: list[tuple[Form, Form]] = []
    for item in items[2:]:
        if type(item) is not List or len(item.items) != 3 or _head(item) != "property":
            raise malformed(form, usage, item)
        pairs.append((item.items[1], item.items[2]))
    return _object(b, form, pairs)


def build_object(b: Builder, form: List) -> Node:
    """``(capability "id" :k v …)`` and ``(plan "id" :k v …)``."""
    items = form.items
    if len(items) < 2 or len(items) % 2 or type(items[1]) not in (Symbol, Literal):
        raise malformed(form, f'({_head(form)} "id" :key value …)')
    return _object(b, form, list(zip(items[2::2], items[3::2], strict=True)))


def _object(b: Builder, form: List, pairs: Sequence[tuple[Form, Form]]) -> Node:
    """A map with string keys: the kind of object, its name, its properties."""
    subject = form.items[1]
    name = subject.name if type(subject) is Symbol else str(subject.value)  # type: ignore[union-attr]
    span = form.span
    entries: list[tuple[Const, Node]] = [
        (_text("type", span), _text(_head(form), span)),
        (_text("name", span), _text(name, span)),
    ]
    for key, value in pairs:
        if type(key) is not Keyword:
            raise Fault("F001", "The properties are keywords", key.span)
        entries.append((_text(key.name, key.span), b.build(value)))
    return MapExpr(entries, span)


def _head(form: List) -> str:
    head = form.items[0]
    return head.name if type(head) is Symbol else ""


RESERVED: dict[str, Handler] = {"context-ref": build_context_ref}
SOFT: dict[str, Handler] = {
    "step": build_step,
    "step-if": build_step_if,
    "step-loop": build_step_loop,
    "step-parallel": build_step_parallel,
    "get": build_get,
    "resource": build_resource,
    "capability": build_object,
    "plan": build_object,
}
