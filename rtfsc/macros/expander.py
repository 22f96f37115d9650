"""The expander: walks top-level forms in order and replaces macro calls by what the macros return, until
no call is left.

A call is a list headed by the name of a macro that is defined before it and that no local hides. What is
quoted is left alone, as are templates but for the code in them.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NoReturn

from rtfsc.diagnostics import Sink
from rtfsc.diagnostics.model import Label
from rtfsc.ir import types as T
from rtfsc.macros.data import Exchange, NotSyntax, TooDeep, TooMany
from rtfsc.macros.definitions import Macro, Macros
from rtfsc.macros.evaluation import Load, MacroFailure
from rtfsc.macros.limits import DEPTH, EXPANSIONS, NESTING, SIZE
from rtfsc.macros.scopes import bound_names, defined_name, head_of, mentioned
from rtfsc.macros.threading import threaded
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector
from rtfsc.syntax.shorthand import short_function

_LABELS = 5
"""Most levels of the expansion stack that a diagnostic shows at either end."""


class _Stop(Exception):
    """A limit was hit and reported."""


def expand(forms: Sequence[Form], sink: Sink, load: Load, reserved: Container[str]) -> list[Form]:
    """The forms without macros and calls of them.

    Errors (X…) go to ``sink``. ``reserved``: names that cannot be those of macros. Sets ``sink.notes`` and
    ``sink.macros``, so that what is said later about expanded code names the macro.
    """
    expander = Expander(sink, load, reserved)
    try:
        expanded = expander.program(forms)
    except _Stop:
        return []
    sink.notes, sink.macros = expander.notes, expander.macros.table.keys()
    return expanded


class Expander:
    """``frames``: the macro calls that are being expanded, outermost first. ``hidden``: how many locals hide
    each macro."""

    def __init__(self, sink: Sink, load: Load, reserved: Container[str]) -> None:
        self.sink = sink
        self.macros = Macros(sink, load, reserved)
        self.frames: list[tuple[Macro, Span]] = []
        self.notes: dict[Span, Label] = {}
        self.hidden: dict[str, int] = {}
        self.nesting = 0
        self.calls = 0
        self.room = SIZE
        self.gensyms = 0

    def program(self, forms: Sequence[Form]) -> list[Form]:
        expanded = [part for form in forms for part in self.top(form) or [_nil(form.span)]]
        self.macros.finish()
        return expanded

    # --- top level

    def top(self, form: Form) -> list[Form]:
        """A top-level form, expanded: none if it defined a macro."""
        head = head_of(form)
        if head is None:
            return [self.walk(form)]
        assert type(form) is List
        macro = self.macro(head)
        if macro is not None:
            self.enter(form, macro)
            parts = self.top(self.call(form, macro))
            self.leave()
            return parts
        if head == "defmacro":
            self.define(form)
            return []
        if head == "do":
            parts = [part for item in form.items[1:] for part in self.top(item) or [_nil(item.span)]]
            return [List([form.items[0], *parts], form.span)]
        if head == "module":
            return [self.module(form)]
        name = defined_name(form)
        if name is not None:
            self.macros.forget(name)
        expanded = self.walk(form)
        if name is not None:
            self.macros.helpers[name] = expanded
        return [expanded]

    def module(self, form: List) -> List:
        """The definitions of a module are top-level forms; a ``do`` that a macro returned is several."""
        parts: list[Form] = []
        for item in form.items[1:]:
            made = self.top(item) if type(item) is List else [item]
            for part in made:
                spread = part is not item and head_of(part) == "do" and head_of(item) != "do"
                parts += part.items[1:] if spread else [part]  # type: ignore[union-attr]
        return List([form.items[0], *parts], form.span)

    def define(self, form: List) -> None:
        self.macros.define(form, self.walk)

    # --- expressions

    def walk(self, form: Form) -> Form:
        kind = type(form)
        if kind is Symbol or kind is Literal or kind is Keyword:
            return form
        self.nesting += 1
        if self.nesting > NESTING:
            self.stop(form.span, f"Expanded code is nested more than {NESTING} deep")
        if kind is List:
            form = self.walk_list(form)  # type: ignore[arg-type]
        elif kind is Vector:
            form = Vector([self.walk(item) for item in form.items], form.span)  # type: ignore[union-attr]
        elif kind is Map:
            form = Map([(key, self.walk(value)) for key, value in form.pairs], form.span)  # type: ignore[union-attr]
        elif type(form) is Meta:
            form = Meta(self.walk(form.meta), self.walk(form.form), form.span)  # type: ignore[arg-type]
        elif type(form) is ShortFn:
            form = self.short(form)
        self.nesting -= 1
        return form

    def walk_list(self, form: List) -> Form:
        head = head_of(form)
        if head is None:
            return self.items(form)
        macro = self.macro(head)
        if macro is not None:
            self.enter(form, macro)
            expanded = self.walk(self.call(form, macro))
            self.leave()
            return expanded
        if head == "quote":
            return form
        if head == "quasiquote":
            return self.template(form, 0)
        if head == "defmacro":
            hint = "macros are defined at the top level of a file or module, before they are used"
            self.sink.error("X003", "defmacro below the top level", form.span, hint=hint)
            return _nil(form.span)
        if head in ("->", "->>") and any(self.macro(name) for name in _step_names(form)):
            step = threaded(form, first=head == "->")
            return self.walk(step) if step is not None else self.items(form)
        return self.scoped(form)

    def items(self, form: List) -> List:
        return List([self.walk(item) for item in form.items], form.span)

    def scoped(self, form: List) -> List:
        """The form, in which its own locals hide macros."""
        table = self.macros.table
        local = {name for name in bound_names(form) if name in table} if table else set()
        for name in local:
            self.hidden[name] = self.hidden.get(name, 0) + 1
        expanded = self.items(form)
        for name in local:
            self.hidden[name] -= 1
        return expanded

    def short(self, form: ShortFn) -> Form:
        """A short function as it is, or written as ``fn`` if it calls macros: its parameters are those in its
        text, whatever the macros return."""
        function = short_function(form) if any(map(self.macro, mentioned(form))) else None
        return self.walk(function) if function is not None else form

    def template(self, form: Form, level: int) -> Form:
        """A template with the code in it expanded."""
        head = head_of(form)
        if head in ("unquote", "unquote-splicing") and level == 1:
            return self.items(form)  # type: ignore[arg-type]
        if head in ("unquote", "unquote-splicing"):
            level -= 1
        elif head == "quasiquote":
            level += 1
        if type(form) in (List, Vector, ShortFn):
            items = [self.template(item, level) for item in form.items]  # type: ignore[union-attr]
            return type(form)(items, form.span)  # type: ignore[call-arg, arg-type]
        if type(form) is Map:
            pairs = [(self.template(key, level), self.template(value, level)) for key, value in form.pairs]
            return Map(pairs, form.span)
        if type(form) is Meta:
            return Meta(form.meta, self.template(form.form, level), form.span)
        return form

    # --- calls

    def macro(self, name: str) -> Macro | None:
        found = self.macros.table.get(name)
        return None if found is None or self.hidden.get(name) else found

    def enter(self, form: List, macro: Macro) -> None:
        self.frames.append((macro, form.span))
        self.calls += 1
        if len(self.frames) > DEPTH:
            self.stop(form.span, f"Macros are expanded more than {DEPTH} deep")
        if self.calls > EXPANSIONS:
            self.stop(form.span, f"More than {EXPANSIONS} macro calls are expanded")

    def leave(self) -> None:
        self.frames.pop()

    def call(self, form: List, macro: Macro) -> Form:
        """What the macro returns for a call; nil after an error, which is reported."""
        compiled = self.macros.compiled(macro)
        if compiled is None:
            return _nil(form.span)
        count = len(form.items) - 1
        if count < compiled.fixed or (count > compiled.fixed and not compiled.rest):
            self._wrong_arity(form, macro, compiled.fixed, compiled.rest)
            return _nil(form.span)
        exchange = Exchange(self.macros.atoms, form.span, self.room, self.fresh)
        note = f"in code that the macro {macro.name} made, defined here"
        self.notes.setdefault(form.span, (macro.span, note))
        try:
            made = exchange.form(compiled.call(*(exchange.data(item) for item in form.items[1:])))
        except MacroFailure as failure:
            where = [(failure.span, "raised here")] if failure.span is not None else []
            self.error("X001", f"The macro {macro.name} failed: {failure.message}", form.span, where)
            return _nil(form.span)
        except NotSyntax as wrong:
            self.error("X005", f"The macro {macro.name} has no form as its result: {wrong}", form.span)
            return _nil(form.span)
        except TooDeep:
            self.stop(form.span, f"The macro {macro.name} returned forms nested more than {NESTING} deep")
        except TooMany:
            self.stop(form.span, f"Macros have made more than {SIZE} forms")
        self.room = exchange.room
        return made

    def _wrong_arity(self, form: List, macro: Macro, fixed: int, rest: bool) -> None:
        expected = f"at least {fixed}" if rest else str(fixed)
        noun = "argument" if fixed == 1 else "arguments"
        message = f"The macro {macro.name} takes {expected} {noun}, not {len(form.items) - 1}"
        self.error("X002", message, form.span)

    def fresh(self, stem: str) -> str:
        """A name that does not occur in the text."""
        source = self.sink.source
        while True:
            self.gensyms += 1
            ending = f"__{self.gensyms}"
            if source is None or ending not in source.text:
                return stem + ending

    # --- faults

    def error(self, code: str, message: str, span: Span, labels: Sequence[Label] = ()) -> None:
        self.sink.error(code, message, span, [*labels, *self._stack(span)])
        if self.sink.is_full:
            raise _Stop

    def stop(self, span: Span, message: str) -> NoReturn:
        self.error("X004", message, span)
        raise _Stop

    def _stack(self, at: Span) -> list[Label]:
        """The macro that failed and those whose expansion led to it, innermost first: where they are called,
        or defined if the call is what the diagnostic is about."""
        labels: list[Label] = []
        for depth, (macro, span) in enumerate(self._outline()):
            if depth == 0:
                label = (macro.span, f"{macro.name} is defined here")
            elif span == at:
                label = (macro.span, f"in the expansion of {macro.name}, defined here")
            else:
                label = (span, f"in the expansion of {macro.name}")
            if label not in labels:
                labels.append(label)
        return labels

    def _outline(self) -> list[tuple[Macro, Span]]:
        frames = self.frames[::-1]
        return frames if len(frames) <= 2 * _LABELS else frames[:_LABELS] + frames[-_LABELS:]


def _step_names(form: List) -> list[str]:
    """The names at the heads of the steps of a threading form."""
    names = [step.name if type(step) is Symbol else head_of(step) for step in form.items[2:]]
    return [name for name in names if name is not None]


def _nil(span: Span) -> Literal:
    return Literal(T.NIL, None, span)
