"""Every case as a module: valid for wasmtime, and importing, as wasm-tools reads it, nothing undeclared.

Standalone and separate forms, and -O0, are a sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conformance_cases import CASES, Case

from backend_wasm.assemble import assemble
from backend_wasm.sections import read_interface
from backend_wasm.standalone import HOST
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile
from runtime.wasm.engine import validate

PLAIN, OTHER = CASES, CASES[::23]
GROUPS = [PLAIN[i : i + 100] for i in range(0, len(PLAIN), 100)]


def imports_of(data: bytes) -> list[tuple[str, str]]:
    """(module, name), as the package wasm-tools reads them."""
    from wasm_tools import BinaryReader, BinaryReaderObjdumpPrepass, ObjdumpMode, ObjdumpOptions, ObjdumpState

    found: list[tuple[str, str]] = []

    class Imports(BinaryReaderObjdumpPrepass):  # type: ignore[misc]
        def on_import(self, index: int, module: str, name: str, kind: str, **more: Any) -> None:
            found.append((module, name))

    options, state = ObjdumpOptions(), ObjdumpState()
    options.mode = ObjdumpMode.PREPASS
    BinaryReader(data, Imports(data, options, state)).read_module()
    return found


def artifacts(case: Case, **options: Any) -> Iterator[bytes]:
    compilation = Compilation(SourceFile("<program>", case.source), CompileOptions(**options))
    try:
        modules = compilation.separate if compilation.options.separate else []
        yield compilation.artifact
    except DiagnosticError:
        return
    yield from map(compilation.compile_separately, modules[:-1])


def check(data: bytes) -> None:
    validate(data)
    interface = read_interface(data)
    for module, name in imports_of(data):
        if module.startswith("rtfs/"):
            assert module.removeprefix("rtfs/") in interface["modules"]
        else:
            assert module in ("rtfs", "rtfs_host"), (module, name)
            assert module != "rtfs" or not interface.get("standalone")
            assert module != "rtfs" or name in ("memory", "table") or name.startswith("rt_")
            assert module != "rtfs_host" or name in ("call_host", "host")


@pytest.mark.parametrize("group", GROUPS, ids=[f"{group[0].id}.." for group in GROUPS])
def test_modules(group: list[Case]) -> None:
    for case in group:
        for data in artifacts(case):
            check(data)


@pytest.mark.parametrize(
    "options",
    [{"level": 0}, {"standalone": True}, {"standalone": True, "level": 0}, {"separate": True}],
    ids=["O0", "standalone", "standalone-O0", "separate"],
)
def test_other_forms(options: dict[str, Any]) -> None:
    count = 0
    for case in OTHER:
        for data in artifacts(case, **options):
            check(data)
            count += 1
    assert count > len(OTHER) // 2


def test_the_reader_of_imports_reads_them() -> None:
    assert imports_of(assemble('(module (import "a" "b" (func)) (import "c" "d" (memory 1)))')) == [
        ("a", "b"),
        ("c", "d"),
    ]
    assert len(set(HOST)) == len(HOST)
