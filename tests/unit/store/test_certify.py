from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from runtime.store.agreement import same_value, text_of
from runtime.store.certify import CertificationError, certify
from runtime.store.inputs import I64_MAX, I64_MIN, NotGenerable, argument_lists, parse_type
from runtime.values import DeadlineExceeded, DivisionByZero, ErrorValue, Keyword, List, StackOverflow, Symbol


class Engine:
    """An instance made of Python functions."""

    def __init__(self, **exports: Any) -> None:
        self.exports = exports

    def function(self, name: str) -> Callable[..., Any]:
        return self.exports[name]  # type: ignore[no-any-return]

    def value(self, name: str) -> Any:
        return self.exports[name]


def export(*types: str, name: str = "f", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "function",
        "param_types": list(types),
        "rest": False,
        "effects": [],
        **more,
    }


def compared(f: Callable[..., Any], g: Callable[..., Any], *types: str, **more: Any) -> Any:
    return certify({"evaluator": Engine(f=f), "wasm32": Engine(f=g)}, [export(*types)], **more)


def test_engines_that_agree_get_a_certificate() -> None:
    certificate = compared(lambda x: x + 1, lambda x: 1 + x, ":int", seed=7, inputs=25)
    assert certificate.inputs == 25 and certificate.inconclusive == 0
    assert certificate.engines == ("evaluator", "wasm32") and certificate.seed == 7
    assert len(certificate.inputs_digest) == 64


def test_the_certificate_depends_on_the_seed_alone() -> None:
    def certificate(seed: int) -> Any:
        return compared(lambda *a: 0, lambda *a: 0, ":any", "[:vector :float]", seed=seed)

    assert certificate(1) == certificate(1)
    assert certificate(1).inputs_digest != certificate(2).inputs_digest


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x if x != I64_MAX else x - 1,
        lambda x: float(x) if x == 0 else x,
        lambda x: bool(x) if x == 1 else x,
        lambda x: None if x < -5 else x,
    ],
    ids=["limit", "kind", "bool", "negative"],
)
def test_a_wrong_answer_is_found(wrong: Callable[[int], Any]) -> None:
    with pytest.raises(CertificationError, match=r"The engines disagree on f\(") as caught:
        compared(lambda x: x, wrong, ":int")
    assert len(caught.value.arguments) == 1
    assert caught.value.export == "f" and set(caught.value.answers) == {"evaluator", "wasm32"}


def raising(kind: str, message: str, span: tuple[int, int]) -> Callable[[int], int]:
    def f(x: int) -> int:
        if x == 0:
            raise DivisionByZero(kind, message, span=span)
        return x

    return f


def test_errors_are_compared_by_kind_message_and_span() -> None:
    one = raising("DivisionByZero", "Division by zero", (3, 8))
    assert compared(one, raising("DivisionByZero", "Division by zero", (3, 8)), ":int").inconclusive == 0
    for other in (
        raising("ArithmeticOverflow", "Division by zero", (3, 8)),
        raising("DivisionByZero", "division by 0", (3, 8)),
        raising("DivisionByZero", "Division by zero", (3, 9)),
        lambda x: x,
    ):
        with pytest.raises(CertificationError):
            compared(one, other, ":int")


def test_a_limit_proves_nothing_and_larger_inputs_are_left_out() -> None:
    calls: list[int] = []

    def slow(x: int) -> int:
        calls.append(x)
        if abs(x) > 25:
            raise DeadlineExceeded("DeadlineExceeded", "Deadline of 50 ms exceeded")
        return x

    certificate = compared(slow, lambda x: x, ":int", inputs=60)
    assert certificate.inputs > 20
    assert 1 <= certificate.inconclusive < 8
    beyond = [abs(x) for x in calls if abs(x) > 25]
    assert beyond == sorted(beyond, reverse=True), "never one as large again"


def test_the_depth_of_the_stack_is_a_property_of_an_engine() -> None:
    def deep(x: int) -> int:
        raise StackOverflow("StackOverflow", "Stack overflow")

    assert compared(deep, lambda x: x, ":int").inputs == 0


def test_a_fault_of_an_engine_agrees_with_nothing() -> None:
    def trap(x: int) -> int:
        raise RuntimeError("unreachable")

    with pytest.raises(CertificationError, match="unreachable"):
        compared(trap, trap, ":int")


def test_examples_come_first_and_count() -> None:
    seen: list[Any] = []
    certificate = compared(seen.append, lambda x: None, ":int", inputs=2, examples={"f": [(42,), (43,)]})
    assert seen[:2] == [42, 43] and certificate.inputs == 4


def test_values_are_compared_and_effects_left_out() -> None:
    exports = [{"name": "limit", "kind": "value"}, export(":int", name="send", effects=["network"])]
    agreeing = {"a": Engine(limit=1), "b": Engine(limit=1)}
    assert certify(agreeing, exports).inputs == 1
    with pytest.raises(CertificationError, match="limit"):
        certify({"a": Engine(limit=1), "b": Engine(limit=1.0)}, exports)


def test_types_that_no_input_can_be_made_for_count_nothing() -> None:
    assert compared(lambda f: 1, lambda f: 2, "[:fn [:int] :int]").inputs == 0


def test_functions_in_results_are_closed() -> None:
    closed: list[bool] = []

    class Handle:
        def __call__(self) -> None: ...

        def close(self) -> None:
            closed.append(True)

    certificate = compared(lambda: [Handle()], lambda: [lambda: 1])
    assert certificate.inputs == 1 and closed == [True]


NAN = float("nan")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (NAN, NAN, True),
        (NAN, -NAN, True),
        (0.0, -0.0, False),
        (1, 1.0, False),
        (1, True, False),
        (None, False, False),
        ("a", Keyword("a"), False),
        (Symbol("a"), Keyword("a"), False),
        (Keyword("a"), Keyword("a"), True),
        ([1, [NAN]], [1, [NAN]], True),
        ([1], [1, 2], False),
        ([1], List([1]), False),
        (List([1]), List([1]), True),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ({1: "x"}, {Keyword("1"): "x"}, False),
        (ErrorValue("Generic", "m", [NAN]), ErrorValue("Generic", "m", [NAN]), True),
        (ErrorValue("Generic", "m"), ErrorValue("Generic", "n"), False),
        (len, print, True),
        (len, 1, False),
    ],
)
def test_sameness(a: Any, b: Any, same: bool) -> None:
    assert same_value(a, b) is same
    assert same_value(b, a) is same


def test_deep_results_are_compared_without_recursion() -> None:
    def nested() -> list[Any]:
        value: list[Any] = []
        for _ in range(100_000):
            value = [value]
        return value

    assert same_value(nested(), nested())


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (":int", lambda v: type(v) is int and I64_MIN <= v <= I64_MAX),
        ("Int", lambda v: type(v) is int),
        (":float", lambda v: type(v) in (int, float)),
        (":bool", lambda v: type(v) is bool),
        (":string", lambda v: type(v) is str and v.encode() is not None),
        (":nil", lambda v: v is None),
        (":keyword", lambda v: isinstance(v, Keyword)),
        (":int?", lambda v: v is None or type(v) is int),
        ("[:vector :int]?", lambda v: v is None or all(type(x) is int for x in v)),
        ("[:vector [:vector :int]]", lambda v: all(type(x) is list for x in v)),
        ("[:array :int [2 ?]]", lambda v: len(v) == 2 and all(type(x) is int for row in v for x in row)),
        ("[:tuple :int :string]", lambda v: type(v[0]) is int and type(v[1]) is str and len(v) == 2),
        ("[:map [:a :int] [:b :string ?]]", lambda v: type(v[Keyword("a")]) is int and len(v) in (1, 2)),
        ("[:map]", lambda v: all(isinstance(k, Keyword) for k in v)),
        ("[:map-of :keyword :int]", lambda v: all(isinstance(k, Keyword) for k in v)),
        ("[:union :int :string]", lambda v: type(v) in (int, str)),
        ('[:enum :a "b" 3 true]', lambda v: v in (Keyword("a"), "b", 3, True)),
        ("[:and :int [:>= 18]]", lambda v: type(v) is int),
        (":any", lambda v: text_of(v) != ""),
    ],
)
def test_values_fit_their_type(text: str, fits: Callable[[Any], bool]) -> None:
    values = [arguments[0] for arguments in argument_lists([text], False, "seed", 80)]
    assert len(values) == 80
    assert all(fits(value) for value in values)


def test_edge_cases_are_always_among_the_inputs() -> None:
    ints = [a[0] for a in argument_lists([":int"], False, "s", 40)]
    assert {0, 1, -1, I64_MIN, I64_MAX} <= set(ints)
    floats = [a[0] for a in argument_lists([":float"], False, "s", 60)]
    assert {"fnan", text_of(-0.0), text_of(float("inf"))} <= {text_of(x) for x in floats}
    texts = [a[0] for a in argument_lists([":string"], False, "s", 30)]
    assert "" in texts and any(not text.isascii() for text in texts)
    vectors = [a[0] for a in argument_lists(["[:vector :int]"], False, "s", 40)]
    assert [] in vectors and any(len(v) > 30 for v in vectors)


def test_rest_arguments_vary_in_number() -> None:
    lists = argument_lists([":string", ":int"], True, "s", 12)
    assert {len(arguments) for arguments in lists} >= {1, 2, 4}
    assert all(type(x) is int for arguments in lists for x in arguments[1:])


def test_undeclared_parameters_often_get_arguments_of_one_kind() -> None:
    lists = argument_lists([":any", ":any", ":any"], False, "s", 40)
    assert sum(all(type(x) is int for x in arguments) for arguments in lists) >= 10
    assert len({type(x) for arguments in lists for x in arguments}) >= 6


def test_no_parameters_one_call() -> None:
    assert argument_lists([], False, "s", 40) == [()]


@pytest.mark.parametrize(
    "text", ["", "[", "]", "[:vector", "[:fn [] :int]", ":nonsense", "[:map :a]", ":int :int"]
)
def test_what_cannot_be_generated(text: str) -> None:
    with pytest.raises(NotGenerable):
        argument_lists([text], False, "s", 1)


def test_types_are_read() -> None:
    assert parse_type("[:map [:a :int ?]]") == [":map", [":a", ":int", "?"]]
    assert parse_type("[:vector :int]?") == ["?", [":vector", ":int"]]


def test_inputs_are_the_same_in_every_process() -> None:
    code = (
        "from runtime.store.agreement import text_of\n"
        "from runtime.store.inputs import argument_lists\n"
        "print(text_of(argument_lists([':any', ':string', '[:map-of :keyword :float]'], False, 's', 50)))"
    )
    command = [sys.executable, "-c", code]
    outputs = [
        subprocess.run(command, capture_output=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] and len(outputs[0]) > 500
