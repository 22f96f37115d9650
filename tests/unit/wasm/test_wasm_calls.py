"""Ways of a call: registers, boxed scalars, transit, rest parameters, host functions, handles."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.values import HostFunction, Keyword, List, Symbol
from runtime.wasm.errors import InstanceClosed
from runtime.wasm.executor import Instance


def test_top_level_runs_once(instance: Instance) -> None:
    assert instance.run() == 42
    assert instance.run() == 42
    assert instance.run_printed() == "42"
    assert instance.value("answer") == 42


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("add1", (41,), 42),
        ("add1", (-(2**63),), -(2**63) + 1),
        ("half", (5.0,), 2.5),
        ("negate", (True,), False),
        ("negate", (False,), True),
        ("divide", (7, 2), 3),
    ],
)
def test_scalars_in_registers(instance: Instance, name: str, args: tuple[Any, ...], expected: Any) -> None:
    got = instance.function(name)(*args)
    assert (got, type(got)) == (expected, type(expected))


def test_a_variant_is_chosen_by_the_types_of_the_arguments(instance: Instance) -> None:
    add1 = instance.function("add1")
    assert add1(True) is False, "a boolean is no integer: the boxed entry flips it"
    assert add1(1) == 2
    assert instance.function("half")(4) == 4, "the boxed entry gives its argument back"


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -1, 2**62 - 1, 2**62, -(2**62), -(2**62) - 1, 2**63 - 1, -(2**63), 1.5, -0.0,
     float("inf"), "", "a", "héllo ☃ 🎉", "x" * 100_000, [], [1, 2], [1.5], [1, "a", None], list(range(5000)),
     {}, {Keyword("a"): 1, "b": [2], 3: {"c": None}}, Keyword("k"), Symbol("s"), List([1, [2]])],
    ids=lambda v: repr(v)[:20],
)  # fmt: skip
def test_values_cross_unchanged(instance: Instance, value: Any) -> None:
    identity = instance.function("identity")
    for _ in range(3):
        got = identity(value)
        assert got == value
        assert type(got) is type(value)


def test_deep_nesting_crosses(instance: Instance) -> None:
    value: list[Any] = []
    for _ in range(20_000):
        value = [value]
    got = instance.function("identity")(value)
    depth = 0
    while got:
        got, depth = got[0], depth + 1
    assert depth == 20_000


def test_integers_beyond_64_bits_are_refused(instance: Instance) -> None:
    for name in ("add1", "identity"):
        with pytest.raises(OverflowError, match="argument 0: an integer beyond 64 bits"):
            instance.function(name)(2**63)


def test_other_objects_are_refused_with_their_path(instance: Instance) -> None:
    with pytest.raises(TypeError, match=r"argument 0\[1\]"):
        instance.function("identity")([1, object()])


def test_rest_parameters_arrive_as_a_list(instance: Instance) -> None:
    pick = instance.function("pick")
    assert pick(1) == List([])
    assert pick(1, 2, "three") == List([2, "three"])


def test_wrong_number_of_arguments(instance: Instance) -> None:
    from runtime.values import ArityError

    with pytest.raises(ArityError) as caught:
        instance.function("add1")(1, 2)
    assert caught.value.message == "Arity mismatch in add1: expected 1, got 2"
    with pytest.raises(ArityError, match="expected at least 1, got 0"):
        instance.function("pick")()
    with pytest.raises(TypeError, match="keyword"):
        instance.function("add1")(n=1)


def test_unknown_names(instance: Instance) -> None:
    for name in ("nope", "answer", "$init"):
        with pytest.raises(KeyError):
            instance.function(name)
    with pytest.raises(KeyError):
        instance.value("add1")


def test_host_functions(instance: Instance) -> None:
    call = instance.function("with-host")
    seen: list[Any] = []

    def host(*args: Any) -> Any:
        seen.append(args)
        return {"sum": sum(args)}

    for _ in range(3):
        assert call(HostFunction(host), [1, 2, 3]) == {"sum": 6}
    assert seen == [(1, 2, 3)] * 3


def test_host_functions_come_back(instance: Instance) -> None:
    identity = instance.function("identity")
    got = identity(HostFunction(len))
    assert isinstance(got, HostFunction)
    assert got("four") == 4
    assert identity([1, {"f": HostFunction(len)}])[1]["f"]("four") == 4


def test_a_callable_has_to_be_granted(instance: Instance) -> None:
    with pytest.raises(TypeError, match="granted"):
        instance.function("with-host")(lambda: 1, [])


def test_exceptions_of_host_functions_propagate(instance: Instance) -> None:
    class Odd(BaseException):
        pass

    def host() -> None:
        raise Odd("through")

    with pytest.raises(Odd, match="through"):
        instance.function("with-host")(HostFunction(host), [])
    assert instance.function("add1")(1) == 2


def test_nested_entries_keep_the_outer_region(instance: Instance) -> None:
    call, identity = instance.function("with-host"), instance.function("identity")

    def host(depth: int, text: str) -> Any:
        assert identity([text] * 50) == [text] * 50
        if depth == 0:
            return [text]
        return [text, call(HostFunction(host), [depth - 1, text + "."]), identity({Keyword(text): depth})]

    nested = call(HostFunction(host), [5, "t"])
    depth = 0
    while len(nested) == 3:
        text, nested, beside = nested
        assert text == "t" + "." * depth
        assert beside == {Keyword(text): 5 - depth}
        depth += 1
    assert (depth, nested) == (5, ["t....."])


def test_recursion_through_the_host_ends(instance: Instance) -> None:
    call = instance.function("with-host")

    def host() -> Any:
        return call(HostFunction(host), [])

    with pytest.raises(RecursionError):
        call(HostFunction(host), [])
    assert instance.function("identity")("still here") == "still here"


def test_function_results_are_handles(instance: Instance) -> None:
    handle = instance.function("make")()
    for _ in range(100):
        assert instance.function("identity")({Keyword("fresh"): ["text"]}) == {Keyword("fresh"): ["text"]}
    assert handle(5) == 5
    assert handle([1, {"a": 2}]) == [1, {"a": 2}]
    handle.close()
    handle.close()
    with pytest.raises(InstanceClosed, match="handle"):
        handle(1)
    assert instance.function("identity")("x") == "x"


def test_closed_instances_refuse(instance: Instance) -> None:
    add1, handle = instance.function("add1"), instance.function("make")()
    instance.close()
    instance.close()
    for call in (lambda: add1(1), lambda: handle(1), instance.run, lambda: instance.value("answer")):
        with pytest.raises(InstanceClosed):
            call()


def test_results_are_not_trusted(instance: Instance) -> None:
    from runtime.values import RtfsError

    with pytest.raises(RtfsError, match="malformed result"):
        instance.function("forged")(None)
    assert instance.function("add1")(1) == 2
