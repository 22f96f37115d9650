"""The tiny random language model, made once, and providers of it."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


@cache
def maker(name: str) -> ModuleType:
    """A script of ``scripts/models`` as a module."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"scripts_models_{name}", ROOT / "scripts" / "models" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def tiny_model() -> Path:
    """Made anew in every run: it takes no time, and the script may have changed."""
    return maker("tiny").make(ROOT / "build" / "models" / "tiny.gguf")
