"""Instructions of the evaluator's register machine: the one list, from which the build makes the enum.

An instruction is its number and its operands, a 32-bit word each.  ``d`` is the slot of the result,
``a b s`` slots of operands; ``imm`` a number, ``mask`` a type, ``k`` a constant, ``g`` a global, ``f`` a
function, ``c`` a function that closures are made of, ``p`` a primitive, ``to`` the distance to the
target, ``base`` the first slot of a call's window, ``n`` a count, ``w`` the weight of the frame where it is
counted, else 0, ``sense`` the outcome that jumps. The operand of ``collect`` means nothing.

The window of a call: return address, link, callee (or nothing), arguments.  The last two are slots 0
and 1… of the callee's frame.
"""

from __future__ import annotations

from typing import Final

_INT_COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
_TABLE = f"""
move d s | load_int d imm | load_const d k
global d g | global_checked d g k | set_global g s
box_int d s | box_float d s | box_bool d s | unbox_int d s | unbox_float d s | unbox_bool d s
jump to | loop to | jump_true s to | jump_false s to | jump_truthy s to | jump_falsy s to
routed d imm | jump_routed imm to | jump_unrouted imm to
{" | ".join(f"jump_int_{c} a b to" for c in _INT_COMPARISONS)}
{" | ".join(f"jump_int_{c}_imm a imm to" for c in _INT_COMPARISONS)}
jump_float_eq a b sense to | jump_float_lt a b sense to | jump_float_le a b sense to
jump_lt a b sense to | jump_le a b sense to | jump_gt a b sense to | jump_ge a b sense to
jump_eq a b sense to
int_add d a b | int_sub d a b | int_mul d a b | int_mod d a b | int_quot d a b | int_and d a b
int_neg d a | int_abs d a
int_add_imm d a imm | int_sub_imm d a imm
{" | ".join(f"int_{c} d a b" for c in _INT_COMPARISONS)}
int_min d a b | int_max d a b | int_odd d a | int_to_float d a
float_add d a b | float_sub d a b | float_mul d a b | float_neg d a | float_abs d a
{" | ".join(f"float_{c} d a b" for c in _INT_COMPARISONS)}
float_to_int d a
num_add d a b | num_sub d a b | num_mul d a b | num_inc d a | num_dec d a
truthy d s | not d s | bool_not d s | bool_eq d a b
is d s mask | as d s mask | check d s mask
seq_length d s | map_length d s
prim_n d p base n | prim_0 d p | prim_f d p a | prim_ff d p a b | prim_ii d p a b | prim_v d p a
prim_vi d p a b | prim_vib d p a b c | prim_vii d p a b c | prim_vv d p a b | prim_vvi d p a b c
prim_vvv d p a b c | prim_v_float d p a | prim_v_bool d p a | prim_v_int d p a
prim_vv_bool d p a b | prim_vv_int d p a b
enter w | call d f base | tail_call f base n w | call_value d base n | tail_call_value base n w
apply d base | tail_apply base w | return s w | host d base n
closure d c n | static_closure d c | set_capture s n a | capture d n
try d | catch d s
collect n | keep s
"""

OPERANDS: Final[dict[str, tuple[str, ...]]] = {
    words[0]: tuple(words[1:])
    for line in _TABLE.strip().splitlines()
    for words in (item.split() for item in line.split(" | "))
}
NUMBERS: Final[dict[str, int]] = {name: number for number, name in enumerate(OPERANDS)}


def pxd() -> str:
    """The numbers for Cython, as ``OP_NAME``."""
    return "cdef enum:\n" + "".join(f"    OP_{name.upper()} = {n}\n" for name, n in NUMBERS.items())
