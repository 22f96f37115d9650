"""TypeScript declarations of a module, from its interface."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Form, Keyword, Symbol, Vector

_FIXED: Final = Path(__file__).with_name("loader.d.ts")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_RESERVED: Final = frozenset({
    "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
    "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally", "for", "function", "if",
    "implements", "import", "in", "instanceof", "interface", "let", "new", "null", "package", "private",
    "protected", "public", "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof",
    "var", "void", "while", "with", "yield",
})  # fmt: skip
_PLAIN: Final = {
    "int": "Int", "float": "Int", "string": "string", "bool": "boolean", "nil": "null",
    "keyword": "Keyword", "symbol": "RtfsSymbol", "timestamp": "Timestamp",
    "uuid": "Uuid", "resource": "Resource", "never": "never",
}  # fmt: skip


def declarations(interface: Mapping[str, Any]) -> str:
    """The text of the .d.mts file; ``interface``: the section ``rtfs.interface``."""
    lines = [_FIXED.read_text(encoding="utf-8"), "export interface Module {"]
    names = {export["name"] for export in interface["exports"]}
    for export in interface["exports"]:
        lines += _member(export, export["name"])
    for export in interface["exports"]:
        alias = camel_case(export["name"])
        if alias not in names:
            names.add(alias)
            lines += _member(export, alias)
    return "\n".join([*lines, "}", ""])


def camel_case(name: str) -> str:
    """`price-order?` is `priceOrder` too: the same rule as in load.js."""
    return re.sub(r"-+(.)", lambda found: found[1].upper(), re.sub(r"[?!]+\Z", "", name))


def _member(export: Mapping[str, Any], name: str) -> list[str]:
    lines = [
        f"  /** {line} */"
        for line in [export["doc"].strip().replace("*/", "* /").replace("\n", "\n   * ")]
        if line
    ]
    shown = name if _IDENTIFIER.match(name) else json.dumps(name)
    if export["kind"] == "value":
        return [*lines, f"  readonly {shown}: {_out(_form(export['result_type']))};"]
    return [*lines, f"  readonly {shown}: ({_parameters(export)}) => {_out(_form(export['result_type']))};"]


def _parameters(export: Mapping[str, Any]) -> str:
    types = [_in(_form(text)) for text in export["param_types"]]
    names = _names(export["params"])
    parts = [f"{name}: {kind}" for name, kind in zip(names, types, strict=True)]
    if export["rest"]:
        parts[-1] = f"...{names[-1]}: ({types[-1]})[]"
    return ", ".join(parts)


def _names(params: Sequence[str]) -> list[str]:
    """Names of parameters that TypeScript takes, all different."""
    found: list[str] = []
    for i, param in enumerate(params):
        name = camel_case(param)
        usable = _IDENTIFIER.match(name) and name not in _RESERVED and name not in found
        found.append(name if usable else f"_{i}")
    return found


def _form(text: str) -> Form:
    from rtfsc.diagnostics import Sink
    from rtfsc.syntax.reader import read

    source = SourceFile("<type>", text)
    return read(source, Sink(source))[0]


def _in(form: Form) -> str:
    return _type(form, _in, "Input")


def _out(form: Form) -> str:
    return _type(form, _out, "Value")


def _type(form: Form, part: Any, top: str) -> str:
    if isinstance(form, Keyword):
        if form.name == "float" and top == "Input":
            return "Int | Float"
        return _PLAIN.get(form.name, top)
    if not isinstance(form, Vector) or not form.items or not isinstance(form.items[0], Keyword):
        return top
    head, items = form.items[0].name, list(form.items[1:])
    going_in = top == "Input"
    if head in ("vector", "array"):
        return f"{'readonly ' if going_in else ''}({part(items[0])})[]"
    if head == "tuple":
        return f"{'readonly ' if going_in else ''}[{', '.join(part(item) for item in items)}]"
    if head == "map":
        return _record(items) if going_in else "Map<Key, Value>"
    if head == "map-of":
        key, value = part(items[0]), part(items[1])
        return (
            f"ReadonlyMap<{key}, {value}>"
            + (f" | {{ readonly [name: string]: {value} }}" if key == "Keyword" else "")
            if going_in
            else f"Map<{key}, {value}>"
        )
    if head == "fn":
        return "Callable | HostFunction" if going_in else "Callable"
    if head in ("enum", "val"):
        return " | ".join(dict.fromkeys(_literal(item, top) for item in items))
    if head == "union":
        return " | ".join(dict.fromkeys(_type(item, part, top) for item in items))
    if head == "and" and items:
        return part(items[0])  # type: ignore[no-any-return]
    return "Resource" if head == "resource" else top


def _record(fields: Sequence[Form]) -> str:
    """As a plain object, or as a Map."""
    parts = []
    for field in fields:
        if not isinstance(field, Vector) or not isinstance(field.items[0], Keyword):
            continue
        optional = "?" if len(field.items) > 2 else ""
        parts.append(f"readonly {json.dumps(field.items[0].name)}{optional}: {_in(field.items[1])}")
    known = "; ".join([*parts, "readonly [name: string]: Input"])
    return f"{{ {known} }} | ReadonlyMap<Key, Input>"


def _literal(form: Form, top: str) -> str:
    if isinstance(form, Keyword):
        return "Keyword"
    if isinstance(form, Symbol):
        return "RtfsSymbol"
    value = getattr(form, "value", form)
    if value is None:
        return "null"
    if isinstance(value, bool | str):
        return json.dumps(value)
    return "Int" if isinstance(value, int | float) else top
