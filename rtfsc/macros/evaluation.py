"""What the expander needs of an evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from rtfsc.source import Span
from rtfsc.syntax.forms import Form


class Atoms(NamedTuple):
    """The classes of values that Python has none for. Those of one name have the attribute ``name``; lists
    are iterable; uuids are made of their spelling, which ``str`` gives back."""

    Symbol: type[Any]
    Keyword: type[Any]
    List: type[Any]
    Timestamp: type[Any]
    Resource: type[Any]
    Uuid: type[Any]


class Compiled(NamedTuple):
    """The function of a macro, from arguments as data to a form as data; ``fixed`` parameters, and more with
    ``rest``. ``call`` raises `MacroFailure`."""

    call: Callable[..., Any]
    fixed: int
    rest: bool


class MacroFailure(Exception):
    """The code of a macro raised an error, at ``span`` if that is known."""

    def __init__(self, message: str, span: Span | None) -> None:
        super().__init__(message)
        self.message, self.span = message, span


class Load(Protocol):
    """Compiles definitions of functions (``defn``), among them ``names``. Faults are reported; then a name
    may be missing from the answer. Raises `MacroFailure` if the definitions cannot be evaluated."""

    @property
    def atoms(self) -> Atoms: ...

    def __call__(self, definitions: Sequence[Form], names: Sequence[str]) -> Mapping[str, Compiled]: ...
