"""Every key by which something is found is built here, from nothing but its parts.

A key is the SHA-256, in hex, of a tag with a version and of length-prefixed fields, so no two lists of
fields give the same bytes and no two kinds of key can collide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from rtfsc.ir.nodes import Export, Module

ABI_MAJOR: Final = 1
"""Same as in backend_wasm/layout.toml (a test compares)."""

Field = str | bytes | int | bool | Iterable["Field"]


def digest(tag: str, *fields: Field) -> str:
    """SHA-256 over the tag and the fields; lists and tuples nest."""
    h = hashlib.sha256()
    h.update(_frame(tag))
    for f in fields:
        h.update(_frame(f))
    return h.hexdigest()


def _frame(field: Field) -> bytes:
    if isinstance(field, str):
        kind, data = b"s", field.encode()
    elif isinstance(field, bytes):
        kind, data = b"b", field
    elif isinstance(field, int):
        kind, data = b"i", str(int(field)).encode()
    else:
        kind, data = b"l", b"".join([_frame(x) for x in field])
    return kind + len(data).to_bytes(8, "big") + data


def interface_hash(export: Export) -> str:
    """Declared types, arity and effects: what a caller can rely on. No names, no docs."""
    if export.func is None:
        return digest("rtfs-interface/1", "value", export.result_type)
    return digest(
        "rtfs-interface/1",
        "function",
        export.param_types,
        export.rest,
        export.result_type,
        sorted(set(export.effects)),
    )


def module_interface_hash(module: Module) -> str:
    """The interfaces of all exports, whatever their names and order."""
    return digest("rtfs-module-interface/1", sorted(interface_hash(e) for e in module.exports))


def retrieval_key(def_hash: str, interface: str, target: str, abi_major: int = ABI_MAJOR) -> str:
    """What one definition is found by; the compiler has no part in it."""
    return digest("rtfs-retrieval/1", def_hash, interface, target, abi_major)


def module_key(module: Module, target: str, abi_major: int = ABI_MAJOR) -> str:
    """What a whole module is found by: what it exports under which names, and what its top level does."""
    from rtfsc.ir.canonical import module_hash

    interfaces = sorted((e.name, interface_hash(e)) for e in module.exports)
    return digest("rtfs-module/1", module_hash(module), interfaces, target, abi_major)


def action_key(
    subject: str, compiler_fingerprint: str, rt_digest: str, features: Iterable[str], level: int
) -> str:
    """What a build is found by. ``subject``: a `retrieval_key` or `module_key`."""
    return digest("rtfs-action/1", subject, compiler_fingerprint, rt_digest, sorted(set(features)), level)
