"""Who may import whom: reads the imports of every module and fails on any arrow not in the table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rtfsc", "backend_wasm", "runtime")

BOTTOM = {"rtfsc.source", "rtfsc.options", "rtfsc.diagnostics", "rtfsc.version", "rtfsc.ir.types"}
IR = {"rtfsc.ir", "rtfsc.primitives"}
# Layer → the layers that it may import besides itself. A module belongs to the longest name that fits.
ALLOWED: dict[str, set[str]] = {
    "rtfsc.ir.types": set(),
    "rtfsc.version": set(),
    "rtfsc.source": {"rtfsc.diagnostics"},
    "rtfsc.options": set(),
    "rtfsc.diagnostics": {"rtfsc.source"},
    "rtfsc.files": set(),
    "rtfsc.fingerprint": set(),
    "rtfsc.primitives": {"rtfsc.ir.types"},
    "rtfsc.ir": BOTTOM | {"rtfsc.primitives", "rtfsc.backend"},
    "rtfsc.backend": {"rtfsc.ir"},
    "rtfsc.syntax": BOTTOM,
    "rtfsc.macros": {"rtfsc.syntax", "rtfsc.source", "rtfsc.diagnostics", "rtfsc.ir.types"},
    "rtfsc.ast": BOTTOM | {"rtfsc.syntax", "rtfsc.primitives"},
    "rtfsc.sema": BOTTOM | IR | {"rtfsc.syntax", "rtfsc.ast"},
    "rtfsc.lower": BOTTOM | IR | {"rtfsc.syntax", "rtfsc.ast", "rtfsc.sema", "rtfsc.stdlib"},
    "rtfsc.modules": BOTTOM
    | IR
    | {"rtfsc.fingerprint", "rtfsc.files", "rtfsc.ast", "rtfsc.sema", "rtfsc.lower"},
    "rtfsc.stdlib": BOTTOM
    | IR
    | {"rtfsc.fingerprint", "rtfsc.syntax", "rtfsc.ast", "rtfsc.sema", "rtfsc.lower"},
    "rtfsc.passes": BOTTOM | IR,
    "rtfsc.gbnf": BOTTOM
    | IR
    | {"rtfsc.gbnf.check", "rtfsc.syntax", "rtfsc.ast", "rtfsc.sema", "rtfsc.lower"},
    "rtfsc.gbnf.check": {"rtfsc.diagnostics"},
    "backend_wasm": BOTTOM | IR | {"rtfsc.backend"},
    "runtime.values": set(),
    "runtime.offline": set(),
    "runtime.obs": {"runtime.obs.events", "runtime.offline", "runtime.connection", "rtfsc.version"},
    "runtime.obs.events": set(),
    "runtime.host": {
        "runtime.values",
        "runtime.printing",
        "runtime.offline",
        "runtime.asynchronous",
        "runtime.obs.events",
    },
    "runtime.evaluator": BOTTOM
    | IR
    | {"rtfsc.backend", "runtime.values", "runtime.host", "runtime.asynchronous", "backend_wasm.layout"},
    "runtime.wasm": {
        "rtfsc.files",
        "runtime.asynchronous",
        "runtime.values",
        "runtime.host",
        "backend_wasm.sections",
        "backend_wasm.layout",
    },
    "runtime.connection": set(),
    "runtime.trust": {"runtime.connection", "rtfsc.files"},
    "runtime.meaning": set(),
    "runtime.store": {
        "rtfsc.files",
        "runtime.connection",
        "runtime.trust",
        "runtime.values",
        "runtime.meaning",
        "runtime.obs.events",
    },
    "runtime.asynchronous": {"runtime.values"},
    "runtime.latch": set(),
    "runtime.lingering": set(),
    "runtime.once": set(),
    "runtime.tickets": {
        "runtime.connection",
        "runtime.trust",
        "runtime.chain",
        "runtime.values",
        "runtime.latch",
    },
    "runtime.chain": {
        "rtfsc.files",
        "runtime.asynchronous",
        "runtime.trust",
        "runtime.values",
        "runtime.host",
        "runtime.store",
    },
    "runtime.caches": {
        "rtfsc.diagnostics",
        "rtfsc.files",
        "runtime.connection",
        "runtime.providers",
        "runtime.obs.events",
        "runtime.offline",
        "runtime.meaning",
        "runtime.store",
    },
    # What is asked of models and what they answer is typed: it takes the reader and the checks.
    "runtime.providers": BOTTOM
    | {"runtime.offline", "runtime.obs.events", "runtime.values", "runtime.host", "runtime.printing"}
    | {"runtime.lingering", "runtime.once"}
    | {"rtfsc", "rtfsc.driver", "rtfsc.evaluation", "rtfsc.syntax", "rtfsc.gbnf", "rtfsc.reference"}
    | {"rtfsc.gbnf.check", "runtime.meaning"},
    "runtime.delegation": {
        "rtfsc.diagnostics",
        "runtime.offline",
        "runtime.caches",
        "runtime.providers",
        "runtime.obs.events",
        "runtime.values",
        "runtime.host",
    },
}
# The composition roots, and what sits on top of them.
ROOTS = {
    "rtfsc", "rtfsc.driver", "rtfsc.registry", "rtfsc.evaluation", "rtfsc.macrotime", "rtfsc.cli",
    "rtfsc.__main__", "rtfsc.testing", "rtfsc.repl", "rtfsc.importer", "rtfsc.reference",
    "rtfsc.javascript", "rtfsc.source_map", "rtfsc.profiling", "runtime", "runtime.engine",
    "runtime.auditing", "runtime.replaying", "runtime.ticketing",
    "runtime.searching", "runtime.retrieving", "runtime.loading", "runtime.routing", "runtime.module",
    "runtime.printing", "runtime.lookups", "runtime.solving", "runtime.dashboard",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(
        path
        for package in PACKAGES
        for suffix in ("*.py", "*.pyx")
        for path in (ROOT / package).rglob(suffix)
    )


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str:
    fits = [name for name in {*ALLOWED, *ROOTS, "backend_wasm.sections", "backend_wasm.layout"}
            if module == name or module.startswith(name + ".")]  # fmt: skip
    return max(fits, key=len, default=module)


def imports(path: Path) -> Iterator[str]:
    if path.suffix == ".pyx":
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) > 1 and words[0] in ("from", "import", "cimport") and not line.startswith(" "):
                yield words[1]
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                f"{node.module}.{alias.name}"
                if (ROOT / node.module.replace(".", "/")).is_dir()
                else node.module
                for alias in node.names
            )


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    layer = layer_of(name_of(path))
    if layer in ROOTS:
        return
    for target in imports(path):
        if not target.startswith(tuple(p + "." for p in PACKAGES)):
            continue
        reached = layer_of(target)
        if layer == reached or (layer.startswith("backend_wasm") and reached.startswith("backend_wasm")):
            continue
        allowed = ALLOWED.get(layer, ALLOWED.get(layer.split(".")[0], set()))
        assert reached in allowed, f"{name_of(path)} ({layer}) may not import {target} ({reached})"


def test_nobody_imports_the_command_line() -> None:
    users = [
        name_of(path)
        for path in modules()
        if not name_of(path).startswith(("rtfsc.cli", "rtfsc.__main__"))
        and any(target.startswith("rtfsc.cli") for target in imports(path))
    ]
    assert users == []
