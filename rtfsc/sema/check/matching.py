"""match: what each clause gets, and clauses that get nothing."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import NEVER, Lit, Type, make, of_kinds
from rtfsc.sema.algebra.relations import either, join, meet, subtype, widened
from rtfsc.sema.check.checker import Checker, Want
from rtfsc.sema.check.facts import FALSE, TRUE, facts
from rtfsc.sema.check.patterns import accepted, bind_matched, covered
from rtfsc.sema.scopes import Local


class _Seen:
    """What the clauses so far take for certain."""

    def __init__(self, subject: Type) -> None:
        self.left = _split_truth(subject)
        self.types = NEVER
        self.literals: set[Lit] = set()

    def add(self, t: Type) -> None:
        literal = _single(t)
        if literal is not None:
            self.literals.add(literal)
        else:
            self.types = join(self.types, t)
        kinds = self.left.kinds & ~t.kinds
        parts = [part for part in self.left.parts if not subtype(make(0, [part]), t)]
        self.left = _split_truth(make(kinds, parts))

    def has(self, t: Type) -> bool:
        literal = _single(t)
        return (literal is not None and literal in self.literals) or (t.mask != 0 and subtype(t, self.types))


def _split_truth(t: Type) -> Type:
    """Booleans as two values, so that one of them can be taken away."""
    if not t.kinds & T.BOOL:
        return t
    split = make(t.kinds & ~T.BOOL, t.parts)
    pair = (*FALSE.parts, *TRUE.parts)
    return Type(split.kinds, (*pair, *split.parts), split.mask | T.BOOL, split.depth)


def _single(t: Type) -> Lit | None:
    if t.kinds or len(t.parts) != 1 or type(t.parts[0].atoms[0]) is not Lit:
        return None
    return t.parts[0].atoms[0]


def match(c: Checker, node: A.Match, want: Want | None) -> Type:
    subject = c.visit(node.subject)
    if type(node.subject) is A.Const:
        subject = of_kinds(subject.mask)
    seen = _Seen(subject)
    result = NEVER
    for clause in node.clauses:
        result = either(result, _clause(c, node, clause, subject, seen, want))
    return widened(result)


def _clause(
    c: Checker, node: A.Match, clause: A.MatchClause, subject: Type, seen: _Seen, want: Want | None
) -> Type:
    takes = accepted(c, clause.pattern)
    value = meet(subject, takes)
    dead = not value.mask or seen.has(takes) or not meet(seen.left, takes).mask
    if dead and subject.mask and (takes.kinds != T.ANY or seen.types.kinds == T.ANY):
        _unreachable(c, clause, subject, bool(value.mask))
    c.quiet += dead
    bind_matched(c, clause.pattern, value)
    local = node.subject.binding if type(node.subject) is A.Name else None
    with c.knowing({local: value} if type(local) is Local and not dead else {}):
        result = _body(c, clause, want)
    c.quiet -= dead
    if clause.guard is None:
        seen.add(covered(c, clause.pattern))
    return NEVER if dead else result


def _body(c: Checker, clause: A.MatchClause, want: Want | None) -> Type:
    if clause.guard is None:
        return c.visit(clause.body, want)
    c.visit(clause.guard)
    with c.knowing(facts(c, clause.guard).then):
        return c.visit(clause.body, want)


def _unreachable(c: Checker, clause: A.MatchClause, subject: Type, possible: bool) -> None:
    if c.quiet:
        return
    from rtfsc.sema.algebra.show import describe

    why = "the clauses before it take all that it could" if possible else f"the value is {describe(subject)}"
    c.sink.warning("N006", f"This clause can never be taken: {why}", clause.span)


TAILED = {A.Match: match}
