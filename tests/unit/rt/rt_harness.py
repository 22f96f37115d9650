"""Drives `rt` directly, as a native library built here with gcc or as rt.wasm in wasmtime.

Values cross in transit buffers written and read by the few lines below, which know nothing of the
project's own marshaller. Lists are `Ls`, keywords `Kw`, errors `Err`.
"""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from backend_wasm import layout as L
from rtfsc.ir import types as T
from rtfsc.primitives.ops import OPS
from runtime.values.layout import ERROR_KINDS

ROOT = Path(__file__).resolve().parents[3]
FLAGS = ["-ffp-contract=off", "-fno-math-errno"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


class Kw(str):
    """A keyword, by its spelling without the colon."""


class Ls(tuple):  # type: ignore[type-arg]
    """A list, as opposed to a vector (Python list)."""


class Err(NamedTuple):
    kind: str
    type: str
    message: str
    data: Any
    site: int = 0


class Raised(Exception):
    def __init__(self, error: Err) -> None:
        super().__init__(error)
        self.error = error


class Engine(Protocol):
    def invoke(self, name: str, result: str, *args: tuple[str, Any]) -> Any: ...
    def read(self, at: int, size: int) -> bytes: ...
    def write(self, at: int, data: bytes) -> None: ...


def encode(value: Any, record: bool = False) -> bytes:
    """Transit form of a Python value."""

    def head(tag: int, n: int = 0) -> bytes:
        return struct.pack("<Q", tag | n << 8)

    def text(tag: int, s: str) -> bytes:
        raw = s.encode()
        return head(tag, len(raw)) + bytes(8) + raw + bytes(-len(raw) % 8)

    if value is None:
        return head(L.TRANSIT_NIL)
    if isinstance(value, bool):
        return head(L.TRANSIT_TRUE if value else L.TRANSIT_FALSE)
    if isinstance(value, int):
        return head(L.TRANSIT_INT) + struct.pack("<q", value)
    if isinstance(value, float):
        return head(L.TRANSIT_FLOAT) + struct.pack("<d", value)
    if isinstance(value, Kw):
        return text(L.TRANSIT_KW, value)
    if isinstance(value, str):
        return text(L.TRANSIT_STR, value)
    if isinstance(value, dict):
        tag = L.TRANSIT_RECORD_MAP if record else L.TRANSIT_MAP
        return head(tag, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    tag = L.TRANSIT_LIST if isinstance(value, Ls) else L.TRANSIT_VEC
    return head(tag, len(value)) + b"".join(map(encode, value))


def decode(data: bytes) -> Any:
    """Python value of a transit buffer, which must be used up."""
    at = 0

    def word() -> int:
        nonlocal at
        at += 8
        return struct.unpack_from("<Q", data, at - 8)[0]

    def text(n: int) -> str:
        nonlocal at
        word()
        raw, at = data[at : at + n], at + (n + 7) // 8 * 8
        return raw.decode()

    def value() -> Any:
        nonlocal at
        head = word()
        tag, n = head & 0xFF, head >> 8
        if tag in (L.TRANSIT_NIL, L.TRANSIT_FALSE, L.TRANSIT_TRUE):
            return {L.TRANSIT_NIL: None, L.TRANSIT_FALSE: False, L.TRANSIT_TRUE: True}[tag]
        if tag in (L.TRANSIT_INT, L.TRANSIT_FLOAT):
            at += 8
            return struct.unpack_from("<q" if tag == L.TRANSIT_INT else "<d", data, at - 8)[0]
        if tag in (L.TRANSIT_INTS, L.TRANSIT_FLOATS):
            at += 8 * n
            return list(struct.unpack_from(f"<{n}{'q' if tag == L.TRANSIT_INTS else 'd'}", data, at - 8 * n))
        if tag in (L.TRANSIT_VEC, L.TRANSIT_LIST):
            items = [value() for _ in range(n)]
            return items if tag == L.TRANSIT_VEC else Ls(items)
        if tag == L.TRANSIT_MAP:
            return {key: value() for key in (value() for _ in range(n))}
        if tag == L.TRANSIT_ERROR:
            number = word()
            type_, message, payload = value(), value(), value()
            return Err(ERROR_KINDS[number & 0xFFFFFFFF][0], type_, message, payload, number >> 32)
        assert tag in (L.TRANSIT_STR, L.TRANSIT_KW, L.TRANSIT_SYM), tag
        return Kw(text(n)) if tag == L.TRANSIT_KW else text(n)

    result = value()
    assert at == len(data)
    return result


class Rt:
    """One instance. ``rt("op", …)`` takes and gives Python values; ``rt.op`` works on boxed values."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def put(self, value: Any) -> int:
        return self.put_bytes(encode(value))

    def put_bytes(self, data: bytes) -> int:
        at = self.engine.invoke("rt_buffer", "i32", ("i32", len(data)))
        self.engine.write(at, data)
        return self.engine.invoke("rt_decode", "val", ("i32", at))

    def take_bytes(self, value: int) -> bytes:
        packed = self.engine.invoke("rt_encode", "val", ("val", value))
        return self.engine.read(packed & 0xFFFFFFFF, packed >> 32)

    def take(self, value: int) -> Any:
        return decode(self.take_bytes(value))

    def state(self, at: int, size: int = 4) -> int:
        return int.from_bytes(self.engine.read(at, size), "little")

    def set_state(self, at: int, number: int, size: int = 4) -> None:
        self.engine.write(at, number.to_bytes(size, "little"))

    def op(self, name: str, *args: Any, imm: int | None = None) -> Any:
        """Arguments boxed, or raw where the op takes an unboxed one; raises `Raised` on ERR."""
        op = OPS[name]
        if op.variadic:
            self.engine.write(L.STATE_SCRATCH, struct.pack(f"<{len(args)}Q", *args))
            given = [("ptr", L.STATE_SCRATCH), ("i32", len(args))]
        else:
            given = [(T.rep(t), a) for t, a in zip(op.params, args, strict=True)]
        if imm is not None:
            given.append(("val", imm))
        result = self.engine.invoke(op.c_name, "val" if op.raises else T.rep(op.result), *given)
        if op.raises and result == L.SPECIAL_ERR:
            raise Raised(self.take(self.state(L.STATE_ERROR, 8)))
        return result

    def __call__(self, name: str, *args: Any, imm: Any = None) -> Any:
        op = OPS[name]
        kinds = ["val"] * len(args) if op.variadic else [T.rep(t) for t in op.params]
        boxed = [self.put(a) if kind == "val" else a for kind, a in zip(kinds, args, strict=True)]
        result = self.op(name, *boxed, imm=None if imm is None else self.put(imm))
        return self.take(result) if op.raises or T.rep(op.result) == "val" else result


_C_TYPES = {"i64": ctypes.c_int64, "f64": ctypes.c_double, "i32": ctypes.c_uint32, "val": ctypes.c_uint64}


def build_native(folder: Path, *flags: str) -> Path:
    """The native library with extra gcc flags, and those of RT_TEST_CFLAGS (sanitizers)."""
    from buildtools.compile_rt import compile_float_object
    from buildtools.generate import generate

    generate(ROOT)
    zig = compile_float_object(ROOT, ROOT / "build" / "rt")
    out = folder / "librt.so"
    command = [
        "gcc",
        "-std=gnu11",
        "-O1",
        "-g",
        "-fPIC",
        "-shared",
        *FLAGS,
        *WARNINGS,
        *os.environ.get("RT_TEST_CFLAGS", "").split(),
        *flags,
    ]
    subprocess.run([*command, str(ROOT / "backend_wasm/rt/rt.c"), str(zig), "-o", str(out)], check=True)
    return out


class Native:
    """The native build through ctypes; for calls that do not trap."""

    def __init__(self, path: Path, max_bytes: int = 64 << 20) -> None:
        self.lib = ctypes.CDLL(str(path))
        self.lib.rt_instance_new.restype = ctypes.c_void_p
        self.lib.rt_enter.argtypes = [ctypes.c_void_p]
        self.lib.rt_instance_free.argtypes = [ctypes.c_void_p]
        self.base = self.lib.rt_instance_new(ctypes.c_uint32(max_bytes))
        assert self.base

    def invoke(self, name: str, result: str, *args: tuple[str, Any]) -> Any:
        self.lib.rt_enter(self.base)
        function = self.lib[name]
        function.restype = ctypes.c_int32 if result == "i32" else _C_TYPES[result]
        given = [ctypes.c_void_p(self.base + v) if t == "ptr" else _C_TYPES[t](v) for t, v in args]
        return function(*given)

    def read(self, at: int, size: int) -> bytes:
        return ctypes.string_at(self.base + at, size)

    def write(self, at: int, data: bytes) -> None:
        ctypes.memmove(self.base + at, data, len(data))

    def close(self) -> None:
        self.lib.rt_instance_free(self.base)


class Wasm:
    """rt.wasm in wasmtime, by its slow but plain interface."""

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        import wasmtime

        self.store = wasmtime.Store()
        self.module = wasmtime.Module.from_file(self.store.engine, str(ROOT / "backend_wasm/rt.wasm"))
        self.exports = wasmtime.Instance(self.store, self.module, []).exports(self.store)
        self.memory = self.exports["memory"]
        self.write(L.STATE_MAX, max_bytes.to_bytes(4, "little"))
        self.exports["rt_init"](self.store)

    def invoke(self, name: str, result: str, *args: tuple[str, Any]) -> Any:
        given = [_signed(t, v) for t, v in args]
        answer = self.exports[name](self.store, *given)
        return answer & (2**64 - 1) if result == "val" else answer

    def read(self, at: int, size: int) -> bytes:
        return bytes(self.memory.read(self.store, at, at + size))

    def write(self, at: int, data: bytes) -> None:
        self.memory.write(self.store, data, at)


def _signed(kind: str, value: Any) -> Any:
    if kind == "val" and value >= 2**63:
        return value - 2**64
    return value
