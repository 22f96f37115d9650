"""Sections of a binary module: a bounds-checked reader and a writer of custom sections.

Nothing is trusted: every length is checked against the bytes that are there, and whatever is wrong
is a `MalformedModule`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from backend_wasm.layout import LIMITS_ROUTES

MAGIC: Final = b"\0asm\x01\0\0\0"
INTERFACE: Final = "rtfs.interface"
SITES: Final = "rtfs.sites"
ACTION: Final = "rtfs.action"
_LAST_ID: Final = 13
_MEMORY_SECTION: Final = 5
_START_SECTION: Final = 8


class MalformedModule(ValueError):
    """The bytes are not a module of ours; the message says what is wrong and where."""


def uleb(n: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def read_uleb(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A u32 at ``at`` and the offset after it."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= end:
            raise MalformedModule(f"number cut off at byte {at}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > 0xFFFFFFFF:
                raise MalformedModule(f"number too large at byte {at}")
            return value, at
    raise MalformedModule(f"number too long at byte {at}")


def raw_sections(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(id, start of the section, start of its body, end) in file order."""
    if data[:8] != MAGIC:
        raise MalformedModule("not a WebAssembly module of version 1")
    at = 8
    while at < len(data):
        start, kind = at, data[at]
        if kind > _LAST_ID:
            raise MalformedModule(f"unknown section {kind} at byte {start}")
        size, body = read_uleb(data, at + 1, len(data))
        at = body + size
        if at > len(data):
            raise MalformedModule(f"section {kind} at byte {start} is cut off")
        yield kind, start, body, at


def read_name(data: bytes, at: int, end: int) -> tuple[str, int]:
    """A length-prefixed text at ``at`` and the offset after it."""
    size, at = read_uleb(data, at, end)
    if at + size > end:
        raise MalformedModule(f"name at byte {at} is cut off")
    try:
        return data[at : at + size].decode(), at + size
    except UnicodeDecodeError:
        raise MalformedModule(f"name at byte {at} is not UTF-8") from None


def read_sections(data: bytes) -> dict[str, bytes]:
    """Payloads of the custom sections by name. A name that occurs twice is refused."""
    found: dict[str, bytes] = {}
    for kind, start, body, end in raw_sections(data):
        if kind != 0:
            continue
        name, at = read_name(data, body, end)
        if name in found:
            raise MalformedModule(f"second section {name!r} at byte {start}")
        found[name] = data[at:end]
    return found


def section_sizes(data: bytes) -> list[tuple[int, str, int, int]]:
    """(id, name of a custom section or "", offset, size of the whole section) in file order."""
    return [
        (kind, read_name(data, body, end)[0] if kind == 0 else "", start, end - start)
        for kind, start, body, end in raw_sections(data)
    ]


def drop_section(data: bytes, name: str) -> bytes:
    """The module without its custom sections of this name."""
    parts = [data[:8]]
    for kind, start, body, end in raw_sections(data):
        if kind != 0 or read_name(data, body, end)[0] != name:
            parts.append(data[start:end])
    return b"".join(parts)


def custom_section(name: str, payload: bytes) -> bytes:
    body = uleb(len(name.encode())) + name.encode() + payload
    return b"\0" + uleb(len(body)) + body


def entry_name(name: str) -> str:
    """What a module exports a function under. Names that the interface itself uses start with ``$`` or ``=``;
    programs may use them too."""
    return ":" + name if name[:1] in ("$", "=") else name


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def producers(tool: str, version: str) -> bytes:
    """Payload of the section ``producers`` with one processing tool."""

    def text(s: str) -> bytes:
        return uleb(len(s.encode())) + s.encode()

    return uleb(1) + text("processed-by") + uleb(1) + text(tool) + text(version)


def _json_section(sections: Mapping[str, bytes], name: str) -> Any:
    payload = sections.get(name)
    if payload is None:
        raise MalformedModule(f"section {name!r} is missing")
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise MalformedModule(f"section {name!r} is not JSON") from None


_EXPORT_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "name": str, "kind": str, "params": list, "param_types": list, "rest": bool, "result_type": str,
    "doc": str, "effects": list, "examples": list, "def_hash": str, "interface_hash": str, "variants": list,
}  # fmt: skip
_VARIANT_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "export": str, "params": str, "result": str, "raises": bool,
}  # fmt: skip


def _fields(value: Any, fields: Mapping[str, type | tuple[type, ...]], what: str) -> None:
    if not isinstance(value, dict):
        raise MalformedModule(f"{what} is not an object")
    for key, kind in fields.items():
        if not isinstance(value.get(key), kind):
            raise MalformedModule(f"{what}: {key!r} is missing or of a wrong type")


def _texts(value: list[Any], what: str) -> None:
    for item in value:
        if type(item) is not str:
            raise MalformedModule(f"{what} must be texts")


def read_interface(data: bytes) -> dict[str, Any]:
    """The section ``rtfs.interface``, its shape checked (docs/abi.md)."""
    return interface_of(read_sections(data))


def interface_of(sections: Mapping[str, bytes]) -> dict[str, Any]:
    """Like `read_interface`, of custom sections."""
    interface = _json_section(sections, INTERFACE)
    _fields(interface, {"abi": list, "name": str, "exports": list, "functions": list}, "interface")
    if type(interface.get("standalone", False)) is not bool:
        raise MalformedModule("interface: 'standalone' is neither true nor false")
    if interface.get("separate", "") not in ("", "program", "module"):
        raise MalformedModule("interface: 'separate' is neither program nor module")
    if type(interface.get("module", "")) is not str:
        raise MalformedModule("interface: 'module' is not a text")
    if not isinstance(interface.setdefault("modules", []), list):
        raise MalformedModule("interface: 'modules' is not a list")
    _texts(interface["modules"], "interface: 'modules'")
    if any(set(name) & set("/\\\0") for name in interface["modules"]):
        raise MalformedModule("interface: 'modules' holds what is no name")
    abi = interface["abi"]
    if len(abi) != 2 or not all(type(n) is int for n in abi):
        raise MalformedModule("interface: 'abi' is not a pair of numbers")
    for export in interface["exports"]:
        _check_export(export)
    _check_guards(interface)
    for function in interface["functions"]:
        _fields(function, {"origin": list, "name": str}, "function")
        _origin(function["origin"], "function")
    return interface  # type: ignore[no-any-return]


def _check_export(export: Any) -> None:
    _fields(export, _EXPORT_FIELDS, "export")
    if export["kind"] not in ("function", "value"):
        raise MalformedModule("export: unknown kind")
    for key in ("params", "param_types", "effects", "examples"):
        _texts(export[key], f"export: {key!r}")
    if export["kind"] == "function" and len(export["params"]) != len(export["param_types"]):
        raise MalformedModule("export: 'params' and 'param_types' are not of the same length")
    for variant in export["variants"]:
        _fields(variant, _VARIANT_FIELDS, "variant")
        if set(variant["params"]) - set("ifbv") or variant["result"] not in tuple("ifbv"):
            raise MalformedModule("variant: unknown signature")


def _check_guards(interface: dict[str, Any]) -> None:
    """No more than there are bytes for, and each once; what they say of exports is so."""
    guards = interface.get("guards", [])
    if not isinstance(guards, list) or len(guards) > LIMITS_ROUTES:
        raise MalformedModule(f"interface: 'guards' is not a list of at most {LIMITS_ROUTES}")
    functions = {e["name"] for e in interface["exports"] if e["kind"] == "function"}
    seen: set[str] = set()
    for guard in guards:
        _fields(guard, {"symbol": str}, "guard")
        if guard["symbol"] in seen:
            raise MalformedModule("guard: a symbol that occurs twice")
        seen.add(guard["symbol"])
        if "export" in guard and (type(guard["export"]) is not str or guard["export"] not in functions):
            raise MalformedModule("guard: 'export' names no exported function")
        if "interface" in guard:
            _check_export(guard["interface"])
            if guard["interface"]["kind"] != "function":
                raise MalformedModule("guard: 'interface' is not that of a function")


def check_standalone(data: bytes) -> None:
    """What the host must know of a file with a memory of its own before it touches it: that the memory is of
    32-bit addresses and has the pages with the state block, and that nothing runs before it is asked to."""
    memories = [(at, end) for kind, _, at, end in raw_sections(data) if kind == _MEMORY_SECTION]
    if any(kind == _START_SECTION for kind, *_ in raw_sections(data)):
        raise MalformedModule("a standalone module must not start by itself")
    if len(memories) != 1:
        raise MalformedModule("a standalone module has one memory of its own")
    at, end = memories[0]
    count, at = read_uleb(data, at, end)
    flags, at = read_uleb(data, at, end)
    pages, at = read_uleb(data, at, end)
    if count != 1 or flags > 1 or pages < 2:
        raise MalformedModule("the memory of the standalone module is not of the expected type")


def _origin(origin: list[Any], what: str) -> None:
    if len(origin) != 2 or type(origin[0]) is not str or type(origin[1]) is not int:
        raise MalformedModule(f"{what}: 'origin' is not a definition and an ordinal")


Site = tuple[str, int, int, int] | tuple[str, int, int, int, str]


def read_sites(data: bytes) -> list[Site]:
    """(definition, ordinal, start, end), and the module if it is an imported one, per site; site id *n + 1*
    is entry *n*."""
    return sites_of(read_sections(data))


def sites_of(sections: Mapping[str, bytes]) -> list[Site]:
    """Like `read_sites`, of custom sections."""
    sites = _json_section(sections, SITES)
    if not isinstance(sites, list):
        raise MalformedModule("sites are not a list")
    for site in sites:
        if not (isinstance(site, list) and len(site) in (4, 5) and type(site[0]) is str):
            raise MalformedModule("site is not [definition, ordinal, start, end]")
        if len(site) == 5 and type(site[4]) is not str:
            raise MalformedModule("site: the module is not a name")
        for n in site[1:4]:
            if type(n) is not int or not 0 <= n < 1 << 53:
                raise MalformedModule("site: offsets are not numbers")
    return [tuple(site) for site in sites]


def read_action(data: bytes) -> dict[str, Any]:
    """The section ``rtfs.action``: what the module was built from."""
    action = _json_section(read_sections(data), ACTION)
    if not isinstance(action, dict):
        raise MalformedModule("action is not an object")
    return action
