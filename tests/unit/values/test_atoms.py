import pickle
from collections.abc import Sequence

import pytest

from runtime.values import HostFunction, Keyword, List, Resource, Symbol, Timestamp


def test_spelled_kinds_are_equal_within_their_kind_only() -> None:
    assert Keyword("a") == Keyword("a")
    assert hash(Keyword("a")) == hash(Keyword("a"))
    assert Keyword("a") != Symbol("a")
    assert Keyword("a") != "a"
    assert len({Keyword("a"), Symbol("a"), Keyword("a"), "a"}) == 3


def test_order_repr_and_str() -> None:
    assert sorted([Keyword("b"), Keyword("a")]) == [Keyword("a"), Keyword("b")]
    assert repr(Keyword("a")) == "Keyword('a')"
    assert (str(Keyword("a")), str(Symbol("a"))) == (":a", "a")
    with pytest.raises(TypeError):
        Keyword("a") < Symbol("b")  # noqa: B015


@pytest.mark.parametrize("name", ["", ":a", "a b", "a(", "ä"])
def test_names_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        Keyword(name)


def test_timestamps_and_resources_are_checked() -> None:
    assert Timestamp("2025-07-01T12:00:00Z").name == "2025-07-01T12:00:00Z"
    with pytest.raises(ValueError, match="not a timestamp"):
        Timestamp("2025-07-01T12:00:00.123Z")
    with pytest.raises(ValueError, match="not a resource"):
        Resource("resource://")
    with pytest.raises(TypeError):
        Resource(1)  # type: ignore[arg-type]


def test_lists_are_sequences_of_their_own_kind() -> None:
    value = List([1, 2, 3])
    assert isinstance(value, Sequence)
    assert (len(value), value[0], value[1:], list(value), 2 in value) == (3, 1, List([2, 3]), [1, 2, 3], True)
    assert value != [1, 2, 3]
    assert value != (1, 2, 3)
    assert hash(value) == hash(List([1, 2, 3]))
    assert repr(value) == "List([1, 2, 3])"


@pytest.mark.parametrize(
    "value",
    [Keyword("a"), Symbol("b"), List([1]), Timestamp("2025-07-01T12:00:00Z"), Resource("resource://x")],
)
def test_pickles(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value


def test_host_functions_wrap_callables_only() -> None:
    assert HostFunction(len)([1, 2]) == 2
    with pytest.raises(TypeError, match="callable"):
        HostFunction(3)  # type: ignore[arg-type]
