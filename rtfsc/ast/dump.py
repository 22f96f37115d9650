"""The syntax tree as text, for ``--emit ast``: a node per parenthesis, its fields in order.

::

    (Def area (Fn [w : :int h] (Call * w h)))
"""

from __future__ import annotations

from typing import Any

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.syntax.forms import Keyword, List, Literal, Map, Symbol, Vector

_WIDTH = 96


def dump(program: A.Program) -> str:
    """Modules in the text, imports and every top-level node, each on its own lines."""
    trees = [_import(node) for node in program.imports] + [_node(node) for node in program.body]
    inner = "".join(dump(module) for module in program.modules)
    return inner + "".join(_layout(tree, 0) + "\n" for tree in trees)


def _import(node: A.Import) -> list[Any]:
    only = [] if node.only is None else [":only", [name for name, _ in node.only]]
    return ["Import", node.module, *([":as", node.alias] if node.alias else []), *only]


def _layout(tree: Any, indent: int) -> str:
    if isinstance(tree, str):
        return tree
    flat = _flat(tree)
    if indent + len(flat) <= _WIDTH or len(tree) < 2:
        return flat
    deeper = min(indent + 2, 60)
    head, rest = tree[0], tree[1:]
    lines = [_layout(head, indent)]
    while rest and isinstance(rest[0], str) and len(lines[0]) + len(rest[0]) < 60:
        lines[0] += " " + rest[0]
        rest = rest[1:]
    lines += [" " * deeper + _layout(item, deeper) for item in rest]
    return "(" + "\n".join(lines) + ")"


def _flat(tree: Any) -> str:
    return tree if isinstance(tree, str) else f"({' '.join([_flat(item) for item in tree])})"


def _node(node: A.Node | None) -> Any:
    if node is None:
        return "nil"
    if type(node) is A.Const:
        return _const(node)
    if type(node) is A.Name:
        return node.name
    if isinstance(
        node,
        (A.Wildcard, A.BindName, A.LiteralPattern, A.TypePattern, A.VectorPattern, A.MapPattern, A.AsPattern),
    ):
        return _pattern(node)
    return _SHOW[type(node)](node)


def _const(node: A.Const) -> str:
    kind, value = node.kind, node.value
    if kind == T.STR:
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if kind == T.KW:
        return f":{value}"
    if kind in (T.VEC, T.LIST):
        inner = " ".join(_const(item) for item in value)
        return f"[{inner}]" if kind == T.VEC else f"'({inner})"
    if kind == T.MAP:
        return "{" + " ".join(f"{_const(k)} {_const(v)}" for k, v in value) + "}"
    if kind == T.SYM:
        return f"'{value}"
    if kind in (T.NIL, T.BOOL):
        return {None: "nil", True: "true", False: "false"}[value]
    return str(value)


def _pattern(p: Any) -> str:
    kind = type(p)
    if kind is A.Wildcard:
        return "_"
    if kind is A.BindName:
        return p.name  # type: ignore[no-any-return]
    if kind is A.LiteralPattern:
        return _const(p.value)
    if kind is A.TypePattern:
        return f"<{_type(p.type)}>"
    if kind is A.AsPattern:
        return f"(:as {p.name.name} {_pattern(p.pattern)})"
    if kind is A.VectorPattern:
        parts = [_pattern(item) for item in p.items]
    else:
        parts = [f"{_const(key)} {_pattern(item)}" for key, item, _ in p.entries]
        parts += [f":or {_flat(_node(default))}" for _, _, default in p.entries if default is not None]
    parts += [f"& {_pattern(p.rest)}"] if p.rest else []
    parts += [f":as {p.whole.name}"] if p.whole else []
    return ("[%s]" if kind is A.VectorPattern else "{%s}") % " ".join(parts)


def _type(t: Any) -> str:
    """An annotation: a form before resolution, canonical text after it."""
    text = getattr(t, "text", None)
    if isinstance(text, str):
        return text
    kind = type(t)
    if kind is Symbol:
        return t.name  # type: ignore[no-any-return]
    if kind is Keyword:
        return f":{t.name}"
    if kind in (Vector, List):
        return f"[{' '.join(_type(item) for item in t.items)}]"
    if kind is Map:
        return "{" + " ".join(f"{_type(k)} {_type(v)}" for k, v in t.pairs) + "}"
    if kind is Literal:
        return _const(A.Const(t.kind, t.value, t.span))
    return f"{_type(t.form)}?"


def _typed(text: str, t: Any) -> str:
    shown = ":any" if t is None else _type(t)
    return text if shown == ":any" else f"{text} : {shown}"


def _fn(node: A.Fn) -> Any:
    params = [_typed(_pattern(p.pattern), p.type) for p in node.params]
    if node.rest is not None:
        params.append("& " + _typed(_pattern(node.rest.pattern), node.rest.type))
    return ["Fn", _typed(f"[{' '.join(params)}]", node.result), _node(node.body)]


def _binds(binds: list[A.Bind]) -> Any:
    return [[_typed(_pattern(b.pattern), b.type), _node(b.value)] for b in binds]


def _try(node: A.Try) -> Any:
    clauses: list[Any] = []
    for c in node.catches:
        selector = (
            "Any" if c.selector is None else c.selector if isinstance(c.selector, str) else _const(c.selector)
        )
        clauses.append(["catch", selector, *(p.name for p in c.patterns), _node(c.body)])
    if node.finalizer is not None:
        clauses.append(["finally", _node(node.finalizer.body)])
    return ["Try", _node(node.body), *clauses]


def _match(node: A.Match) -> Any:
    clauses = [
        [_pattern(c.pattern), *(["when", _node(c.guard)] if c.guard is not None else []), _node(c.body)]
        for c in node.clauses
    ]
    return ["Match", _node(node.subject), *clauses]


_SHOW: dict[type, Any] = {
    A.VectorExpr: lambda n: ["Vector", *map(_node, n.items)],
    A.MapExpr: lambda n: ["Map", *([_const(k), _node(v)] for k, v in n.pairs)],
    A.Collect: lambda n: ["Collect", T.show(n.kind), *map(_node, n.parts)],
    A.Splice: lambda n: ["Splice", _node(n.value)],
    A.Call: lambda n: ["Call", _node(n.callee), *map(_node, n.args)],
    A.PrimCall: lambda n: ["Prim", n.op, *map(_node, n.args), *([repr(n.imm)] if n.imm else [])],
    A.HostCall: lambda n: ["HostCall", n.operation, *map(_node, n.args)],
    A.ContextRef: lambda n: ["ContextRef", n.name],
    A.If: lambda n: ["If", _node(n.test), _node(n.then), _node(n.orelse)],
    A.Do: lambda n: ["Do", *map(_node, n.body)],
    A.Logic: lambda n: ["And" if n.conjunction else "Or", *map(_node, n.args)],
    A.Let: lambda n: ["Let", *_binds(n.binds), _node(n.body)],
    A.Fn: _fn,
    A.Def: lambda n: ["Def", _typed(n.name, n.type), _node(n.value)],
    A.StructCheck: lambda n: ["StructCheck", n.name, _type(n.type), _node(n.value)],
    A.Loop: lambda n: ["Loop", *_binds(n.binds), _node(n.body)],
    A.Recur: lambda n: ["Recur", *map(_node, n.args)],
    A.For: lambda n: ["For", *_binds(n.binds), _node(n.body)],
    A.Dotimes: lambda n: ["Dotimes", _pattern(n.pattern), _node(n.count), _node(n.body)],
    A.Case: lambda n: [
        "Case",
        _node(n.subject),
        *([_const(k), _node(r)] for k, r in n.clauses),
        _node(n.default),
    ],
    A.Match: _match,
    A.Try: _try,
}
