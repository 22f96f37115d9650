"""Serialised IR: compact, canonical (one module, one byte string), readable without trust.

A module is ``MODULE_MAGIC``, a header block and the functions; a bundle is ``BUNDLE_MAGIC``, an index of
names and lengths, and the functions, each decoded when it is first asked for.  A block starts with the
table of its strings; numbers are LEB128 in shortest form, signed ones zigzag; a type is 0 for ``any`` or
the type plus one.  Variables are numbered as they are bound; types that follow from the parts of a node
are not stored.  The last byte of a magic is the version of the format.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rtfsc.ir.decode import Reader, decode_export, decode_function, decode_guard, decode_site
from rtfsc.ir.encode import Writer, encode_export, encode_function, encode_guard, encode_site
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import Function, Module
from rtfsc.ir.walk import deep

MODULE_MAGIC: Final = b"\x00rtfsir\x01"
BUNDLE_MAGIC: Final = b"\x00rtfsib\x01"


def dumps(module: Module, note: str = "") -> bytes:
    """The bytes of ``module``; ``note`` is carried along for `read_note` and has no meaning here."""
    w = Writer()
    w.s(module.name)
    w.s(note)
    w.u(len(module.globals))
    for name, t in module.globals.items():
        w.s(name)
        w.t(t)
    w.u(len(module.exports))
    for e in module.exports:
        encode_export(w, e)
    w.u(len(module.sites))
    for s in module.sites:
        encode_site(w, s)
    if module.guards or module.own:  # else nothing at all
        w.u(len(module.guards))
        for g in module.guards:
            encode_guard(w, g)
        if module.own:
            w.s(module.own)
    with deep():
        functions = [encode_function(f) for f in module.functions.values()]
    return b"".join([MODULE_MAGIC, _block(w.finish()), *map(_block, functions)])


def _block(data: bytes) -> bytes:
    w = Writer()
    w.u(len(data))
    return bytes(w.out) + data


def loads(data: bytes) -> Module:
    """The module in ``data``, not verified; raises IRError for anything but the bytes of `dumps`."""
    module, _ = _load(data)
    return module


def read_note(data: bytes) -> str:
    """The note that `dumps` was given."""
    start, end = _first_block(data)
    r = Reader(data, start, end)
    r.read_strings()
    r.s()
    return r.s()


def _first_block(data: bytes) -> tuple[int, int]:
    _check_magic(data, MODULE_MAGIC)
    r = Reader(data, len(MODULE_MAGIC))
    n = r.count()
    return r.position, r.position + n


def _check_magic(data: bytes, magic: bytes) -> None:
    if data[: len(magic) - 1] != magic[:-1]:
        raise IRError("these bytes are not serialised IR")
    if data[: len(magic)] != magic:
        raise IRError("serialised IR of another version")


def _load(data: bytes) -> tuple[Module, str]:
    start, end = _first_block(data)
    r = Reader(data, start, end)
    r.read_strings()
    module = Module(r.s(), {})
    note = r.s()
    for _ in range(r.count()):
        name = r.s()
        module.globals[name] = r.t()
    module.exports = [decode_export(r) for _ in range(r.count())]
    module.sites = [decode_site(r) for _ in range(r.count())]
    if r.position < r.end:
        module.guards = [decode_guard(r) for _ in range(r.count())]
        module.own = r.s() if r.position < r.end else ""
        if not (module.guards or module.own) or (r.position < r.end):
            r.fail("neither guards nor a name")
    r.done()
    r = Reader(data, end)
    with deep():
        while r.position < len(data):
            n = r.count()
            function = decode_function(data, r.position, r.position + n)
            r.position += n
            if function.name in module.functions:
                raise IRError(f"function {function.name} occurs twice")
            module.functions[function.name] = function
    return module, note


def dump_bundle(functions: Iterable[Function]) -> bytes:
    """Functions that can be loaded one by one, sorted by name."""
    w = Writer()
    with deep():
        blobs = [(f.name, encode_function(f)) for f in sorted(functions, key=lambda f: f.name)]
    w.u(len(blobs))
    for name, blob in blobs:
        w.s(name)
        w.u(len(blob))
    return b"".join([BUNDLE_MAGIC, _block(w.finish()), *(blob for _, blob in blobs)])


class Bundle:
    """Functions by name, decoded on demand. Each call gives a new copy, so the caller may change it."""

    def __init__(self, data: bytes) -> None:
        _check_magic(data, BUNDLE_MAGIC)
        head = Reader(data, len(BUNDLE_MAGIC))
        n = head.count()
        r = Reader(data, head.position, head.position + n)
        r.read_strings()
        at = r.end
        self._data = data
        self._ranges: dict[str, tuple[int, int]] = {}
        for _ in range(r.count()):
            name = r.s()
            length = r.u()
            self._ranges[name] = (at, at + length)
            at += length
        r.done()
        if at != len(data):
            raise IRError("corrupt bundle: lengths do not match")

    def __contains__(self, name: str) -> bool:
        return name in self._ranges

    def names(self) -> list[str]:
        return list(self._ranges)

    def function(self, name: str) -> Function:
        """KeyError if there is none of that name; IRError for corrupt bytes."""
        start, end = self._ranges[name]
        with deep():
            return decode_function(self._data, start, end)
