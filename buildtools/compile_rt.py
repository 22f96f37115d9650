"""Compiles `rt`: with zig to ``backend_wasm/rt.wasm``, and its Zig part to an object for the host."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

WASM_FLAGS = (
    "--target=wasm32-freestanding",
    "-mcpu=mvp+bulk_memory+sign_ext+nontrapping_fptoint+mutable_globals",
    "-O2",
    "-fno-unroll-loops",
    "-mllvm",
    "-inline-threshold=100",
    "-std=c11",
    "-ffp-contract=off",
    "-ffreestanding",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-nostdlib",
)
LINK_FLAGS = (
    "--no-entry",
    "--export-memory",
    "--export-table",
    "--growable-table",
    "--export-dynamic",
    "--export=__stack_pointer",
    "--global-base=1638400",  # limits.DATA_BASE of layout.toml
    "--max-memory=4294901760",
    "-z",
    "stack-size=65536",
    "--strip-all",
)
ZIG_FLAGS = ("-O", "small", "-fstrip", "-fsingle-threaded", "-fno-unwind-tables", "-fno-stack-protector")


EXPORTS = 7
FUNCTION = 0


def compile_rt(root: Path, generated: Sequence[Path], temp: Path) -> None:
    """Makes ``backend_wasm/rt.wasm``; does nothing if its inputs are those of the last time."""
    rt, out = root / "backend_wasm/rt", root / "backend_wasm/rt.wasm"
    inputs = [
        *sorted(rt.glob("*.[ch]")),
        rt / "floattext.zig",
        *(p for p in generated if p.suffix == ".h"),
        Path(__file__),
    ]
    stamp, digest = temp / "rt.inputs", _digest(inputs)
    if out.exists() and stamp.exists() and stamp.read_text() == digest + _digest([out]):
        return
    temp.mkdir(parents=True, exist_ok=True)
    float_object = temp / "floattext.wasm.o"
    # Relative paths and a fixed folder: no absolute path may reach the bytes.
    _zig(
        root,
        temp,
        "build-obj",
        str(rt / "floattext.zig"),
        "-target",
        "wasm32-freestanding",
        "-mcpu",
        "mvp+bulk_memory+sign_ext+nontrapping_fptoint",
        *ZIG_FLAGS,
        f"-femit-bin={float_object}",
    )
    linking = [f"-Wl,{flag}" if flag != "-z" else "-Wl,-z" for flag in LINK_FLAGS]
    partial = temp / "rt.wasm"
    _zig(
        root,
        temp,
        "cc",
        *WASM_FLAGS,
        "-Ibackend_wasm/rt",
        "backend_wasm/rt/rt.c",
        str(float_object),
        "-lcompiler_rt",
        *linking,
        "-o",
        str(partial),
    )
    out.write_bytes(public_exports(partial.read_bytes()))
    stamp.write_text(digest + _digest([out]))


def public_exports(module: bytes) -> bytes:
    """The module with the exports of docs/abi.md alone, the linker's table under the name ``table``, and a
    section ``name`` in which the module is ``rt`` and its exported functions have their names: backtraces and
    profiles tell it by them."""
    out, names, at = bytearray(module[:8]), b"", 8
    while at < len(module):
        section = module[at]
        size, start = _read_leb(module, at + 1)
        body = module[start : start + size]
        if section == EXPORTS:
            body = _rename(body)
            names = _names(body)
        out += bytes([section]) + _leb(len(body)) + body
        at = start + size
    return bytes(out) + names


def _names(exports: bytes) -> bytes:
    """The section ``name``: subsections 0 (module) and 1 (functions, ascending)."""
    functions = sorted((index, name) for name, kind, index in _entries(exports) if kind == FUNCTION)
    entries = b"".join(_leb(index) + _text(name) for index, name in functions)
    parts = [b"\0", _leb(3), _text(b"rt"), b"\1", _leb(len(_leb(len(functions)) + entries))]
    body = _text(b"name") + b"".join(parts) + _leb(len(functions)) + entries
    return b"\0" + _leb(len(body)) + body


def _text(name: bytes) -> bytes:
    return _leb(len(name)) + name


def _rename(body: bytes) -> bytes:
    kept = []
    for name, kind, index in _entries(body):
        name = b"table" if name == b"__indirect_function_table" else name
        if name.startswith(b"rt_") or name in (b"memory", b"table", b"__stack_pointer"):
            kept.append(_text(name) + bytes([kind]) + _leb(index))
    return _leb(len(kept)) + b"".join(kept)


def _entries(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, kind, index) of each export."""
    count, at = _read_leb(body, 0)
    for _ in range(count):
        size, start = _read_leb(body, at)
        index, end = _read_leb(body, start + size + 1)
        yield body[start : start + size], body[start + size], index
        at = end


def _read_leb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _leb(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def compile_float_object(root: Path, temp: Path) -> Path:
    """The Zig part for the host, position-independent and for its baseline processor."""
    source, out = root / "backend_wasm/rt/floattext.zig", temp / "floattext.o"
    stamp, digest = temp / "floattext.inputs", _digest([source, Path(__file__)])
    if not (out.exists() and stamp.exists() and stamp.read_text() == digest):
        temp.mkdir(parents=True, exist_ok=True)
        _zig(
            root,
            temp,
            "build-obj",
            str(source),
            "-target",
            "native",
            "-mcpu",
            "baseline",
            "-fPIC",
            *ZIG_FLAGS,
            f"-femit-bin={out}",
        )
        stamp.write_text(digest)
    return out


def _digest(paths: Sequence[Path]) -> str:
    state = hashlib.sha256()
    for path in paths:
        state.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def _zig(root: Path, temp: Path, *arguments: str) -> None:
    cache = str((temp / "zig-cache").resolve())
    environment = {**os.environ, "ZIG_LOCAL_CACHE_DIR": cache, "ZIG_GLOBAL_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"zig {arguments[0]} failed:\n{done.stdout}{done.stderr}")
