import pytest

from runtime.values import DivisionByZero, ErrorValue, Keyword, LimitExceeded, RtfsError, StackOverflow
from runtime.values.errors import KINDS, error_class, error_from_value, limit_error


def test_exceptions_carry_what_the_error_did() -> None:
    value = ErrorValue("DivisionByZero", "Division by zero", {"a": 1}, Keyword("k"), 3)
    error = error_from_value(value, (4, 9))
    assert isinstance(error, DivisionByZero)
    assert isinstance(error, ZeroDivisionError)
    assert (error.code, error.kind, error.span, error.site) == ("R005", "DivisionByZero", (4, 9), 3)
    assert (str(error), error.data, error.type) == ("Division by zero", {"a": 1}, Keyword("k"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_class(kind: str) -> None:
    assert issubclass(error_class(kind), RtfsError)
    assert error_class(kind)(kind, "m").code == f"R{KINDS.index(kind) + 1:03d}"


def test_limits_are_no_program_errors() -> None:
    error = limit_error("DeadlineExceeded", 5)
    assert isinstance(error, LimitExceeded)
    assert str(error) == "Deadline of 5 ms exceeded"
    assert not issubclass(StackOverflow, LimitExceeded)
