"""Gives every name its meaning (C14), every function its captures, every annotation its type.

A global name means the nearest earlier definition, else the first later one, else what is imported, else a
library function; what is left is Undefined: a warning, and a question to the host when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.primitives.library import LIBRARY
from rtfsc.sema.imports import Imports
from rtfsc.sema.recursive import Item, Unorderable, bound_name, plan
from rtfsc.sema.scopes import GlobalDef, LibraryName, Local, Undefined, Unit
from rtfsc.sema.types import TypeParser
from rtfsc.source import Span


class Resolver:
    def __init__(self, program: A.Program, sink: Sink, imports: Imports) -> None:
        self.program = program
        self.sink = sink
        self.imported = imports.visible(program.imports, sink)
        self.types = TypeParser(sink, program.structs)
        self.globals: dict[str, list[GlobalDef]] = {}
        self.visible: dict[str, int] = {}
        self.locals: dict[str, list[Local]] = {}
        self.functions: list[A.Fn | None] = [None]
        self.fn_locals: list[Local] = []
        self.fn_uses: list[Local] = []
        self.units: list[Unit] = []
        self.unit = Unit(0)
        self.library: dict[str, LibraryName] = {}

    def run(self) -> None:
        for index, node in enumerate(self.program.body):
            self._collect(node, index, False)
        self._reject_hidden_imports()
        for index, node in enumerate(self.program.body):
            self.unit = Unit(index)
            self.units.append(self.unit)
            self.visit(node)
        self._find_static()
        self._find_checked()

    # --- globals

    def _collect(self, node: A.Node, form: int, conditional: bool) -> None:
        """Definitions outside every let and function are global, wherever they stand."""
        if type(node) is A.Def:
            node.binding = found = GlobalDef(node, form, conditional)
            self.globals.setdefault(found.name, []).append(found)
            if found.function is None:
                self._collect(node.value, form, conditional)
        elif type(node) is A.Do:
            for part in node.body:
                self._collect(part, form, conditional)
        elif type(node) is A.If:
            self._collect(node.test, form, conditional)
            self._collect(node.then, form, True)
            if node.orelse is not None:
                self._collect(node.orelse, form, True)

    def _reject_hidden_imports(self) -> None:
        """A name without a module before it has one meaning only."""
        for name, (_, place) in self.imported.items():
            if place is not None and "/" not in name and name in self.globals:
                defined = self.globals[name][0].node.name_span
                self.sink.error("M006", f"{name} is imported and also defined", place,
                                labels=[(defined, "defined here")])  # fmt: skip

    def _find_checked(self) -> None:
        """A global is read without a test where it is certain to be set: see `Name.checked`."""
        for unit in self.units:
            self._reach(unit)
        for definitions in self.globals.values():
            for definition in definitions:
                unit = definition.unit
                for name, read in unit.reads:
                    name.checked = read.conditional or (unit.index >= 0 and read.form >= unit.index)

    def _reach(self, unit: Unit) -> None:
        stack = list(unit.functions)
        while stack:
            function = stack.pop()
            if function.unit.index < 0:
                function.unit.index = unit.index
                stack += function.unit.functions

    def _global(self, node: A.Name) -> Any:
        definitions = self.globals.get(node.name)
        if definitions is None:
            imported = self.imported.get(node.name)
            return imported[0] if imported is not None else self._library(node)
        seen = self.visible.get(node.name, 0)
        found = definitions[seen - 1] if seen else definitions[0]
        if found.function is not None:
            self.unit.functions[found] = None
        elif self.unit.index >= 0 and len(self.functions) == 1:
            node.checked = found.conditional or not seen
        else:
            self.unit.reads.append((node, found))
            if self.unit.index >= 0:  # a function value made by a top-level form: may run at once
                node.checked = found.conditional or not seen
        return found

    def _library(self, node: A.Name) -> LibraryName | Undefined:
        name = node.name
        if name in LIBRARY:
            found = self.library.get(name)
            if found is None:
                found = self.library[name] = LibraryName(name)
            return found
        from rtfsc.sema.suggest import hint

        names = [*self.globals, *self.imported, *(n for n, stack in self.locals.items() if stack)]
        advice = "it is a macro: it can be called, after its definition" if name in self.sink.macros else None
        self.sink.warning("N001", f"Unknown name {name}", node.span, hint=advice or hint(name, names))
        return Undefined(name)

    # --- locals

    def _push(self, local: Local) -> None:
        stack = self.locals.get(local.name)
        if stack is None:
            self.locals[local.name] = [local]
        else:
            stack.append(local)

    def _pop(self, bound: list[Local]) -> None:
        for local in reversed(bound):
            self.locals[local.name].pop()

    def bind(self, pattern: A.Pattern, bound: list[Local]) -> None:
        """Makes the names of a pattern visible and adds them to ``bound``."""
        if type(pattern) is A.BindName:
            local = pattern.local = Local(pattern.name, pattern.span, self.functions[-1])
            self._push(local)
            bound.append(local)
        elif type(pattern) is A.VectorPattern:
            for item in pattern.items:
                self.bind(item, bound)
            self._bind_optional(pattern.rest, bound)
            self._bind_optional(pattern.whole, bound)
        elif type(pattern) is A.MapPattern:
            for _, item, default in pattern.entries:
                if default is not None:
                    self.visit(default)
                self.bind(item, bound)
            self._bind_optional(pattern.rest, bound)
            self._bind_optional(pattern.whole, bound)
        elif type(pattern) is A.AsPattern:
            self.bind(pattern.name, bound)
            self.bind(pattern.pattern, bound)
        elif type(pattern) is A.TypePattern:
            pattern.type = self.types.parse(pattern.type)

    def _bind_optional(self, pattern: A.Pattern | None, bound: list[Local]) -> None:
        if pattern is not None:
            self.bind(pattern, bound)

    def _find_static(self) -> None:
        """A local function that captures nothing but such functions is a constant."""
        users: dict[Local, list[Local]] = {}
        dynamic: list[Local] = []
        for local in self.fn_locals:
            local.static = True
            for captured in local.fn.captures:  # type: ignore[union-attr]
                if captured.fn is None:
                    local.static = False
                elif captured is not local:
                    users.setdefault(captured, []).append(local)
            if not local.static:
                dynamic.append(local)
        for local in dynamic:  # grows while it is walked
            for user in users.get(local, ()):
                if user.static:
                    user.static = False
                    dynamic.append(user)

    # --- nodes

    def visit(self, node: A.Node) -> None:
        _VISIT[type(node)](self, node)

    def _const(self, node: A.Const) -> None:
        pass

    def _name(self, node: A.Name) -> None:
        stack = self.locals.get(node.name)
        if not stack:
            node.binding = self._global(node)
            return
        local = stack[-1]
        node.binding = local
        if local.fn is not None:
            self.fn_uses.append(local)
        owner = local.owner
        for function in reversed(self.functions):
            if function is owner:
                break
            assert function is not None
            function.captures[local] = None

    def _many(self, nodes: list[A.Node]) -> None:
        for node in nodes:
            self.visit(node)

    def _vector(self, node: A.VectorExpr) -> None:
        self._many(node.items)

    def _collection(self, node: A.Collect) -> None:
        self._many(node.parts)

    def _splice(self, node: A.Splice) -> None:
        self.visit(node.value)

    def _map(self, node: A.MapExpr) -> None:
        for _, value in node.pairs:
            self.visit(value)

    def _call(self, node: A.Call) -> None:
        self.visit(node.callee)
        for arg in node.args:
            self.visit(arg)

    def _args(self, node: A.PrimCall | A.Logic | A.Recur | A.HostCall) -> None:
        self._many(node.args)

    def _context(self, node: A.ContextRef) -> None:
        if self.locals.get(node.name) or node.name in self.globals:
            node.found = A.Name(node.name, node.span)
            self.visit(node.found)

    def _if(self, node: A.If) -> None:
        self.visit(node.test)
        self.visit(node.then)
        if node.orelse is not None:
            self.visit(node.orelse)

    def _do(self, node: A.Do) -> None:
        for i, part in enumerate(node.body):
            if type(part) is A.Def and part.binding is None:
                node.body[i:] = [_local_definitions(node.body[i:], node.span)]
                self.visit(node.body[i])
                return
            self.visit(part)

    def _def(self, node: A.Def) -> None:
        found: GlobalDef | None = node.binding
        node.type = self.types.parse(node.type)
        if found is None:  # a definition that is the value of an expression: visible to itself alone
            bound: list[Local] = []
            if type(node.value) is A.Fn:
                local = Local(node.name, node.name_span, self.functions[-1])
                self._push(local)
                bound.append(local)
                node.binding = local
                local.fn = node.value
                self.fn_locals.append(local)
            self.visit(node.value)
            self._pop(bound)
            return
        if found.function is None:
            self.visit(node.value)
            self.visible[node.name] = self.visible.get(node.name, 0) + 1
            return
        self.visible[node.name] = self.visible.get(node.name, 0) + 1
        outer, self.unit = self.unit, found.unit
        self.visit(found.function)
        self.unit = outer

    def _fn(self, fn: A.Fn) -> None:
        self.functions.append(fn)
        bound: list[Local] = []
        for param in fn.params:
            param.type = self.types.parse(param.type)
            self.bind(param.pattern, bound)
        if fn.rest is not None:
            fn.rest.type = self.types.parse(fn.rest.type)
            self.bind(fn.rest.pattern, bound)
        fn.result = self.types.parse(fn.result)
        self.visit(fn.body)
        self._pop(bound)
        self.functions.pop()

    def _struct(self, node: A.StructCheck) -> None:
        node.type = self.types.parse(node.type)
        self.visit(node.value)

    def _let(self, node: A.Let) -> None:
        functions = [
            Local(bind.pattern.name, bind.pattern.span, self.functions[-1], bind.value)
            if type(bind.value) is A.Fn and type(bind.pattern) is A.BindName and bind.type is None
            else None
            for bind in node.binds
        ]
        bound: list[Local] = []
        items: list[Item] = []
        for i, bind in enumerate(node.binds):
            bind.type = self.types.parse(bind.type)
            local = functions[i]
            if local is None:
                mark, first = len(self.fn_uses), len(bound)
                self.visit(bind.value)
                self.bind(bind.pattern, bound)
                items.append(Item(bind, None, [], self.fn_uses[mark:], bound[first:]))
                continue
            self._recursive(bind, local, functions[i + 1 :], bound)
            items.append(Item(bind, local, list(bind.value.captures), [], []))  # type: ignore[attr-defined]
        node.plan = self._plan(node, items)
        self.visit(node.body)
        self._pop(bound)

    def _recursive(self, bind: A.Bind, local: Local, later: list[Local | None], bound: list[Local]) -> None:
        names = {b.name for b in bound} if any(later) else set()
        ahead = [other for other in reversed(later) if other is not None and other.name not in names]
        for other in ahead:
            self._push(other)
        self._push(local)
        bind.pattern.local = local  # type: ignore[union-attr]
        self.fn_locals.append(local)
        self.visit(bind.value)
        self._pop([*ahead, local])
        self._push(local)
        bound.append(local)

    def _plan(self, node: A.Let, items: list[Item]) -> list[Any]:
        try:
            return plan(items)
        except Unorderable as fault:
            name = bound_name(fault.function)
            self.sink.error("F009", f"{name} is used before {fault.value.name}, which it needs, has a value",
                            fault.function.span, labels=[(fault.value.span, "bound here")])  # fmt: skip
            return []

    def _loop(self, node: A.Loop) -> None:
        bound: list[Local] = []
        for bind in node.binds:
            bind.type = self.types.parse(bind.type)
            self.visit(bind.value)
            self.bind(bind.pattern, bound)
        self.visit(node.body)
        self._pop(bound)

    def _for(self, node: A.For) -> None:
        self._loop(node)  # type: ignore[arg-type]

    def _dotimes(self, node: A.Dotimes) -> None:
        self.visit(node.count)
        bound: list[Local] = []
        self.bind(node.pattern, bound)
        self.visit(node.body)
        self._pop(bound)

    def _case(self, node: A.Case) -> None:
        self.visit(node.subject)
        for _, result in node.clauses:
            self.visit(result)
        if node.default is not None:
            self.visit(node.default)

    def _match(self, node: A.Match) -> None:
        self.visit(node.subject)
        for clause in node.clauses:
            bound: list[Local] = []
            self.bind(clause.pattern, bound)
            if clause.guard is not None:
                self.visit(clause.guard)
            self.visit(clause.body)
            self._pop(bound)

    def _try(self, node: A.Try) -> None:
        self.visit(node.body)
        for catch in node.catches:
            bound: list[Local] = []
            for pattern in catch.patterns:
                self.bind(pattern, bound)
            self.visit(catch.body)
            self._pop(bound)
        if node.finalizer is not None:
            self.visit(node.finalizer)


def _local_definitions(nodes: list[A.Node], span: Span) -> A.Let:
    """Definitions at the head of ``nodes``, and the forms after them that see them (C13)."""
    binds: list[A.Bind] = []
    for node in nodes:
        if type(node) is not A.Def:
            break
        binds.append(A.Bind(A.BindName(node.name, node.name_span), node.type, node.value, node.span))
    rest = nodes[len(binds) :]
    last = binds[-1].pattern
    assert type(last) is A.BindName
    body = A.Do(rest, span) if rest else A.Name(last.name, last.span)
    return A.Let(binds, body, span)


_VISIT: dict[type, Callable[[Resolver, Any], None]] = {
    A.Const: Resolver._const,
    A.Name: Resolver._name,
    A.VectorExpr: Resolver._vector,
    A.MapExpr: Resolver._map,
    A.Collect: Resolver._collection,
    A.Splice: Resolver._splice,
    A.Call: Resolver._call,
    A.PrimCall: Resolver._args,
    A.HostCall: Resolver._args,
    A.ContextRef: Resolver._context,
    A.Logic: Resolver._args,
    A.Recur: Resolver._args,
    A.If: Resolver._if,
    A.Do: Resolver._do,
    A.Def: Resolver._def,
    A.Fn: Resolver._fn,
    A.StructCheck: Resolver._struct,
    A.Let: Resolver._let,
    A.Loop: Resolver._loop,
    A.For: Resolver._for,
    A.Dotimes: Resolver._dotimes,
    A.Case: Resolver._case,
    A.Match: Resolver._match,
    A.Try: Resolver._try,
}


def resolve(program: A.Program, sink: Sink, imports: Imports | None = None) -> Resolver:
    """Resolves in place; warnings N001, N005 and errors F006, F009, M004, M006 go to ``sink``."""
    resolver = Resolver(program, sink, imports or Imports())
    resolver.run()
    return resolver
