"""Runs IR text through the Wasm backend, wasmtime-py and `rt`: small, slow and obviously right."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import wasmtime

from backend_wasm import layout as L
from backend_wasm.backend import Wasm32Backend
from backend_wasm.sections import read_interface, read_sites
from rtfsc.ir.parser import parse_module
from rtfsc.ir.verify import verify

ROOT = Path(__file__).resolve().parents[2]
KINDS = [k["name"] for k in tomllib.loads((ROOT / "rtfsc/errors.toml").read_text("utf-8"))["kind"]]


class Failure(NamedTuple):
    """A pending error: kind, site as it is numbered in the IR (its ordinal), message."""

    kind: str
    site: int
    message: str


@cache
def engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.max_wasm_stack = 2 << 20
    return wasmtime.Engine(config)


@cache
def rt_module() -> wasmtime.Module:
    return wasmtime.Module.from_file(engine(), str(ROOT / "backend_wasm/rt.wasm"))


def compile_text(text: str) -> bytes:
    """The validated binary of a module given as IR text."""
    parsed = parse_module(text)
    verify(parsed)
    binary = Wasm32Backend().compile(parsed, action={})
    wasmtime.Module.validate(engine(), binary)
    return binary


class Machine:
    """One instance of `rt` with one module in it. ``value`` is that of the top level."""

    def __init__(self, text: str, host: Any = None) -> None:
        binary = compile_text(text)
        self.sites = read_sites(binary)
        self.store = store = wasmtime.Store(engine())
        linker = wasmtime.Linker(engine())
        self.rt = rt = linker.instantiate(store, rt_module()).exports(store)
        self.memory = rt["memory"]
        self.memory.write(store, (256 << 20).to_bytes(4, "little"), L.STATE_MAX)
        rt["rt_init"](store)
        for name in [e.name for e in rt_module().exports]:
            linker.define(store, "rtfs", name, rt[name])
        kind = wasmtime.FuncType([wasmtime.ValType.i32(), wasmtime.ValType.i64()], [wasmtime.ValType.i64()])
        linker.define_func("rtfs_host", "call_host", kind, host or (lambda handle, arguments: L.SPECIAL_NIL))
        self.exports = linker.instantiate(store, wasmtime.Module(engine(), binary)).exports(store)
        names = [f["name"] for f in read_interface(binary)["functions"]]
        for i, name in enumerate(names):
            self._scratch(i, self.string(name))
        vector = rt["rt_vector"](store, L.STATE_SCRATCH, len(names))
        self.value = self.show(self.exports["$init"](store, vector))

    def _scratch(self, slot: int, value: int) -> None:
        raw = value.to_bytes(8, "little", signed=True)
        self.memory.write(self.store, raw, L.STATE_SCRATCH + 8 * slot)

    def string(self, text: str) -> int:
        raw = text.encode()
        at = self.rt["rt_alloc"](self.store, len(raw) + 8)
        self.memory.write(self.store, raw, at)
        return int(self.rt["rt_str_from"](self.store, at, len(raw)))

    def word(self, at: int, size: int = 4) -> int:
        return int.from_bytes(self.memory.read(self.store, at, at + size), "little")

    def text(self, ref: int) -> str:
        start = ref + 16
        return bytes(self.memory.read(self.store, start, start + self.word(ref + 4))).decode()

    def show(self, value: int) -> str | Failure:
        """A boxed result in printed form, or the pending error."""
        if value != L.SPECIAL_ERR:
            return self.text(self.rt["rt_str_pr"](self.store, value))
        error = self.word(L.STATE_ERROR, 8)
        message = self.text(self.word(error + L.ERROR_MESSAGE, 8))
        site = self.word(error + L.ERROR_SITE)
        return Failure(KINDS[self.word(error + L.ERROR_KIND)], site and self.sites[site - 1][1], message)

    def call(self, name: str, *args: int) -> str | Failure:
        """A generic export with boxed arguments."""
        depth = self.word(L.STATE_DEPTH)
        try:
            return self.show(self.exports[name](self.store, *args))
        finally:
            self.memory.write(self.store, depth.to_bytes(4, "little"), L.STATE_DEPTH)

    def ints(self, name: str, *args: int) -> str | Failure:
        """A generic export with integers."""
        return self.call(name, *(self.rt["rt_box_int"](self.store, n) for n in args))

    def raw(self, name: str, *args: Any) -> Any:
        """Any export, unconverted."""
        return self.exports[name](self.store, *args)


SITES = " ".join(f'(site {n} {n} {n + 1} "t" {n})' for n in range(1, 10))


def module(body: str, *parts: str) -> str:
    """A module's text: sites 1 to 9, the top level, functions and whatever else."""
    return f'(module "t" {SITES} {" ".join(parts)} (function $init (params) {body}))'


def evaluate(body: str, *parts: str) -> str | Failure:
    """The value of one expression as a module's top level."""
    return Machine(module(body, *parts)).value
