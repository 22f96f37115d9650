"""Tests that cannot fail are dropped: of overflow, of zero divisors, of indices, of comparisons.

Before (``v`` is a vector)::

    (loop L ((i int) 0) ((t int) 0)
      (if (int.lt i (seq.length v))
        (recur L (int.add i 1 @1) (int.add t (int.mul (int.mod i 10 @2) 3 @3) @4) …)
        (nth v …)))

After::

    (loop L ((i int) 0) ((t int) 0)
      (if (int.lt i (seq.length v))
        (recur L (i64.add i 1) (int.add-nat t (i64.mul (i64.rem i 10) 3) @4) …)
        …))

Every integer gets an interval.  What a test says of its operands holds in the arm that it guards, and
after it where the other arm does not return; besides intervals it is kept by how much one integer is
below another, so that an index is known to be below the length that it was compared with.  The variables
of a loop start with the intervals of their first values, which are widened until a walk of the body does
not leave them.  Walks of inner loops start from what was found before, so all walks together stay linear.
The last walk notes which operation each one becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Const,
    Expr,
    If,
    Let,
    Local,
    Loop,
    Module,
    Prim,
    Recur,
    Seq,
    Try,
    Var,
    integer,
)
from rtfsc.ir.walk import children, rewrite
from rtfsc.passes.branches import sequence
from rtfsc.passes.facts import whole
from rtfsc.passes.intervals import (
    BINARY,
    FULL,
    INT_MAX,
    INT_MIN,
    LENGTHS,
    UNARY,
    Range,
    absolute,
    compare,
    cut,
    fits,
    greatest,
    join,
    least,
    widen,
)

Term = Var | tuple[str, Var]
"""A variable, or the length of the one in the pair."""
Place = tuple[Term | None, int]
"""A term and what is added to it; only a number where there is no term."""

_DEEP: Final = 8
"""Variables of loops nested more deeply can be anything."""
_WALKS: Final = 8
"""Walks of a loop after which what still moves can be anything."""
_QUOTIENT: Final = "quotient"
"""What ``as [int]`` of a division becomes: the division; or that of what a remainder was taken off."""
_WHOLE: Final = "quotient of the whole"
_LENGTHS: Final = frozenset({"seq.length", "map.length"})
_COMPARISONS: Final = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_OPPOSITE: Final = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_MIRROR: Final = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
_COMPARED: Final = frozenset({f"int.{name}" for name in _COMPARISONS})
_VALUES: Final[dict[str, Callable[..., Range]]] = {
    **{f"{family}.{name}": lambda a, b, rule=rule: cut(rule(a, b))
       for family in ("int", "num") for name, rule in BINARY.items()},
    **{f"{family}.{name}": lambda a, rule=rule: cut(rule(a))
       for family in ("int", "num") for name, rule in UNARY.items()},
    "int.min": least,
    "int.max": greatest,
    "as": lambda a: a,
    "check": lambda a: a,
}  # fmt: skip
"""Of the results of operations, from those of their operands."""
_RESULTS: Final[dict[str, Range]] = {
    **dict.fromkeys(["seq.length", "map.length", "length", "count", "str.length", "range.size"], LENGTHS),
    "compare": (-1, 1),
}


def run(module: Module) -> None:
    for f in module.functions.values():
        better = Analysis().run(f.body)
        if better:
            f.body = rewrite(f.body, lambda e, better=better: _replace(e, better))  # type: ignore[misc]


def _replace(e: Expr, better: dict[int, Any]) -> Expr:
    new = better.get(id(e))
    if new is None or not isinstance(e, Prim):
        return e
    if isinstance(new, bool):
        return sequence(e.args, Const(T.BOOL, new))
    if new == "":
        return e.args[0]
    args = e.args
    if new in (_QUOTIENT, _WHOLE):
        dividend, divisor = args[0].args  # type: ignore[attr-defined]
        new, args = "i64.div", [dividend.args[0] if new == _WHOLE else dividend, divisor]
    elif new == "i64.and":
        args = [args[0], integer(abs(args[1].value) - 1)]  # type: ignore[attr-defined]
    return Prim(new, args, T.ANY if new == "seq.nth" else T.INT, e.site if new.startswith("int.") else 0)


class Analysis:
    """Of one function.

    By term: ``known`` intervals. By pair of terms: ``gaps``, how much the first is above the second at
    most; ``unequal``, numbers that a term is not. By variable: what it was bound to (``places``, ``same``).
    By id of a node: ``values``, intervals of compared operands; ``divisions`` that cannot raise;
    ``better``, what a node becomes (an op, "" for its operand, the outcome of a comparison), noted when
    ``final``. By label of a loop: what its variables were ``found`` to be, at all and after a recur."""

    def __init__(self) -> None:
        self.known: dict[Any, Range] = {}
        self.gaps: dict[Any, int] = {}
        self.unequal: dict[tuple[Term, int], bool] = {}
        self.places: dict[Var, Place] = {}
        self.same: dict[Var, Var] = {}
        self.trail: list[tuple[dict[Any, Any], Any, Any]] = []
        self.values: dict[int, Range] = {}
        self.found: dict[str, tuple[list[Range], list[Range] | None]] = {}
        self.frames: dict[str, list[list[Range]]] = {}
        self.depth = 0
        self.loops = False
        self.final = True
        self.divisions: set[int] = set()
        self.better: dict[int, Any] = {}

    def run(self, body: Expr) -> dict[int, Any]:
        """What becomes of the nodes of a function."""
        self.walk(body)
        if self.loops:
            self.final = False
            for _ in range(2):
                self.undo(0)
                self.better.clear()
                self.divisions.clear()
                self.walk(body)
                self.final = True
        return self.better

    # --- what is known, and until when

    def set(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self.trail.append((table, key, table.get(key)))
        table[key] = value

    def undo(self, mark: int) -> None:
        while len(self.trail) > mark:
            table, key, value = self.trail.pop()
            if value is None:
                del table[key]
            else:
                table[key] = value

    def place(self, e: Expr) -> Place | None:
        """``e`` as a term plus a number."""
        if isinstance(e, Const):
            return (None, e.value) if e.type == T.INT else None
        if isinstance(e, Local):
            return self.places.get(e.var, (e.var, 0))
        if isinstance(e, Prim) and e.op in _LENGTHS and isinstance(e.args[0], Local):
            return ("length", self.source(e.args[0].var)), 0
        if isinstance(e, Prim) and e.op in ("int.add", "int.sub") and isinstance(e.args[1], Const):
            term = self.place(e.args[0])
            by = e.args[1].value
            return term and (term[0], term[1] + (by if e.op == "int.add" else -by))
        return None

    def source(self, v: Var) -> Var:
        """The variable that ``v`` is another name of."""
        return self.same.get(v, v)

    def range(self, place: Place) -> Range:
        term, more = place
        if term is None:
            return more, more
        low, high = self.known.get(term, FULL if isinstance(term, Var) else LENGTHS)
        return low + more, high + more

    def below(self, a: Place, b: Place) -> bool:
        """``a`` is certainly less than ``b``."""
        if self.range(a)[1] < self.range(b)[0]:
            return True
        gap = self.gaps.get((a[0], b[0]))
        return gap is not None and gap + a[1] - b[1] < 0

    def never(self, e: Expr, r: Range, n: int) -> bool:
        """``e``, which lies in ``r``, is certainly not ``n``."""
        if r[0] > n or r[1] < n:
            return True
        place = self.place(e)
        return place is not None and place[0] is not None and (place[0], n - place[1]) in self.unequal

    # --- tests

    def assume(self, test: Expr, outcome: bool) -> None:
        """``test`` came out so. ``and`` and ``or`` are conditionals with a constant arm."""
        if isinstance(test, If):
            arm = test.orelse if outcome else test.then
            if isinstance(arm, Const) and arm.value is not outcome:
                self.assume(test.test, outcome)
                self.assume(test.then if outcome else test.orelse, outcome)
        elif isinstance(test, Seq):
            self.assume(test.result, outcome)
        elif isinstance(test, Prim) and test.op == "bool.not":
            self.assume(test.args[0], not outcome)
        elif isinstance(test, Prim) and test.op in _COMPARED:
            comparison = test.op[4:] if outcome else _OPPOSITE[test.op[4:]]
            a, b = map(self.place, test.args)
            x, y = (self.values[id(arg)] for arg in test.args)
            self.narrow(a, comparison, y)
            self.narrow(b, _MIRROR[comparison], x)
            if a and b:
                self.relate(a, comparison, b)

    def narrow(self, place: Place | None, comparison: str, other: Range) -> None:
        if place is None or place[0] is None:
            return
        old = low, high = self.range(place)
        if comparison in ("lt", "le", "eq"):
            high = min(high, other[1] - (comparison == "lt"))
        if comparison in ("gt", "ge", "eq"):
            low = max(low, other[0] + (comparison == "gt"))
        if comparison == "ne" and other[0] == other[1]:
            low, high = low + (low == other[0]), high - (high == other[0])
            self.set(self.unequal, (place[0], other[0] - place[1]), True)
        if (low, high) != old:
            self.set(self.known, place[0], (low - place[1], high - place[1]))

    def limit(self, e: Expr, least: int, most: int) -> None:
        """``e`` is not below ``least`` nor above ``most``."""
        if not isinstance(e, Local) or (least <= INT_MIN and most >= INT_MAX):
            return
        term, more = self.places.get(e.var, (e.var, 0))
        if term is None:
            return
        old = low, high = self.range((term, 0))
        new = max(low, least - more), min(high, most - more)
        if new != old:
            self.set(self.known, term, new)

    def relate(self, a: Place, comparison: str, b: Place) -> None:
        if comparison in ("gt", "ge"):
            a, b, comparison = b, a, _MIRROR[comparison]
        if a[0] is None or b[0] is None or comparison == "ne":
            return
        gap = b[1] - a[1] - (comparison == "lt")
        self.closer(a[0], b[0], gap)
        if comparison == "eq":
            self.closer(b[0], a[0], -gap)

    def closer(self, a: Term, b: Term, gap: int) -> None:
        """``a`` is at most ``gap`` above ``b``."""
        old = self.gaps.get((a, b))
        if old is None or gap < old:
            self.set(self.gaps, (a, b), gap)

    # --- walks

    def walk(self, e: Expr) -> Range:
        """The interval of the value, if it is an integer."""
        visit = _VISIT.get(type(e))
        if visit is not None:
            return visit(self, e)
        for x in children(e):
            self.walk(x)
        return FULL

    def const(self, e: Const) -> Range:
        return (e.value, e.value) if e.type == T.INT else FULL

    def local(self, e: Local) -> Range:
        place = self.places.get(e.var)
        return self.known.get(e.var, FULL) if place is None else cut(self.range(place))

    def let(self, e: Let) -> Range:
        r = self.walk(e.value)
        self.bind(e.var, e.value, r)
        return self.walk(e.body)

    def bind(self, v: Var, value: Expr, r: Range) -> None:
        self.known[v] = r
        if isinstance(value, Prim) and value.op in ("as", "check") and isinstance(value.args[0], Local):
            value = value.args[0]
        if isinstance(value, Local):
            self.same[v] = self.source(value.var)
        place = self.place(value)
        if place is not None and place[0] is not None:
            self.places[v] = place
        elif isinstance(value, Prim) and value.op in ("vector", "list"):
            self.known["length", v] = len(value.args), len(value.args)

    def seq(self, e: Seq) -> Range:
        for x in e.effects:
            self.walk(x)
        return self.walk(e.result)

    def conditional(self, e: If) -> Range:
        self.walk(e.test)
        mark = len(self.trail)
        self.assume(e.test, True)
        a = self.walk(e.then)
        self.undo(mark)
        self.assume(e.test, False)
        b = self.walk(e.orelse)
        if e.then.type == T.NEVER:
            return b  # what the test said holds from here on
        self.undo(mark)
        if e.orelse.type == T.NEVER:
            self.assume(e.test, True)
            return a
        return join(a, b)

    def try_(self, e: Try) -> Range:
        mark = len(self.trail)
        a = self.walk(e.body)
        self.undo(mark)
        b = self.walk(e.handler)
        self.undo(mark)
        return join(a, b)

    def loop(self, e: Loop) -> Range:
        start = [self.walk(x) for x in e.inits]
        self.loops = True
        if self.depth >= _DEEP or (self.final and e.label not in self.found):
            return self.round(e, [FULL] * len(start))
        found, seen = self.found.get(e.label, (start, None))
        if self.final:
            # What the recurs gave in the last walk may be less than what the loop was widened to.
            return self.round(e, list(map(join, start, seen)) if seen else start)
        found = list(map(join, found, start))
        self.depth += 1
        for _ in range(_WALKS):
            r = self.round(e, found)
            again = self.frames[e.label]
            seen = [_hull(column) for column in zip(*again, strict=True)] if again else None
            joined = list(map(join, found, seen)) if seen else found
            if joined == found:
                break
            found = list(map(widen, found, joined))
        else:
            found = seen = [FULL] * len(found)
            r = self.round(e, found)
        self.depth -= 1
        self.found[e.label] = found, seen
        return r

    def round(self, e: Loop, found: list[Range]) -> Range:
        """A walk of the body with these intervals of the variables."""
        mark = len(self.trail)
        self.known.update(zip(e.vars, found, strict=True))
        self.frames[e.label] = []
        r = self.walk(e.body)
        self.undo(mark)
        return r

    def recur(self, e: Recur) -> Range:
        self.frames[e.label].append([self.walk(x) for x in e.args])
        return FULL

    def prim(self, e: Prim) -> Range:
        rs = [self.walk(x) for x in e.args]
        op = e.op
        rule = _VALUES.get(op)
        if rule is not None:
            r = rule(*rs)
        elif op in _COMPARED:
            r = FULL
            self.values.update(zip(map(id, e.args), rs, strict=True))
        elif op in _LENGTHS and isinstance(e.args[0], Local):
            r = self.range((("length", self.source(e.args[0].var)), 0))
        else:
            r = _RESULTS.get(op, FULL)
        if self.final and op in _IMPROVE:
            better = _IMPROVE[op](self, e, rs)
            if better is not None:
                self.better[id(e)] = better
        learn = _LEARN.get(op)
        if learn is not None:
            learn(self, e, rs)
        return r


def _hull(ranges: tuple[Range, ...]) -> Range:
    return min(r[0] for r in ranges), max(r[1] for r in ranges)


# --- what a checked operation that did not raise says of its operands


def _learn_sum(a: Analysis, e: Prim, rs: list[Range]) -> None:
    for x, other in zip(e.args, reversed(rs), strict=True):
        a.limit(x, INT_MIN - other[1], INT_MAX - other[0])


def _learn_difference(a: Analysis, e: Prim, rs: list[Range]) -> None:
    a.limit(e.args[0], INT_MIN + rs[1][0], INT_MAX + rs[1][1])


def _learn_product(a: Analysis, e: Prim, rs: list[Range]) -> None:
    """Of a square, or of a multiple."""
    x, y = e.args
    if isinstance(x, Local) and isinstance(y, Local) and x.var is y.var:
        a.limit(x, -isqrt(INT_MAX), isqrt(INT_MAX))
    for operand, other in zip(e.args, reversed(rs), strict=True):
        least = max(other[0], -other[1])
        if least > 1:
            a.limit(operand, INT_MIN // least, INT_MAX // least + 1)


def _learn_divisor(a: Analysis, e: Prim, rs: list[Range]) -> None:
    a.narrow(a.place(e.args[1]), "ne", (0, 0))


_LEARN: Final[dict[str, Callable[[Analysis, Prim, list[Range]], None]]] = {
    "int.add": _learn_sum,
    "int.sub": _learn_difference,
    "int.mul": _learn_product,
    "int.mod": _learn_divisor,
    "int.div": _learn_divisor,
}


# --- what an operation becomes

Rule = Callable[[Analysis, Prim, list[Range]], Any]


def _sum(plain: str, right: str, left: str | None) -> Rule:
    """``right`` and ``left``: the op where that operand is not negative."""
    apply = BINARY[plain.removeprefix("i64.")]

    def rule(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
        if fits(apply(*rs)):
            return plain
        if rs[1][0] >= 0:
            return right
        return left if rs[0][0] >= 0 else None

    return rule


def _product(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    return "i64.mul" if fits(BINARY["mul"](*rs)) else None


def _remainder(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    divisor = e.args[1]
    if isinstance(divisor, Const) and rs[0][0] >= 0 and abs(divisor.value).bit_count() == 1:
        return "i64.and"
    return "i64.rem" if a.never(divisor, rs[1], 0) else None


def _division(a: Analysis, e: Prim, rs: list[Range]) -> None:
    """Whether it can raise is decided before what it would say of its divisor is known."""
    safe = rs[0][0] > INT_MIN or a.never(e.args[1], rs[1], -1)
    if safe and a.never(e.args[1], rs[1], 0):
        a.divisions.add(id(e))


def _quotient(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    """An ``as`` around a division says that it leaves nothing."""
    division = e.args[0]
    if e.imm != T.INT or id(division) not in a.divisions:
        return None
    dividend, divisor = division.args  # type: ignore[attr-defined]
    if whole(dividend, divisor) is None:
        return _QUOTIENT
    # The remainder may be what tells that the divisor is not 0: then it stays.
    return _WHOLE if id(dividend.args[1]) in a.better else _QUOTIENT


def _negation(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    return "i64.neg" if rs[0][0] > INT_MIN else None


def _absolute(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    if rs[0][0] >= 0:
        return ""
    return "i64.abs" if fits(absolute(rs[0])) else None


def _comparison(name: str) -> Rule:
    def rule(a: Analysis, e: Prim, rs: list[Range]) -> bool | None:
        outcome = compare(name, *rs)
        if outcome is None and name in ("lt", "ge"):
            x, y = map(a.place, e.args)
            if x and y and a.below(x, y):
                return name == "lt"
        return outcome

    return rule


def _nth(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    items, index = e.args
    if not items.type or not T.subtype(items.type, T.SEQ) or index.type != T.INT or rs[1][0] < 0:
        return None
    place = a.place(index)
    if place is None or not isinstance(items, Local):
        return None
    return "seq.nth" if a.below(place, (("length", a.source(items.var)), 0)) else None


def _get(a: Analysis, e: Prim, rs: list[Range]) -> str | None:
    return _nth(a, e, rs) if e.args[0].type == T.VEC else None


_IMPROVE: Final[dict[str, Rule]] = {
    "int.add": _sum("i64.add", "int.add-nat", "int.nat-add"),
    "int.sub": _sum("i64.sub", "int.sub-nat", None),
    "int.mul": _product,
    "int.mod": _remainder,
    "int.neg": _negation,
    "int.abs": _absolute,
    "int.div": _division,
    "as": _quotient,
    "nth": _nth,
    "get": _get,
    "seq.at": _nth,
    "seq.get": _nth,
    **{f"int.{name}": _comparison(name) for name in _COMPARISONS},
}

_VISIT: Final[dict[type, Callable[..., Range]]] = {
    Const: Analysis.const,
    Local: Analysis.local,
    Let: Analysis.let,
    Seq: Analysis.seq,
    If: Analysis.conditional,
    Try: Analysis.try_,
    Loop: Analysis.loop,
    Recur: Analysis.recur,
    Prim: Analysis.prim,
}
