"""``rtfsc build --js``: the ES module that loads a standalone file, and its TypeScript declarations.

The loader is one file without dependencies: the parts below, in this order, after the numbers of the layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PARTS: Final = ("values", "transit", "host", "instance", "load")
STACK_BUDGET: Final = 384 << 10
"""Of `DEPTH`, less than usual: engines give JavaScript and WebAssembly about 1 MB of stack together, and
the counter has to strike before they do (least that failed in Node, unoptimised code: 466 KiB)."""
LIMITS: Final = ("MemoryLimit", "OutputLimit")
_FOLDER: Final = Path(__file__).parent


def loader(wasm_name: str) -> str:
    """The text of the module; ``wasm_name``: the standalone file, found beside the loader."""
    parts = [(_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in PARTS]
    return "\n".join([_head(wasm_name), *parts])


def _head(wasm_name: str) -> str:
    from backend_wasm import layout as L
    from backend_wasm.standalone import DEFAULT_MEMORY
    from runtime.host.builtin import BUILT_IN
    from runtime.values import Limits
    from runtime.values.layout import ERROR_KINDS

    numbers = {name: value for name, value in vars(L).items() if isinstance(value, int)}
    constants = {
        "ABI": L.ABI_MAJOR,
        "S": _section(numbers, "STATE_"),
        "T": _section(numbers, "TRANSIT_"),
        "KINDS": [kind[0] for kind in ERROR_KINDS],
        "CODES": {kind[0]: kind[2] for kind in ERROR_KINDS},
        "LIMITS": {kind[0]: kind[3] for kind in ERROR_KINDS if kind[0] in LIMITS},
        "BUILT_IN": sorted(BUILT_IN),
        "DEFAULT_MEMORY": DEFAULT_MEMORY,
        "STACK_BUDGET": STACK_BUDGET,
        "DEFAULT_OUTPUT": Limits().output_bytes,
    }
    lines = [f"const {name} = {_text(value)};" for name, value in constants.items()]
    boxed = ", ".join(f"{name}: {value}n" for name, value in _section(numbers, "SPECIAL_").items())
    return "\n".join(
        [
            "// Made by rtfsc build --js. Loads the WebAssembly file beside it; types are in the .d.mts.",
            f"const WASM_URL = new URL({_text('./' + wasm_name)}, import.meta.url);",
            *lines,
            f"const B = {{ {boxed} }};",
            "",
        ]
    )


def _section(numbers: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in numbers.items() if name.startswith(prefix)}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)
