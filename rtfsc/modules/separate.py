"""A program and the modules that it imports as modules of their own, which meet in one instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtfsc.ir.canonical import definition_hashes
from rtfsc.ir.effects import add_effects
from rtfsc.ir.keys import digest, interface_hash
from rtfsc.ir.nodes import MODULE, Module
from rtfsc.ir.separate import exported, set_apart
from rtfsc.ir.serial import dumps
from rtfsc.lower import link_library
from rtfsc.modules.unit import Unit


def separated(
    program: Module, whole: Module, units: Mapping[str, Unit], modules: Sequence[Module]
) -> list[Module]:
    """The modules that make up a program, in the order of their evaluation, the program last.

    ``program``: it alone; ``whole``: with all others linked to it; ``modules``: those of ``units``, not
    linked. ``program`` and ``modules`` are changed in place.
    """
    hashes = definition_hashes(whole)
    for module in modules:
        _identify(module, whole, hashes)
    known = exported(modules, hashes)
    for unit, module in zip(units.values(), modules, strict=True):
        module.separate, module.needs = "module", _needs(unit, units)
    program.separate, program.needs = "program", list(units)
    for module in (*modules, program):
        set_apart(module, known)
        link_library(module)
    return [*modules, program]


def build_key(module: Module, *parts: str) -> str:
    """What one of them is built from: all of it, with what it takes from others, and ``parts``."""
    return digest("rtfs-separate/1", dumps(module), module.separate, module.needs, *parts)


def _identify(module: Module, whole: Module, hashes: Mapping[str, str]) -> None:
    add_effects(Module(module.name, whole.functions, exports=module.exports))
    for export in module.exports:
        export.def_hash = hashes[export.func or f"{MODULE}{module.name}/{export.name}"]
        export.interface_hash = interface_hash(export)


def _needs(unit: Unit, units: Mapping[str, Unit]) -> list[str]:
    """The modules that a module imports, and those that these import, in the order of their evaluation."""
    found: set[str] = set()
    todo = [unit]
    while todo:
        for want in todo.pop().imports:
            if want.name in units and want.name not in found:
                found.add(want.name)
                todo.append(units[want.name])
    return [name for name in units if name in found]
