"""What is refused before anything of it runs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from wasm_samples import BODY, EXPORTS, HEAD, artifact, export, interface

from runtime.wasm import executor as wasm_executor
from runtime.wasm.engine import validate, wat2wasm
from runtime.wasm.errors import ModuleRejected
from runtime.wasm.executor import WasmExecutor


def rejected(executor: WasmExecutor, data: bytes, message: str) -> None:
    with pytest.raises(ModuleRejected, match=message):
        executor.instantiate(data)


def test_not_a_module(executor: WasmExecutor) -> None:
    rejected(executor, b"", "not an RTFS module")
    rejected(executor, b"not wasm at all", "not an RTFS module")
    rejected(executor, wat2wasm("(module)"), "rtfs.interface")


def test_truncated(executor: WasmExecutor) -> None:
    data = artifact()
    for size in range(0, len(data), 37):
        with pytest.raises(ModuleRejected):
            executor.instantiate(data[:size])


def test_changed_bytes_never_harm(executor: WasmExecutor) -> None:
    """Whatever a byte does to the code, loading ends in a module or in a refusal."""
    data = artifact()
    refused = 0
    for at in range(8, len(data), 11):
        changed = bytearray(data)
        changed[at] ^= 0x55
        try:
            executor.instantiate(bytes(changed)).close()
        except ModuleRejected:
            refused += 1
    assert refused > 10


def test_another_abi(executor: WasmExecutor) -> None:
    rejected(executor, artifact(described=interface(abi=(2, 0))), "ABI 2")
    rejected(executor, artifact(described=interface(abi=(1, 7))), "ABI 1.7, this host runs 1.0")


def test_too_large(executor: WasmExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_executor, "MAX_MODULE_BYTES", 100)
    rejected(executor, artifact(), "more than 100")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('(import "env" "system" (func (param i32)))', "imports env.system"),
        ('(import "rtfs" "rt_nothing" (func))', "imports rtfs.rt_nothing"),
        ('(import "rtfs" "__stack_pointer" (global (mut i32)))', "imports rtfs.__stack_pointer"),
        ('(import "rtfs_host" "open" (func))', "imports rtfs_host.open"),
        ('(import "rtfs" "rt_reset" (func (param i64)))', "cannot be linked"),
        ('(import "rtfs_host" "call_host" (func (param i64)))', "cannot be linked"),
    ],
)
def test_unknown_imports(executor: WasmExecutor, line: str, message: str) -> None:
    rejected(executor, artifact(HEAD + line + BODY), message)


@pytest.mark.parametrize(
    "variant",
    [
        {"export": "add1#i", "params": "f", "result": "i", "raises": False},
        {"export": "add1#i", "params": "i", "result": "f", "raises": False},
        {"export": "add1#i", "params": "i", "result": "i", "raises": True},
        {"export": "add1#i", "params": "ii", "result": "i", "raises": False},
        {"export": "missing", "params": "i", "result": "i", "raises": False},
    ],
)
def test_variants_that_lie_about_their_type(executor: WasmExecutor, variant: dict[str, Any]) -> None:
    exports = copy.deepcopy(EXPORTS)
    exports[0]["variants"] = [variant]
    instance = executor.instantiate(artifact(described=interface(exports)))
    with pytest.raises(ModuleRejected):
        instance.function("add1")


def test_an_interface_that_names_what_is_not_there(executor: WasmExecutor) -> None:
    instance = executor.instantiate(artifact(described=interface([export("ghost", [])])))
    with pytest.raises(ModuleRejected, match="ghost"):
        instance.function("ghost")


def test_validation_and_text_explain() -> None:
    validate(wat2wasm("(module)"))
    with pytest.raises(ModuleRejected, match="offset"):
        validate(b"\0asm\1\0\0\0\xff")
    with pytest.raises(ModuleRejected, match="1:2"):
        wat2wasm("(modul)")
