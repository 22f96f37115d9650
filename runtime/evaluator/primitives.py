"""How the machine performs each operation of ``rtfsc.primitives.ops``: by an instruction of its own,
or by a call of the C function through the table of primitives, with an instruction per signature."""

from __future__ import annotations

from functools import cache
from typing import Final

from rtfsc.ir.types import rep
from rtfsc.primitives.ops import OPS, Op

FUNCTIONS: Final[tuple[Op, ...]] = tuple(op for op in OPS.values() if not op.inline)
"""The operations that are C functions, in the order of the table."""
INDEX: Final[dict[str, int]] = {op.name: index for index, op in enumerate(FUNCTIONS)}
OWN: Final[frozenset[str]] = frozenset({"num.add", "num.sub", "num.mul", "num.inc", "num.dec"})
"""C functions with an instruction that has a fast path for small integers."""

_CHECKED: Final = {
    "int.add-nat": "int_add", "int.nat-add": "int_add", "int.sub-nat": "int_sub",
    "i64.add": "int_add", "i64.sub": "int_sub", "i64.mul": "int_mul", "i64.neg": "int_neg",
    "i64.abs": "int_abs", "i64.rem": "int_mod", "i64.div": "int_quot",
    "i64.and": "int_and",
}  # fmt: skip
"""What is known not to fail is tested all the same: here the test costs nothing."""

_LETTERS: Final = {"i64": "i", "f64": "f", "i32": "b", "val": "v"}
_RESULTS: Final = {"i64": "_int", "f64": "_float", "i32": "_bool", "val": ""}
_VARIADIC, _NONE = "n", "0"


@cache
def instruction(op: Op) -> str:
    """Name of the instruction that performs an operation."""
    if op.name in _CHECKED:
        return _CHECKED[op.name]
    if op.inline or op.name in OWN:
        return op.name.replace(".", "_").replace("-", "_")
    letters = "".join(_LETTERS[rep(t)] for t in op.params) + ("v" if op.imm else "")
    return f"prim_{_VARIADIC if op.variadic else letters or _NONE}{_RESULTS[c_result(op)]}"


def c_result(op: Op) -> str:
    """Representation of what the instruction leaves in its slot."""
    return "val" if op.raises and not op.inline else rep(op.result)


def c_table() -> str:
    """C source of the table of function pointers, in the order of `FUNCTIONS`."""
    rows = "".join(f"    (void (*)(void)) {op.c_name},\n" for op in FUNCTIONS)
    return (
        '#pragma once\n#include "rt.h"\n'
        f"#define RTFSC_PRIMITIVES {len(FUNCTIONS)}\n"
        f"static void (*const rtfsc_primitives[])(void) = {{\n{rows}}};\n"
    )
