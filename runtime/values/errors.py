"""Errors of programs as Python exceptions, and error values as data.

Kinds, codes and templates are those of ``rtfsc/errors.toml``, from the table that the build generates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from runtime.values.layout import ERROR_KINDS

Place = tuple[int, int] | tuple[int, int, str]
"""Start and end in code points, and the module where it is an imported one."""


class Frame(NamedTuple):
    """A function that was active: its name, and where in it, None if not known."""

    function: str
    place: Place | None


KINDS: Final[tuple[str, ...]] = tuple(kind[0] for kind in ERROR_KINDS)
"""Names of the kinds; the index is the id."""
_ROWS: Final = {kind[0]: kind for kind in ERROR_KINDS}


def code_of(kind: str) -> str:
    """Diagnostic code of a kind; that of InternalError for a name that is none."""
    return _ROWS.get(kind, _ROWS["InternalError"])[2]


class ErrorValue:
    """An error as a value of a program: ``kind`` (a name of `KINDS`), ``message``, ``data`` (a dict or
    None), ``type`` (the keyword that RTFS code sees under ``:type``; default: that of the kind), ``site`` (0:
    not known). Its place stays behind when it is passed in again: ``(throw e)`` has one of its own."""

    __slots__ = ("kind", "parts", "site")

    def __init__(self, kind: str, message: str, data: Any = None, type: Any = None, site: int = 0) -> None:
        if type is None:
            from runtime.values.atoms import Keyword

            type = Keyword(_ROWS.get(kind, _ROWS["InternalError"])[1])
        self.kind, self.site = kind, site
        self.parts: Final = (type, message, data)

    @property
    def type(self) -> Any:
        return self.parts[0]

    @property
    def message(self) -> str:
        return self.parts[1]

    @property
    def data(self) -> Any:
        return self.parts[2]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ErrorValue):
            return NotImplemented
        return (self.kind, self.message, self.data, self.type) == (
            other.kind, other.message, other.data, other.type)  # fmt: skip

    __hash__ = None  # type: ignore[assignment]  # data may hold lists and dicts

    def __repr__(self) -> str:
        return f"ErrorValue({self.kind!r}, {self.message!r}, {self.data!r}, {self.type!r})"


class RtfsError(Exception):
    """An error that a program did not catch.

    ``kind``: name as in `KINDS`; ``code``: diagnostic code; ``message``; ``data``: what the error
    carries, converted; ``type``: its ``:type`` keyword; ``span``: (start, end) in code points of the
    source, None if not known; ``module``: the imported module whose source that is, None for the program
    itself; ``sources``: the texts of imported modules, where they are at hand; ``site``: id of the site in
    its module, 0 if not known; ``warnings``: the diagnostics that the compiler gave for a program whose top
    level raised this; ``trace``: where WebAssembly was stopped by a limit or a fault of the compiler, the
    functions that were active, innermost first, at most twenty.
    """

    def __init__(self, kind: str, message: str, data: Any = None, type: Any = None,
                 span: tuple[int, int] | None = None, site: int = 0) -> None:  # fmt: skip
        super().__init__(kind, message, data, type, span, site)
        self.kind, self.message, self.data = kind, message, data
        self.type, self.span, self.site = type, span, site
        self.module: str | None = None
        self.sources: Mapping[str, Any] = {}
        self.warnings: Sequence[Any] = ()
        self.trace: Sequence[Frame] = ()

    def located(self, trace: Sequence[Frame]) -> RtfsError:
        """The error itself, with this trace, and with the place of its innermost function if it had none."""
        self.trace = tuple(trace)
        place = self.trace[0].place if self.trace and self.span is None else None
        if place is not None:
            self.span, self.module = place[:2], place[2] if len(place) == 3 else None
        return self

    @property
    def code(self) -> str:
        return code_of(self.kind)

    def __str__(self) -> str:
        return self.message


class RtfsTypeError(RtfsError, TypeError):
    """TypeError, TypeValidationError and NotCallable."""


class ArityError(RtfsError, TypeError):
    """A function called with a number of arguments that it does not take."""


class DivisionByZero(RtfsError, ZeroDivisionError):
    """Division or remainder by zero."""


class ArithmeticOverflow(RtfsError, OverflowError):
    """An integer result beyond 64 bits."""


class IndexOutOfBounds(RtfsError, IndexError):
    """An index outside of a collection or text."""


class UndefinedSymbol(RtfsError):
    """A name that is not defined, or not yet."""


class InvalidArgument(RtfsError, ValueError):
    """An argument of the right kind that an operation does not take."""


class HostError(RtfsError):
    """HostError and the other kinds that come from the host."""


class StackOverflow(RtfsError, RecursionError):
    """Too many nested calls."""


class LimitExceeded(RtfsError):
    """A limit of the host was hit; programs cannot catch it, and the instance stays usable."""


class DeadlineExceeded(LimitExceeded):
    """The call took longer than ``deadline_ms``."""


class MemoryLimitExceeded(LimitExceeded):
    """The call needed more than ``memory_bytes``."""


class FuelExhausted(LimitExceeded):
    """The call took more than ``fuel`` steps."""


class OutputLimitExceeded(LimitExceeded):
    """The result has more than ``output_bytes``."""


_CLASSES: Final[dict[str, type[RtfsError]]] = {
    "TypeError": RtfsTypeError, "TypeValidationError": RtfsTypeError, "NotCallable": RtfsTypeError,
    "ArityMismatch": ArityError, "DivisionByZero": DivisionByZero,
    "ArithmeticOverflow": ArithmeticOverflow, "IndexOutOfBounds": IndexOutOfBounds,
    "UndefinedSymbol": UndefinedSymbol, "InvalidArgument": InvalidArgument, "HostError": HostError,
    "UnknownCapability": HostError, "SecurityViolation": HostError, "IoError": HostError,
    "NetworkError": HostError, "StorageError": HostError, "ResourceError": HostError,
    "StackOverflow": StackOverflow, "DeadlineExceeded": DeadlineExceeded,
    "MemoryLimit": MemoryLimitExceeded, "FuelExhausted": FuelExhausted,
    "OutputLimit": OutputLimitExceeded,
}  # fmt: skip


class InstanceClosed(Exception):
    """A call into an instance, or through a handle, after ``close``."""


def error_class(kind: str) -> type[RtfsError]:
    """The exception class of a kind; `RtfsError` itself where there is none of its own."""
    return _CLASSES.get(kind, RtfsError)


def error_from_value(value: ErrorValue, place: Place | None = None) -> RtfsError:
    """The exception for an error value that nothing caught. ``place``: the span, and the module if it is an
    imported one."""
    span = None if place is None else place[:2]
    error = error_class(value.kind)(value.kind, value.message, value.data, value.type, span, value.site)
    if place is not None and len(place) == 3:
        error.module = place[2]
    return error


def error_parts(error: RtfsError) -> list[Any]:
    """What the op ``raise.host`` takes, for an error that the host raised. Limits are not the program's to
    catch: they are raised again."""
    if isinstance(error, LimitExceeded):
        raise error
    kind = error.kind if error.kind in _ROWS else "HostError"
    return [kind, error.message, error.data, error.type]


def limit_error(kind: str, limit: int) -> RtfsError:
    """The exception for a limit that was hit; ``limit`` in the unit of its message."""
    return error_class(kind)(kind, _ROWS[kind][3].format(limit=limit), {"limit": limit})
