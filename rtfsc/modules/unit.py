"""A module that was compiled on its own, and what others can rely on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rtfsc.diagnostics import Diagnostic
from rtfsc.ir.keys import digest
from rtfsc.ir.nodes import Export, Module
from rtfsc.sema.imports import prefix_of
from rtfsc.source import SourceFile, Span


class Wanted(NamedTuple):
    """A module that is imported, and where its name stands in the importer."""

    name: str
    span: Span


@dataclass(eq=False)
class Unit:
    """``module``: IR that is not linked. ``warnings``: what the compiler said of ``source``, which is fine
    otherwise. ``inline``: the module stands in the text of the program itself."""

    name: str
    source: SourceFile
    module: Module
    imports: tuple[Wanted, ...]
    warnings: Sequence[Diagnostic] = ()
    inline: bool = False

    @cached_property
    def interface(self) -> str:
        """Digest of all that an importer is compiled against."""
        return digest(
            "rtfs-unit-interface/1", self.name, [_facts(self, export) for export in self.module.exports]
        )


def _facts(unit: Unit, export: Export) -> list[str]:
    kind = "function" if export.func is not None else "value"
    mask = unit.module.globals.get(prefix_of(unit.name) + export.name, 0)
    rest = "rest" if export.rest else ""
    return [export.name, kind, str(mask), rest, export.result_type, *export.param_types, *export.effects]
