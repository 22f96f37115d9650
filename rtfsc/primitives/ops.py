"""Every primitive operation of the IR.

An op is declared by one line: ``name  parameter types -> result type  flags``.

Parameter types are those of `rtfsc.ir.types`; ``any...`` takes any number of boxed arguments (at
most 250).  The type fixes the representation: ``int`` i64, ``float`` f64, ``bool`` i32, all else a
boxed value.

Flags:

=========== ==================================================================================
``raises``  may raise a catchable error, so it is neither moved nor deleted
``inline``  the backends emit code for it; all others are C functions of ``rt``
``imm``     takes an immediate operand: a type (``is``, ``check``), a text or a number
=========== ==================================================================================

The C function of op ``str.upper`` is ``rt_str_upper`` (``.`` and ``-`` become ``_``).  Its C
parameters follow the representations (``int64_t``, ``double``, ``int32_t``, ``val``); a variadic op
takes ``(val *args, uint32_t n)``, an op with ``imm`` takes it as its last parameter.  An op that
raises returns ``val`` whatever its declared type: the boxed result, or ``ERR`` with the error
pending; one that does not raise returns the declared representation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtfsc.ir import types as T


@dataclass(frozen=True, slots=True)
class Op:
    name: str
    params: tuple[T.Type, ...]
    result: T.Type
    raises: bool
    inline: bool
    imm: bool
    variadic: bool

    @property
    def c_name(self) -> str:
        return "rt_" + self.name.replace(".", "_").replace("-", "_")


_TABLE: Final = """
# --- checked 64-bit integers: overflow raises ArithmeticOverflow, a zero divisor DivisionByZero
int.add int int -> int                    raises inline
int.sub int int -> int                    raises inline
int.mul int int -> int                    raises inline
int.neg int -> int                        raises inline
int.abs int -> int                        raises inline
int.div int int -> num                    raises            # exact int if divisible, else float
int.mod int int -> int                    raises inline     # truncated, sign of the dividend
int.eq int int -> bool                    inline
int.ne int int -> bool                    inline
int.lt int int -> bool                    inline
int.le int int -> bool                    inline
int.gt int int -> bool                    inline
int.ge int int -> bool                    inline
int.min int int -> int                    inline
int.max int int -> int                    inline
int.odd int -> bool                       inline
int.to-float int -> float                 inline
# --- the same where the right (nat last) or left operand is known not to be negative
int.add-nat int int -> int                raises inline
int.nat-add int int -> int                raises inline
int.sub-nat int int -> int                raises inline
# --- integers whose result is known to fit, divisors known to be none that raises: no test
i64.add int int -> int                    inline
i64.sub int int -> int                    inline
i64.mul int int -> int                    inline
i64.neg int -> int                        inline
i64.abs int -> int                        inline
i64.rem int int -> int                    inline            # truncated, sign of the dividend
i64.div int int -> int                    inline            # truncated
i64.and int int -> int                    inline            # bit by bit
# --- floats
float.add float float -> float            inline
float.sub float float -> float            inline
float.mul float float -> float            inline
float.neg float -> float                  inline
float.abs float -> float                  inline
float.div float float -> num              raises            # an integral quotient becomes an int
float.mod float float -> float            raises
float.sqrt float -> float                 raises            # negative: InvalidArgument
float.eq float float -> bool              inline
float.ne float float -> bool              inline
float.lt float float -> bool              inline
float.le float float -> bool              inline
float.gt float float -> bool              inline
float.ge float float -> bool              inline
float.to-int float -> int                 inline            # truncates and saturates, NaN is 0
# --- numbers of any kind
num.add any any -> num                    raises
num.sub any any -> num                    raises
num.mul any any -> num                    raises
num.div any any -> num                    raises
num.mod any any -> num                    raises
num.neg any -> num                        raises
num.inc any -> num                        raises
num.dec any -> num                        raises
num.abs any -> num                        raises
num.min any any -> num                    raises
num.max any any -> num                    raises
num.sqrt any -> float                     raises
num.pow any any -> num                    raises
num.factorial any -> int                  raises
num.even any -> bool                      raises
num.odd any -> bool                       raises
num.zero any -> bool                      raises
num.pos any -> bool                       raises
num.neg-p any -> bool                     raises
num.check any -> num                      raises imm        # a number, else TypeError in operation imm: (+ x)
# --- comparison
eq any any -> bool
ne any any -> bool
lt any any -> bool                        raises            # numbers exactly, or two strings by code point
le any any -> bool                        raises
gt any any -> bool                        raises
ge any any -> bool                        raises
compare any any -> int                                      # total order of `sort`: -1, 0, 1
# --- truth, kinds, conversions between representations
truthy any -> bool                        inline
not any -> bool                           inline
bool.not bool -> bool                     inline
bool.eq bool bool -> bool                 inline
is any -> bool                            inline imm        # imm: a type; true if the value's kind is in it
as any -> any                             inline imm        # to type imm, proved by a test; else a trap
check any -> any                          raises inline imm # to type imm, else TypeValidationError
check.type any any -> any                 raises            # value, type as data; else TypeValidationError
type-name any -> str
to-int any -> int
to-float any -> float
parse-int any -> int|nil                  raises
parse-float any -> float|nil              raises
# --- strings
str any... -> str
str.pr any -> str                                           # printed form, strings quoted
str.length any -> int                     raises            # code points, strings only
str.substring any any -> str              raises
str.substring3 any any any -> str         raises
str.contains any any -> bool              raises
str.starts-with any any -> bool           raises
str.split any any -> vec                  raises
str.join any any -> str                   raises
str.upper any -> str                      raises
str.lower any -> str                      raises
str.trim any -> str                       raises
str.eq str str -> bool
re.find any any -> str|nil                raises            # pattern, text: the leftmost match
re.seq any any -> vec                     raises
re.matches any any -> bool                raises            # true if the pattern occurs anywhere
json.parse any -> any                     raises
json.write any -> str                     raises
json.pretty any -> str                    raises            # two blanks per level
# --- names
symbol any -> sym                         raises            # of a string, symbol or keyword
keyword any -> kw                         raises
gensym any -> sym                         raises            # a new symbol each time, named by this prefix
# --- collections of any kind
length any -> int                         raises
count any -> int                          raises
empty any -> bool
first any -> any                          raises
rest any -> any                           raises
last any -> any                           raises
nth any any -> any                        raises
nth3 any any any -> any                   raises
cons any any -> vec                       raises
conj any any -> vec                       raises
conj.own vec any -> vec                                     # in place: nobody else holds it or a part of it
concat any... -> vec
subvec any any -> vec                     raises
subvec3 any any any -> vec                raises
take any any -> any                       raises
drop any any -> any                       raises
reverse any -> any                        raises
sort any -> any                           raises
distinct any -> any                       raises
partition any any -> vec                  raises
range1 any -> vec                         raises
range any any -> vec                      raises
range3 any any any -> vec                 raises
range.size any any -> int                 raises            # length of the range of these
numbers any any -> vec                    raises
contains any any -> bool                  raises
frequencies any -> map                    raises
into any any -> any                       raises
# --- vectors and lists
vector any... -> vec
list any... -> list
seq any -> vec                            raises imm        # of a map: [k v]; TypeError in operation imm
seq.length vec|list -> int                inline            # of a value known to be a vector or list
seq.nth vec|list int -> any                                 # index known to be in range (checked: a trap)
seq.at vec|list int -> any                raises            # IndexOutOfBounds
seq.get vec|list int -> any                                 # nil out of range
seq.slice vec|list int int -> any         raises            # [from, to) as a vector; IndexOutOfBounds
seq.to-list any -> list                   raises            # same elements as a list
builder -> builder                                          # a growing vector, used linearly
builder.push builder any -> builder
builder.done builder -> vec
# --- maps: keys are keywords, strings and integers
map any... -> map                         raises            # k v pairs, last wins, TypeError for other keys
get any any -> any                        raises
get-or any any any -> any                 raises
get-in any any -> any                     raises
get-in-or any any any -> any              raises
kw-get any any -> any                     raises            # (:k m): keyword, map | nil | err
kw-get-or any any any -> any              raises
find any any -> any                       raises
keys any -> vec                           raises
vals any -> vec                           raises
assoc any any any -> any                  raises
assoc.own map any any -> map              raises            # in place: nobody else holds it or a part of it
dissoc any any -> map                     raises
merge any any -> map                      raises
map.check any -> map                      raises            # a map, else TypeError in merge
select-keys any any -> map                raises
rename-keys any any -> map                raises
map.length map -> int                     inline
map.has map any -> bool                                     # false for keys of other kinds
map.get map any -> any                                      # nil if absent
group-key any -> any                                        # key of group-by: other kinds become text
# --- the host: hands operation imm and the arguments to the instance's host; never moved, repeated or deleted
host any... -> any                        raises inline imm
# --- whether the host said that calls of the function of number imm stay here; other threads may change it
routed -> bool                            inline imm
# --- errors
raise.type str str any -> never           raises            # operation, expected, actual value: TypeError
raise.arity str str int -> never          raises            # function, expected ("at least 1"), count
raise.undefined str -> never              raises
raise.not-callable any -> never           raises
raise.match any -> never                  raises
raise.invalid str -> never                raises            # InvalidArgument with this text
raise.generic str -> never                raises            # Generic with this text
raise.kind str str any -> never           raises            # kind name, message, data map or nil
throw any -> never                        raises            # error value, string, or map :type :message :data
err.new any... -> err                     raises            # (Exception. message data...)
err.message any -> str                    raises
err.type err -> kw
err.data err -> any
err.is err -> bool                        imm               # imm: name of a kind or of a group
raise.host any -> never                   raises            # [kind message data type-or-nil] of the host
destructure.vec any int bool -> vec       raises            # value, length (at least, if true) of it
"""


def _parse() -> dict[str, Op]:
    ops: dict[str, Op] = {}
    for raw in _TABLE.splitlines():
        line = raw.split("#", 1)[0].split()
        if not line:
            continue
        arrow = line.index("->")
        name, params, result, flags = line[0], line[1:arrow], line[arrow + 1], line[arrow + 2 :]
        variadic = params == ["any..."]
        ops[name] = Op(
            name=name,
            params=() if variadic else tuple(T.parse(p) for p in params),
            result=T.parse(result),
            raises="raises" in flags,
            inline="inline" in flags,
            imm="imm" in flags,
            variadic=variadic,
        )
    return ops


OPS: Final[dict[str, Op]] = _parse()
