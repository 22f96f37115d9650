"""What a module gives to Python: exports, values both ways, errors, limits, closing."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from deadlines import in_time

import rtfsc
from rtfsc import ErrorValue, Keyword, List, Symbol

Compile = Callable[..., rtfsc.Module]

SHOP = """
(def rate 19)
(defn price-of
  "With tax.
   example: (price-of 100) => 119"
  [net : Int] : Int
  (+ net (/ (* net rate) 100)))
(defn big? [x] (> x 1000))
(defn total [& amounts] (reduce + 0 amounts))
"""


def test_exports_are_attributes_and_items(compile: Compile, engine: str) -> None:
    module = compile(SHOP)
    assert list(module) == ["rate", "price-of", "big?", "total"]
    assert module.rate == module["rate"] == 19
    assert module.price_of(100) == module["price-of"](100) == 119
    assert module.big(2000) is True and module["big?"](2) is False
    assert module.total() == 0 and module.total(1, 2, 3) == 6
    assert "price-of" in module and "price_of" not in module
    assert {"rate", "price_of", "big", "total"} <= set(dir(module))
    assert module.price_of is module.price_of, "the second look-up costs nothing"
    origin = module.__provenance__
    assert (origin.origin, origin.engine, origin.signer) == ("compiled", engine, None)
    assert (origin.digest is None) == (engine == "evaluator")


def test_what_is_not_exported(compile: Compile) -> None:
    module = compile(SHOP)
    with pytest.raises(AttributeError, match=r"no 'nope'; exports: big\?, price-of, rate, total"):
        module.nope  # noqa: B018
    with pytest.raises(KeyError):
        module["nope"]
    assert not hasattr(module, "__len__")
    with pytest.raises(AttributeError, match="exports: none"):
        compile("").x  # noqa: B018


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**63 - 1, -(2**63), 0.0, 1.5, math.inf, "", "é→😀\0", [],
        [1, [2.5, None]], {}, {"a": 1, 2: "x", Keyword("k"): [True]}, Keyword("a.b/c"), Symbol("s"),
        List(), List([1, List([2])]),
        uuid.UUID("12345678-1234-5678-1234-567812345678"), rtfsc.Timestamp("2026-01-31T00:00:00Z"),
        rtfsc.Resource("resource://x/y"),
    ],
    ids=repr,
)  # fmt: skip
def test_values_come_back_the_same(compile: Compile, value: Any) -> None:
    got = compile("(defn same [x] x)").same(value)
    assert got == value and type(got) is type(value)


def test_what_crosses_differently(compile: Compile) -> None:
    module = compile("(defn same [x] x) (defn kind [x] (type-name x))")
    assert module.same((1, 2)) == [1, 2] and module.kind((1,)) == "vector" and module.kind(List()) == "list"
    assert math.isnan(module.same(math.nan))
    assert list(module.same({Keyword("b"): 1, Keyword("a"): 2})) == [Keyword("b"), Keyword("a")]
    assert module.kind(True) == "boolean" and module.kind(1) == "integer"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2**63, OverflowError, "argument 0"),
        ("\ud800", ValueError, "argument 0"),
        (object(), TypeError, r"argument 0: "),
        ([1, {"a": b"x"}], TypeError, r"argument 0\[1\]\[.a.\]"),
        ({1.5: 1}, TypeError, "argument 0"),
        ({1, 2}, TypeError, "argument 0"),
        (len, TypeError, "HostFunction"),
    ],
    ids=["2**63", "surrogate", "object", "bytes inside", "float key", "set", "callable"],
)
def test_what_cannot_cross(compile: Compile, value: Any, error: type[Exception], text: str) -> None:
    module = compile("(defn same [x] x)")
    with pytest.raises(error, match=text):
        module.same(value)
    assert module.same(1) == 1


def test_string_keys_become_keywords_where_a_record_is_declared(compile: Compile) -> None:
    module = compile("(defn net [item : [:map [:price :int]]] (:price item)) (defn any [m] (:price m))")
    assert module.net({"price": 3}) == module.net({Keyword("price"): 3}) == 3
    assert module.any({"price": 3}) is None


def test_functions_of_both_sides(compile: Compile) -> None:
    module = compile("(defn twice [f x] (f (f x))) (defn adder [n] (fn [x] (+ x n)))")
    assert module.twice(rtfsc.HostFunction(lambda x: x * 10), 3) == 300
    with module.adder(5) as add:
        assert add(1) == 6 and module.twice(add, 1) == 11
    with pytest.raises(rtfsc.InstanceClosed):
        add(1)


def test_an_exception_of_a_host_function_passes_through_the_program(compile: Compile) -> None:
    module = compile("(defn call [f] (try (f) (catch _ e :caught) (finally (inc 1))))")

    def broken() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        module.call(rtfsc.HostFunction(broken))
    assert module.call(rtfsc.HostFunction(lambda: 7)) == 7


def test_errors_as_values(compile: Compile) -> None:
    module = compile("(defn f [x] (try (/ 1 x) (catch _ e e)))")
    error = module.f(0)
    assert isinstance(error, ErrorValue) and error.kind == "DivisionByZero"
    assert error.message == "Division by zero" and error.type == Keyword("division-by-zero")


ERRORS = """(defn divide [a b] (/ a b))
(defn grow [n] (* n 9223372036854775807))
(defn pick [v i] (nth v i))
(defn own [] (throw {:type :sold-out :message "Nothing left" :data {:item 7}}))
(defn typed [x : Int] x)
(defn deep [n] (+ 1 (deep n)))
(defn unknown [] (no-such-name))
"""


@pytest.mark.parametrize(
    ("call", "kind", "code", "also", "excerpt"),
    [
        (("divide", 1, 0), "DivisionByZero", "R005", ZeroDivisionError, "(/ a b)"),
        (("grow", 2), "ArithmeticOverflow", "R006", OverflowError, "(* n 9223372036854775807)"),
        (("pick", [1], 5), "IndexOutOfBounds", "R007", IndexError, "(nth v i)"),
        (("typed", "x"), "TypeValidationError", "R010", TypeError, "x"),
        (("divide", 1), "ArityMismatch", "R004", TypeError, None),
        (("deep", 1), "StackOverflow", "R026", RecursionError, "(deep n)"),
        (("unknown",), "UndefinedSymbol", "R003", rtfsc.UndefinedSymbol, "no-such-name"),
    ],
)
def test_errors_of_programs(
    compile: Compile, call: tuple[Any, ...], kind: str, code: str, also: type[Exception], excerpt: str | None
) -> None:
    module = compile(ERRORS)
    name, *arguments = call
    with pytest.raises(rtfsc.RtfsError) as caught:
        module[name](*arguments)
    error = caught.value
    assert (error.kind, error.code) == (kind, code) and isinstance(error, also)
    assert str(error) == error.message
    assert (error.span and ERRORS[slice(*error.span)]) == excerpt
    assert module.divide(6, 3) == 2, "the module can be called again"


def test_an_error_of_the_programs_own(compile: Compile) -> None:
    with pytest.raises(rtfsc.RtfsError, match="Nothing left") as caught:
        compile(ERRORS).own()
    assert caught.value.type == Keyword("sold-out") and caught.value.data == {Keyword("item"): 7}


def test_refused_source() -> None:
    with pytest.raises(rtfsc.DiagnosticError) as caught:
        rtfsc.compile("(def a 1)\n(let [b 2) b)", filename="shop.rtfs")
    error = caught.value
    assert (error.code, error.span) == ("S003", (19, 20)) and "shop.rtfs:2:10" in str(error)
    assert isinstance(error.diagnostics[0], rtfsc.Diagnostic)


def test_a_top_level_that_fails(compile: Compile) -> None:
    with pytest.raises(rtfsc.ArityError) as caught:
        compile("(def x 1)\n(inc 1 2)")
    assert caught.value.span == (10, 19)
    assert [warning.code for warning in caught.value.warnings] == ["N002"]


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match="engine must be 'wasm' or 'evaluator', not 'jit'"):
        rtfsc.compile("1", engine="jit")
    with pytest.raises(ValueError, match="level"):
        rtfsc.compile("1", level=7)
    with pytest.raises(TypeError):
        rtfsc.compile(b"1")  # type: ignore[arg-type]


# -- limits


def test_limits(compile: Compile) -> None:
    source = """
        (defn spin [n] (spin n)) (defn grow [v] (grow (concat v v)))
        (defn ok [] 1) (defn long [n] (range n))"""
    brief = compile(source, limits=rtfsc.Limits(deadline_ms=300))
    module = compile(source, limits=rtfsc.Limits(memory_bytes=16 << 20, output_bytes=10_000))
    with pytest.raises(rtfsc.DeadlineExceeded) as caught:
        brief.spin(1)
    assert in_time(brief.ok) == 1
    assert isinstance(caught.value, rtfsc.LimitExceeded) and caught.value.kind == "DeadlineExceeded"
    with pytest.raises(rtfsc.MemoryLimitExceeded):
        module.grow([1, 2, 3])
    with pytest.raises(rtfsc.OutputLimitExceeded):
        module.long(0x2000)
    assert module.ok() == 1 and len(module.long(10)) == 10
    with pytest.raises(rtfsc.FuelExhausted):
        compile(source, limits=rtfsc.Limits(fuel=10_000)).spin(1)


# -- closing


def test_closing(compile: Compile) -> None:
    with compile("(defn f [] 1)") as module:
        function = module.f
        assert function() == 1
    module.close()
    with pytest.raises(rtfsc.InstanceClosed):
        function()


def test_threads_take_turns(compile: Compile) -> None:
    module, results = compile("(defn sum [n] (reduce + 0 (range n)))"), []
    threads = [threading.Thread(target=lambda n=n: results.append(module.sum(n))) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [n * (n - 1) // 2 for n in range(50)]


def test_everything_that_is_exported_is_there() -> None:
    assert sorted(rtfsc.__all__) == rtfsc.__all__
    for name in rtfsc.__all__:
        assert getattr(rtfsc, name) is not None
    assert set(rtfsc.__all__) <= set(dir(rtfsc))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        rtfsc.nope  # noqa: B018


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
def test_names_that_the_interface_uses_itself(engine: str) -> None:
    text = "(defn $init [] 1) (defn $apply [] 2) (def x 3) (defn =x [] 4)"
    text += " (defn =f [n] (if (< n 2) n (=f (- n 1)))) (defn make [] (fn [] 5))"
    module = rtfsc.compile(text, engine=engine)
    assert [module[name]() for name in ("$init", "$apply", "=x")] == [1, 2, 4]
    assert module.x == 3 and module["=f"](5) == 1 and module.make()() == 5


def test_nothing_of_a_closed_module_can_be_reached(engine: str) -> None:
    source = "(def number 5) (def items [1 2]) (defn f [x] x) (defn g [] (fn [x] x)) 7"
    module = rtfsc.compile(source, engine=engine)
    instance, function, handle = module.__rtfs_instance__, module.f, module.g()
    module.close()
    for use in (
        lambda: module["number"], lambda: module["items"], lambda: module["f"](1), lambda: module.g(),
        lambda: function([1]), lambda: handle(1), instance.run, instance.run_printed,
    ):  # fmt: skip
        with pytest.raises(rtfsc.InstanceClosed, match="closed"):
            use()
    assert module.__rtfs_memory__ == 0
    instance.router()(0, True)
    handle.close()
    module.close()
