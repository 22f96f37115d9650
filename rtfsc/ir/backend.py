"""The backend ``rtfs-ir``: the artifact is the optimised IR itself, for the evaluator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rtfsc.ir.nodes import Module
from rtfsc.ir.serial import MODULE_MAGIC, dumps
from rtfsc.ir.verify import verify


class IrBackend:
    target = "rtfs-ir"

    def compile(self, module: Module, *, action: Mapping[str, Any] | None = None) -> bytes:
        """Serialised IR; ``action`` goes along as canonical JSON (`serial.read_note`)."""
        verify(module)
        note = "" if action is None else json.dumps(action, sort_keys=True, separators=(",", ":"))
        return dumps(module, note)

    def fingerprint(self) -> str:
        """The format decides the bytes, besides the compiler itself."""
        return MODULE_MAGIC[1:].hex()
