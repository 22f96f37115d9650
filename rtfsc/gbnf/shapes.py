"""How special forms look, a line per variant, for the grammars of programs.

| | |
|---|---|
| ``e`` | an expression |
| ``e?`` ``e+`` | perhaps one; one or more |
| ``b`` | a name that is bound; visible from the next ``/`` to the next ``\\`` or the end |
| ``bb`` ``b&b`` | two names, different ones, in one pattern; with & between them |
| ``P1 P2 P3 PR`` | parameters, perhaps with types; PR: one, and a rest parameter |
| ``t?`` | perhaps the type of a result |
| ``g`` | the name of a definition |
| ``f1`` ``f2`` | a function of one argument, of two |
| ``k s i`` ``l`` | keyword, text, whole number; a literal |
| ``q`` | data |
| ``T`` | a type |
| ``K`` | what a catch clause names |

Everything else stands for itself. ``HOST`` are the forms that speak with the host, ``TOP`` stand at top
level alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_PURE: Final = r"""
if e e e?
do e+
let [ b e ] / e+
let [ b e / b e ] / e+
let [ b : T e ] / e
let [ [ bb ] e ] / e+
let [ { :keys [ bb ] } e ] / e+
let [ { b k } e ] / e+
fn [ ] t? e
fn [ P1 ] t? / e+
fn [ P2 ] t? / e+
fn [ PR ] t? / e
when e e+
unless e e+
cond e e :else e
cond e e e e :else e
case e l e e
case e l e l e e?
if-let [ b e ] / e \ e?
when-let [ b e ] / e+
and e+
or e+
-> e f1
-> e f1 f1
-> e ( f2 e )
-> e ( f2 e ) f1
->> e f1
->> e ( f2 e )
->> e ( f2 e ) ( f2 e )
loop [ b e ] / ( if e e ( recur e ) )
loop [ b e / b e ] / ( if e e ( recur e e ) )
loop [ b e / b e ] / ( cond e e :else ( recur e e ) )
dotimes [ b e ] / e+
for [ b e ] / e
for [ b e / b e ] / e
match e l e _ e
match e b / e
match e b / when e e \ _ e
match e [ ] e \ [ b&b ] / e \ _ e
match e { k b } / e \ _ e
match e [ :vector T ] e _ e
try e ( catch K b / e )
try e ( catch K _ e )
try e ( finally e )
try e ( catch K b / e ) \ ( finally e )
quote q
is ( = e e )
is e s
"""
_HOST: Final = r"""
step s e+
step-if e e e
step-loop e e
step-parallel e+
get k
resource :ref s
resource g ( property k e )
capability s k e
plan s k e
"""
_TOP: Final = r"""
def g e
def g s e
defn g [ ] t? e+
defn g [ P1 ] t? / e+
defn g s [ P1 ] t? / e+
defn g [ P2 ] t? / e+
defn g [ P3 ] t? / e+
defn g [ PR ] t? / e+
defstruct N k T k T
declare g [ P1 ] t? s
"""
LEFT_OUT: Final = {
    "λ": "another way to write fn",
    "recur": "is part of loop",
    "context-ref": "the reader makes it of @name, which means a value that only the host knows",
    "deftest": "is no part of a program",
    "defmacro": "what a model writes is plain code",
    "quasiquote": "belongs to macros",
    "unquote": "belongs to macros",
    "unquote-splicing": "belongs to macros",
    "module": "one function or program is asked for, not a file",
    "import": "only the caller knows what there is to import",
}
"""Special forms without a shape, and why."""


def shapes(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.strip().splitlines():
        head, *rest = line.split()
        yield head, rest


PURE: Final = list(shapes(_PURE))
HOST: Final = list(shapes(_HOST))
TOP: Final = list(shapes(_TOP))
