"""Types as written in annotations: parsed, in canonical text, as data for ``check.type``, as kind masks.

Canonical form: lower-case keywords, ``T?`` as a union with ``:nil``, unions flat and sorted, aliases
(`dict`, `record`, `=>`, names of defstruct) expanded. The text read back as data is what the op
``check.type`` takes (docs/abi.md, "Types as data").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rtfsc.ast.annotations import PRIMITIVES, OptionalType
from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, Keyword, Literal, Map, Symbol, Vector

_MASKS: Final[dict[str, int]] = {
    "int": T.INT, "float": T.NUM, "string": T.STR, "bool": T.BOOL, "nil": T.NIL, "keyword": T.KW,
    "symbol": T.SYM, "any": T.ANY, "never": T.NEVER,
}  # fmt: skip
_ALIASES: Final = {"record": "map", "dict": "map-of", "=>": "fn"}
_NUMBER_PREDICATES: Final = frozenset({">", ">=", "<", "<="})
_COUNT_PREDICATES: Final = frozenset(
    {"min-length", "max-length", "length", "min-count", "max-count", "count"}
)
_PLAIN_PREDICATES: Final = frozenset({"non-empty", "is-url", "is-email"})


class TypeExpr:
    """``data`` is the canonical form as a constant, ``mask`` the kinds that its values have; ``exact``: every
    value of those kinds conforms, so that a test of the kind is enough."""

    __slots__ = ("_text", "data", "exact", "mask")

    def __init__(self, data: Const, mask: int, exact: bool) -> None:
        self.data, self.mask, self.exact = data, mask, exact
        self._text: str | None = None

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = show_data(self.data)
        return self._text

    def implies(self, other: TypeExpr) -> bool:
        """Whether every value of this type is one of ``other``; False where that is not plain to see."""
        if other.exact:
            return T.subtype(self.mask, other.mask)
        return self.text == other.text


def _keyword(name: str) -> Const:
    return Const(T.KW, name)


def _vector(head: str, items: Iterable[Const]) -> Const:
    return Const(T.VEC, (_keyword(head), *items))


def primitive(name: str) -> TypeExpr:
    return TypeExpr(_keyword(name), _MASKS[name], name != "never")


ANY: Final = primitive("any")


class TypeParser:
    """Parses types of one program. ``structs`` holds the record types of defstruct as forms."""

    def __init__(self, sink: Sink, structs: Mapping[str, Form]) -> None:
        self.sink = sink
        self.structs = structs
        self.known: dict[str, TypeExpr] = {}
        self.open: list[str] = []

    def parse(self, form: Form | OptionalType | None) -> TypeExpr:
        if form is None:
            return ANY
        if type(form) is OptionalType:
            return optional(self.parse(form.form))
        if type(form) in (Symbol, Keyword):
            return self._named(form.name, form.span)  # type: ignore[union-attr]
        if type(form) is Vector and form.items and type(form.items[0]) is Keyword:
            return self._constructed(form.items[0].name, form.items[1:], form)
        if type(form) is Literal and form.kind == T.NIL:
            return primitive("nil")
        return self._malformed(form.span)

    def _malformed(self, span: Span, hint: str | None = None) -> TypeExpr:
        self.sink.error("F006", "Malformed type", span, hint=hint)
        return ANY

    def _named(self, name: str, span: Span) -> TypeExpr:
        if name.endswith("?") and len(name) > 1:
            return optional(self._named(name[:-1], span))
        lower = name.lower()
        if lower in PRIMITIVES and name in (lower, name.capitalize()):
            return primitive(lower)
        return self._alias(name, span)

    def _alias(self, name: str, span: Span) -> TypeExpr:
        found = self.known.get(name)
        if found is None and name in self.open:
            self.sink.error("F006", f"The type {name} contains itself", span)
            return ANY
        if found is None and name in self.structs:
            from rtfsc.ast.core import struct_type

            self.open.append(name)
            try:
                found = self.parse(struct_type(self.structs[name]))  # type: ignore[arg-type]
            except Exception as error:
                if type(error).__name__ != "Fault":  # reported where the struct is defined
                    raise
                found = ANY
            self.open.pop()
            self.known[name] = found
        if found is None:
            self.sink.warning("N005", f"Unknown type {name}: every check against it fails", span,
                              hint=_type_hint(name))  # fmt: skip
            return TypeExpr(_keyword(name), T.NEVER, False)
        return found

    def _constructed(self, head: str, args: list[Form], form: Vector) -> TypeExpr:
        head = _ALIASES.get(head, head)
        build = _CONSTRUCTORS.get(head)
        if build is None:
            return self._malformed(form.span, hint=f"there is no type constructor :{head}")
        return build(self, args, form)

    def _vector_of(self, args: list[Form], form: Vector) -> TypeExpr:
        if len(args) != 1:
            return self._malformed(form.span, "write [:vector T]")
        element = self.parse(args[0])
        return TypeExpr(_vector("vector", [element.data]), T.VEC, element.exact and element.mask == T.ANY)

    def _array(self, args: list[Form], form: Vector) -> TypeExpr:
        if len(args) not in (1, 2) or (len(args) == 2 and type(args[1]) is not Vector):
            return self._malformed(form.span, "write [:array T [2 ? 3]]")
        element = self.parse(args[0])
        dims: list[Const] = []
        for dim in args[1].items if len(args) == 2 else ():  # type: ignore[union-attr]
            if type(dim) is Symbol and dim.name == "?":
                dims.append(Const(T.SYM, "?"))
            elif type(dim) is Literal and dim.kind == T.INT:
                dims.append(Const(T.INT, dim.value))
            else:
                return self._malformed(dim.span, "a dimension is an integer or ?")
        return TypeExpr(_vector("array", [element.data, Const(T.VEC, tuple(dims))]), T.VEC, False)

    def _tuple(self, args: list[Form], form: Vector) -> TypeExpr:
        return TypeExpr(_vector("tuple", [self.parse(a).data for a in args]), T.VEC, False)

    def _map(self, args: list[Form], form: Vector) -> TypeExpr:
        fields: list[Const] = []
        for arg in args:
            if type(arg) is Map:
                fields += self._braced_fields(arg)
                continue
            if type(arg) is not Vector or len(arg.items) not in (2, 3):
                return self._malformed(arg.span, "a field is [:key T] or [:key T ?]")
            key, declared, *mark = arg.items
            if type(key) is Keyword and key.name == "*":
                self.parse(declared)  # other keys are allowed whatever is said of them
                continue
            if mark and not (type(mark[0]) is Symbol and mark[0].name == "?"):
                return self._malformed(mark[0].span, "only ? may follow the type of a field")
            marks = [Const(T.SYM, "?")] if mark else []
            fields.append(Const(T.VEC, (self._field_key(key), self.parse(declared).data, *marks)))
        return TypeExpr(_vector("map", fields), T.MAP, not fields)

    def _braced_fields(self, form: Map) -> Iterator[Const]:
        """``{:k T :j T ?}``: the mark follows its type, so keys and values of the form may be shifted."""
        items = [part for key, value in form.pairs for part in ((key,) if key is value else (key, value))]
        at = 0
        while at < len(items):
            key = self._field_key(items[at])
            if at + 1 == len(items):
                self._malformed(items[at].span, "a field is :key T or :key T ?")
                return
            declared = self.parse(items[at + 1]).data
            at += 2
            if key.value == "*":  # other keys are allowed whatever is said of them
                continue
            mark = items[at] if at < len(items) else None
            if type(mark) is Symbol and mark.name == "?":
                yield Const(T.VEC, (key, declared, Const(T.SYM, "?")))
                at += 1
            else:
                yield Const(T.VEC, (key, declared))

    def _field_key(self, form: Form) -> Const:
        if type(form) is Keyword:
            return _keyword(form.name)
        self.sink.error("F006", "The key of a field is a keyword", form.span)
        return _keyword("")

    def _map_of(self, args: list[Form], form: Vector) -> TypeExpr:
        if len(args) != 2:
            return self._malformed(form.span, "write [:map-of K V]")
        key, value = self.parse(args[0]), self.parse(args[1])
        exact = key.exact and value.exact and key.mask == T.ANY and value.mask == T.ANY
        return TypeExpr(_vector("map-of", [key.data, value.data]), T.MAP, exact)

    def _fn(self, args: list[Form], form: Vector) -> TypeExpr:
        if len(args) != 2 or type(args[0]) is not Vector:
            return self._malformed(form.span, "write [:fn [P …] R]")
        params = [
            Const(T.SYM, "&") if type(p) is Symbol and p.name == "&" else self.parse(p).data
            for p in args[0].items
        ]
        return TypeExpr(_vector("fn", [Const(T.VEC, tuple(params)), self.parse(args[1]).data]), T.FN, True)

    def _enum(self, args: list[Form], form: Vector) -> TypeExpr:
        values = [literal_const(a) for a in args]
        if not values or None in values:
            return self._malformed(form.span, "[:enum …] takes literals")
        constants = [v for v in values if v is not None]
        mask = 0
        for value in constants:
            mask |= value.type
        return TypeExpr(_vector("enum", constants), mask, all(v.type == T.NIL for v in constants))

    def _union(self, args: list[Form], form: Vector) -> TypeExpr:
        if not args:
            return self._malformed(form.span, "[:union …] needs a member")
        return union([self.parse(a) for a in args])

    def _and(self, args: list[Form], form: Vector) -> TypeExpr:
        if not args:
            return self._malformed(form.span, "[:and T x …] needs a type")
        parts: list[Const] = []
        mask, exact = T.ANY, True
        for arg in args:
            predicate = self._predicate(arg)
            if predicate is not None:
                parts.append(predicate)
                exact = False
                continue
            part = self.parse(arg)
            parts.append(part.data)
            mask &= part.mask
            exact = exact and part.exact
        return TypeExpr(_vector("and", parts), mask, exact and mask != T.NEVER)

    def _predicate(self, form: Form) -> Const | None:
        if type(form) is not Vector or not form.items or type(form.items[0]) is not Keyword:
            return None
        name = form.items[0].name
        args = form.items[1:]
        literals = [predicate_const(a) for a in args]
        if name in _CONSTRUCTORS or name in _ALIASES:
            return None
        if None in literals or not _predicate_ok(name, [v for v in literals if v is not None]):
            self.sink.error("F006", f"Malformed or unknown predicate :{name}", form.span)
            return _vector("non-empty", [])
        return _vector(name, [v for v in literals if v is not None])

    def _resource(self, args: list[Form], form: Vector) -> TypeExpr:
        if len(args) != 1 or type(args[0]) not in (Symbol, Keyword):
            return self._malformed(form.span, "write [:resource Name]")
        return TypeExpr(_vector("resource", [_keyword(args[0].name)]), T.RESOURCE, False)  # type: ignore[union-attr]


_CONSTRUCTORS: Final = {
    "vector": TypeParser._vector_of,
    "array": TypeParser._array,
    "tuple": TypeParser._tuple,
    "map": TypeParser._map,
    "map-of": TypeParser._map_of,
    "fn": TypeParser._fn,
    "enum": TypeParser._enum,
    "val": TypeParser._enum,
    "union": TypeParser._union,
    "and": TypeParser._and,
    "resource": TypeParser._resource,
}


def optional(t: TypeExpr) -> TypeExpr:
    return union([t, primitive("nil")])


def union(members: list[TypeExpr]) -> TypeExpr:
    """The flat, sorted union; of one member, that member."""
    parts: dict[str, Const] = {}
    mask, exact = 0, True
    for member in members:
        for part in _union_parts(member.data):
            parts[show_data(part)] = part
        mask |= member.mask
        exact = exact and member.exact
    if ":any" in parts:
        return ANY
    if len(parts) == 1:
        return members[0]
    return TypeExpr(_vector("union", [parts[text] for text in sorted(parts)]), mask, exact)


def _union_parts(data: Const) -> tuple[Const, ...]:
    if data.type == T.VEC and data.value[0].value == "union":
        return data.value[1:]  # type: ignore[no-any-return]
    return (data,)


def literal_const(form: Form) -> Const | None:
    if type(form) is Literal:
        return Const(form.kind, form.value)
    return _keyword(form.name) if type(form) is Keyword else None


def predicate_const(form: Form) -> Const | None:
    if type(form) is Vector:
        items = [literal_const(item) for item in form.items]
        return None if None in items else Const(T.VEC, tuple(items))
    return literal_const(form)


def _predicate_ok(name: str, args: list[Const]) -> bool:
    kinds = [a.type for a in args]
    if name in _NUMBER_PREDICATES:
        return len(kinds) == 1 and bool(kinds[0] & T.NUM)
    if name in _COUNT_PREDICATES:
        return kinds == [T.INT]
    if name in _PLAIN_PREDICATES:
        return not kinds
    if name in ("=", "!="):
        return len(kinds) == 1
    if name == "matches-regex":
        return kinds == [T.STR]
    if name == "in-range":
        return len(kinds) == 2 and all(k & T.NUM for k in kinds)
    if name == "has-key":
        return len(kinds) == 1
    return name == "required-keys" and kinds == [T.VEC]


def show_data(data: Const) -> str:
    """RTFS text of a type's data."""
    t, value = data.type, data.value
    if t == T.VEC:
        return f"[{' '.join(show_data(item) for item in value)}]"
    if t == T.KW:
        return f":{value}"
    if t == T.STR:
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'
    if t == T.NIL:
        return "nil"
    if t == T.BOOL:
        return "true" if value else "false"
    return _float_text(value) if t == T.FLOAT else str(value)


def _float_text(value: float) -> str:
    text = repr(value)
    special = {"inf": "##Inf", "-inf": "##-Inf", "nan": "##NaN"}.get(text)
    if special is not None:
        return special
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _type_hint(name: str) -> str | None:
    if name.lower() in ("number", "num"):
        return "write [:union :int :float]"
    if name.lower() in ("integer", "i64"):
        return "write :int"
    if name.lower() in ("str", "text"):
        return "write :string"
    if name.lower() in ("boolean",):
        return "write :bool"
    if name.lower() in ("fn", "function"):
        return "write [:fn [:any] :any]"
    if name.lower() in ("map", "vector", "list"):
        return "write [:map] or [:vector :any]"
    return None


def text_of(t: Any) -> str:
    return t.text if isinstance(t, TypeExpr) else ANY.text
