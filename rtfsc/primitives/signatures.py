"""Types of the library functions, a line each: ``name : parameters -> result``, alternatives after ``;``.

| notation | |
|---|---|
| ``any num int float str bool nil kw sym vec list map fn err`` | all values of that kind; num: int or float |
| ``a|b`` ``T?`` | either; or nil |
| ``T`` | the same type wherever it occurs |
| ``[vec T]`` ``[seq T]`` ``[all T]`` | of a vector; also of a list or string; also of a map, as pairs |
| ``[map K V]`` | maps |
| ``[fn A B R]`` | called with these arguments; a function or a keyword |
| ``& T`` | any number of further arguments |
| ``@rule`` | a result that follows from the arguments in a way of its own, see `rtfsc.sema.check.results` |

An argument that cannot be of the type is certain to raise, so what a function accepts must be all here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from rtfsc.ir import types as T

Term: TypeAlias = "int | str | tuple[str, tuple[Term, ...]]"
"""A mask of kinds, the name of a variable or of a ``@rule``, or a constructor (``vec seq all map fn or``) and
what it takes."""


class Signature(NamedTuple):
    """``rest``: of each further argument, None if there are none."""

    params: tuple[Term, ...]
    rest: Term | None
    result: Term


_TABLE: Final = """
+ : num & num -> @sum
- : num & num -> @sum
* : num & num -> @sum
/ : num & num -> num
mod : num num -> @sum
rem : num num -> @sum
quot : num num -> num
inc : num -> @sum
dec : num -> @sum
max : any -> @first ; num num & num -> num
min : any -> @first ; num num & num -> num
abs : num -> @sum
sqrt : num -> float
pow : num num -> num
factorial : int -> int
even? : num -> bool
odd? : num -> bool
zero? : num -> bool
pos? : num -> bool
neg? : num -> bool
= : any & any -> bool
!= : any any -> bool
not= : any any -> bool
< : num|str num|str -> bool
> : num|str num|str -> bool
<= : num|str num|str -> bool
>= : num|str num|str -> bool
and : & T -> T|bool
or : & T -> T|bool
not : any -> bool
int? : any -> bool
float? : any -> bool
number? : any -> bool
string? : any -> bool
string-p : any -> bool
bool? : any -> bool
boolean? : any -> bool
nil? : any -> bool
map? : any -> bool
vector? : any -> bool
list? : any -> bool
keyword? : any -> bool
symbol? : any -> bool
fn? : any -> bool
symbol : str|sym|kw -> sym
keyword : str|sym|kw -> kw
gensym : -> sym ; str|sym|kw -> sym
type-name : any -> str
empty? : any -> bool
int : any -> int
float : any -> float
parse-int : any -> int?
parse-float : any -> float?
str : & any -> str
string-length : str -> int
length : seq|map -> int
substring : str int -> str ; str int int -> str
subs : str int -> str ; str int int -> str
string-contains : str str -> bool
string-contains? : str str -> bool
starts-with? : str? str -> bool
split : str? str -> [vec str]
join : str vec|list -> str
string-join : str vec|list -> str
string-upper : str -> str
string-lower : str -> str
string-trim : str -> str
upper : str -> str
lower : str -> str
trim : str -> str
re-find : str str? -> str?
re-seq : str str? -> [vec str]
re-matches : str str? -> bool
parse-json : str -> any
tool/parse-json : str -> any
serialize-json : any -> str
tool/serialize-json : any -> str
serialize-json-pretty : any -> str
tool/serialize-json-pretty : any -> str
vector : & T -> @vector
vec : [all T] -> [vec T]
list : & any -> list
count : seq|map -> int
len : seq|map -> int
first : [seq T] -> T?
rest : [seq T] -> @same
last : [seq T] -> T?|str
nth : [seq T] int -> T ; [seq T] int D -> T|D
cons : D [seq T] -> [vec T|D]
conj : [seq T] D & D -> [vec T|D]
concat : & any -> vec
subvec : [seq T] int -> [vec T] ; [seq T] int int -> [vec T]
take : int [seq T] -> @same
drop : int [seq T] -> @same
reverse : [seq T] -> @same
sort : [seq T] -> any ; [fn T T R] [all T] -> any
sort-by : [fn T R] [all T] -> any
distinct : [seq T] -> any
partition : int [seq T] -> [vec vec]
range : int -> [vec int] ; int int -> [vec int] ; int int int -> [vec int]
numbers : num num -> [vec int]
contains? : seq|map any -> bool
hash-map : & any -> map
get : any any -> @get ; any any D -> @get
get-in : any vec|list -> any ; any vec|list any -> any
find : map any -> any
keys : [map K V] -> [vec K]
vals : [map K V] -> [vec V]
assoc : any any any & any -> @assoc
dissoc : map any & any -> map
merge : map & map -> map
map : [fn T R] [all T] -> [vec R] ; [fn T U R] [all T] [all U] -> [vec R] ; fn|kw any any any & any -> vec
filter : [fn T R] [all T] -> [vec T]
remove : [fn T R] [all T] -> any
reduce : [fn T T R] [all T] -> R|T ; [fn D T R] D [all T] -> R|D
map-indexed : [fn int T R] [all T] -> any
group-by : [fn T R] [all T]|nil -> map
apply : fn|kw any & any -> any
every? : [fn T R] [all T] -> bool
some? : [fn T R] [all T] -> bool
some : [fn T R] [all T] -> R?
update : any any fn|kw & any -> any
assoc-in : any any any -> any
update-in : any any fn|kw & any -> any
select-keys : map any -> map
rename-keys : map map -> map
frequencies : any -> map
into : any any -> any
identity : T -> T
constantly : any -> fn
complement : any -> fn
partial : any & any -> fn
comp : & any -> fn
partition-by : [fn T R] [all T] -> vec
Exception. : any & any -> err
getMessage : err -> str
throw : any -> never
deftype : any any -> nil
process-data : T -> T
read-file : any -> never
call : any & any -> any
context/get : any -> any
context/set : any any -> any
llm-execute : any any & any -> any
println : & any -> any
print : & any -> any
log : & any -> any
tool/log : & any -> any
tool.log : & any -> any
tool/time-ms : -> any
tool.time-ms : -> any
current-time-millis : -> any
current-timestamp-ms : -> any
tool/current-timestamp-ms : -> any
thread/sleep : any -> any
get-env : any -> any
file-exists? : any -> any
tool/open-file : any -> any
http-fetch : any & any -> any
tool/http-fetch : any & any -> any
kv/assoc! : any any any & any -> any
kv/dissoc! : any any & any -> any
kv/conj! : any any & any -> any
"""

_KINDS: Final = {
    "any": T.ANY, "num": T.NUM, "int": T.INT, "float": T.FLOAT, "str": T.STR, "bool": T.BOOL, "nil": T.NIL,
    "kw": T.KW, "sym": T.SYM, "vec": T.VEC, "list": T.LIST, "map": T.MAP, "fn": T.FN, "err": T.ERR,
    "never": T.NEVER, "seq": T.VEC | T.LIST | T.STR,
}  # fmt: skip
_TOKEN: Final = re.compile(r"[\[\]|?]|@?[^\s\[\]|?]+")


@cache
def _lines() -> dict[str, str]:
    lines = (line.partition(" : ") for line in _TABLE.strip().splitlines())
    return {name: signature for name, _, signature in lines}


def names() -> list[str]:
    return list(_lines())


def text_of(name: str) -> list[str]:
    """The alternatives as they are written above; none for a name without a signature."""
    return [text.strip() for text in _lines().get(name, "").split(" ; ") if text.strip()]


@cache
def signatures(name: str) -> tuple[Signature, ...]:
    return tuple(_signature(text) for text in text_of(name))


def _signature(text: str) -> Signature:
    taken, result = text.split("->", 1)
    tokens = _TOKEN.findall(taken)
    params: list[Term] = []
    rest: Term | None = None
    at = 0
    while at < len(tokens):
        if tokens[at] == "&":
            rest, at = _term(tokens, at + 1)
        else:
            term, at = _term(tokens, at)
            params.append(term)
    return Signature(tuple(params), rest, _term(_TOKEN.findall(result), 0)[0])


def _term(tokens: list[str], at: int) -> tuple[Term, int]:
    """The term at ``at`` with its ``|`` and ``?``, and the index after it."""
    if tokens[at] == "[":
        head, at = tokens[at + 1], at + 2
        inner: list[Term] = []
        while tokens[at] != "]":
            term, at = _term(tokens, at)
            inner.append(term)
        found: Term = (head, tuple(inner))
        at += 1
    else:
        found = _KINDS.get(tokens[at], tokens[at])
        at += 1
    if at < len(tokens) and tokens[at] == "?":
        found, at = _either(found, T.NIL), at + 1
    if at < len(tokens) and tokens[at] == "|":
        other, at = _term(tokens, at + 1)
        found = _either(found, other)
    return found, at


def _either(a: Term, b: Term) -> Term:
    return a | b if isinstance(a, int) and isinstance(b, int) else ("or", (a, b))
