"""Capabilities, policies, sessions and what programs see of them, on both engines."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest

import rtfsc
from rtfsc import Delegation, Event, Keyword, Runtime, capability
from runtime.host.capability import Capability

ENGINES = ["wasm", "evaluator"]
pytestmark = pytest.mark.parametrize("engine", ENGINES)


@capability("my.add")
def add(a: int, b: int = 1) -> int:
    """The sum."""
    return a + b


@capability("my.sum")
def total(*numbers: float) -> float:
    return sum(numbers)


@capability("my.apply")
def apply(f: Any, x: Any) -> Any:
    return f(x)


@capability("my.broken")
def broken() -> int:
    raise LookupError("nothing there")


@capability("my.liar")
def liar() -> int:
    return "text"  # type: ignore[return-value]


class Item(TypedDict):
    name: str
    price: float


@capability("my.items")
def items(wanted: list[str], by: dict[str, int] | None = None) -> list[Item]:
    return [{"name": name, "price": 1.5} for name in wanted]


ALL = [add, total, apply, broken, liar, items]


def value(source: str, engine: str, grant: Any = ALL, **options: Any) -> Any:
    module = Runtime(engine=engine, grant=grant, **options).compile(source)
    return module.__rtfs_instance__.run()


def failure(source: str, engine: str, grant: Any = ALL, **options: Any) -> rtfsc.RtfsError:
    with pytest.raises(rtfsc.RtfsError) as caught:
        value(source, engine, grant, **options)
    return caught.value


def test_call(engine: str) -> None:
    assert value("(call :my.add 1 2)", engine) == 3
    assert value('(call "my.add" 41)', engine) == 42
    assert value("(call :my.sum 1 2.5 3)", engine) == 6.5
    assert value("(map (fn [x] (call :my.add x x)) [1 2 3])", engine) == [2, 4, 6]
    assert value("(apply call :my.add [1 2])", engine) == 3


def test_values_of_every_kind_come_back(engine: str) -> None:
    @capability("echo")
    def echo(x: Any) -> Any:
        return x

    source = """(let [v [1 -5 2.5 "é" :k nil true {:a [1] "b" {}} 4611686018427387904 (vector 1.5 2.5)]]
                  (= v (call :echo v)))"""
    assert value(source, engine, [echo]) is True
    assert value("((call :echo inc) 1)", engine, [echo]) == 2


def test_a_capability_calls_back(engine: str) -> None:
    assert value("(let [k 10] (call :my.apply (fn [x] (+ x k)) 5))", engine) == 15
    nested = "(defn f [n] (if (= n 0) 0 (inc (call :my.apply f (dec n))))) (f 20)"
    assert value(nested, engine) == 20
    error = failure("(call :my.apply (fn [x] (/ x 0)) 5)", engine)
    assert error.kind == "DivisionByZero"
    assert value("(try (call :my.apply (fn [x] (/ x 0)) 5) (catch DivisionByZero e 7))", engine) == 7


def test_negative_integers_come_back(engine: str) -> None:
    module = rtfsc.compile("(defn f [g n] [(call :my.add n 0) (g n)])", grant=[add], engine=engine)
    for n in (-1, -(2**62), -(2**63)):
        assert module.f(rtfsc.HostFunction(lambda x: x), n) == [n, n]


def test_error_values_come_back(engine: str) -> None:
    module = rtfsc.compile(
        """(defn f [g] (let [e (g (try (throw {:type :mine :message "m" :data {:n 1}}) (catch Any e e)))]
             [(:type e) (:message e) (:data e) (try (throw e) (catch :mine _ :again))]))
           (defn g [e] (throw e))""",
        engine=engine,
    )
    again = [Keyword("mine"), "m", {Keyword("n"): 1}, Keyword("again")]
    assert module.f(rtfsc.HostFunction(lambda e: e)) == again
    with pytest.raises(rtfsc.DivisionByZero, match="by hand") as caught:
        module.g(rtfsc.ErrorValue("DivisionByZero", "by hand"))
    assert caught.value.type == Keyword("division-by-zero")
    with pytest.raises(TypeError, match="an error value needs a kind"):
        module.g([rtfsc.ErrorValue("Mine", "m")])


def test_functions_of_the_library_come_out_as_handles(engine: str) -> None:
    module = rtfsc.compile("(defn f [] [(first [inc dec]) +]) (defn g [] comp)", engine=engine)
    add_one, plus = module.f()
    assert (add_one(4), plus(1, 2, 3), module.g()(add_one)(5)) == (5, 6, 6)
    with pytest.raises(rtfsc.RtfsError, match="inc expects a number"):
        add_one("x")


def test_functions_in_the_error_of_a_top_level_can_be_called(engine: str) -> None:
    with pytest.raises(rtfsc.RtfsError, match="No matching clause") as caught:
        rtfsc.compile("(match reduce true 1)", engine=engine)
    function = caught.value.data[Keyword("value")]
    with pytest.raises(rtfsc.ArityError, match="reduce: expected 2 or 3, got 1"):
        function(1)


def test_functions_come_back_to_their_instance_in_any_place(engine: str) -> None:
    @capability("my.pair")
    def pair(f: Any, x: Any) -> Any:
        return [f, {"k": f(f(x))}]

    source = """(defn make [n] (fn [x] [n x]))
                (defn use [v & more] [((first v) 1) (map (fn [f] (f 2)) more)])
                (defn twice [f] (let [[g m] (call :my.pair f 0)] [(g 3) m]))"""
    module = rtfsc.compile(source, grant=[pair], engine=engine)
    f = module.make(7)
    assert module.use([f], f, f) == [[7, 1], [[7, 2], [7, 2]]]
    assert module.twice(f) == [[7, 3], {"k": [7, [7, 0]]}]
    other = rtfsc.compile("(defn f [x] x)", engine=engine)
    with pytest.raises(TypeError, match="has to be granted"):
        other.f([f])


def test_arguments_and_results_are_checked(engine: str) -> None:
    error = failure('(call :my.add 1 "x")', engine)
    assert error.kind == "TypeValidationError"
    assert error.message == "Type validation error: Type mismatch at [1]: expected :int, got string"
    assert error.span == (0, 20)
    assert failure("(call :my.liar)", engine).message.endswith("at value: expected :int, got string")
    assert failure('(call :my.items ["a" 2])', engine).message.endswith(
        "[0][1]: expected :string, got integer"
    )
    assert failure('(call :my.items ["a"] {"k" 1.5})', engine).kind == "TypeValidationError"
    error = failure("(call :my.add)", engine)
    assert error.message == "Arity mismatch in my.add: expected 1 to 2, got 0"
    assert value('(get (first (call :my.items ["a"])) "price")', engine) == 1.5


def test_checked_cast(engine: str) -> None:
    @capability("sensor")
    def sensor() -> Any:
        return "warm"

    error = failure("(let [n : Int (call :sensor)] n)", engine, [sensor])
    assert error.kind == "TypeValidationError"


def test_failures_are_errors_of_the_program(engine: str) -> None:
    error = failure("(call :my.broken)", engine)
    assert (error.kind, error.message) == ("HostError", "Host error: my.broken: nothing there")
    assert value("(try (call :my.broken) (catch HostError e (:type e)))", engine) == Keyword("host-error")

    @capability("fails")
    def fails() -> None:
        raise rtfsc.RtfsError("ApplicationError", "no stock", {Keyword("left"): 0}, Keyword("shop/empty"))

    caught = "(try (call :fails) (catch :shop/empty e [(:type e) (:message e) (:data e)]))"
    assert value(caught, engine, [fails]) == [Keyword("shop/empty"), "no stock", {Keyword("left"): 0}]


def test_limits_are_not_the_programs_to_catch(engine: str) -> None:
    @capability("stop")
    def stop() -> None:
        raise rtfsc.DeadlineExceeded("DeadlineExceeded", "Deadline of 1 ms exceeded")

    assert failure("(try (call :stop) (catch Any e 1))", engine, [stop]).kind == "DeadlineExceeded"


def test_everything_is_denied_unless_granted(engine: str) -> None:
    assert failure("(call :my.add 1 2)", engine, []).kind == "UnknownCapability"
    assert failure('(call :ccos.system.get-env "HOME")', engine, []).kind == "SecurityViolation"
    assert failure('(println "x")', engine, [add]).kind == "SecurityViolation"
    assert failure("(call :my.add 1 2)", engine, ALL, security="pure").kind == "SecurityViolation"
    assert value("(call :my.add 1 2)", engine, ALL, security="controlled") == 3
    assert value("(pos? (tool/time-ms))", engine, [], security="full") is True


def test_levels_set_limits(engine: str) -> None:
    assert Runtime(engine=engine, security="pure").limits.deadline_ms == 1000
    assert Runtime(engine=engine, security="controlled").limits.memory_bytes == 64 << 20
    assert Runtime(engine=engine, security="pure", limits=rtfsc.Limits(deadline_ms=7)).limits.deadline_ms == 7
    with pytest.raises(ValueError, match="security must be one of"):
        Runtime(engine=engine, security="some")


def test_context(engine: str) -> None:
    given = {"context": {"plan-id": "p7", "rate": 3}}
    assert value("[plan-id (get :rate) @rate (context/get :none)]", engine, **given) == ["p7", 3, 3, None]
    assert value("(do (context/set :rate 4) (context/get :rate))", engine, **given) == 4
    assert failure("rates", engine, **given).kind == "UndefinedSymbol"
    module = Runtime(engine=engine).compile(
        "(defn put [x] (context/set :x x)) (defn take [] (context/get :x))"
    )
    module.put([1, 2])
    assert module["take"]() == [1, 2]


def test_a_function_of_the_context(engine: str) -> None:
    context = {"twice": rtfsc.HostFunction(lambda x: 2 * x)}
    assert value("(twice 21)", engine, context=context) == 42


def test_observer_is_told_of_steps_and_calls(engine: str) -> None:
    told: list[Event] = []
    source = """(step "outer" :params {"k" 1}
                  ^{:runtime.timeout 5} (call :my.add 1 2)
                  (try (step "bad" (/ 1 0)) (catch Any e 9)))"""
    assert value(source, engine, observer=told.append) == 9
    seen = [(event.kind, event.name, dict(event.hints)) for event in told]
    assert seen == [
        ("step-started", "outer", {}),
        ("call", "my.add", {"runtime.timeout": 5}),
        ("step-started", "bad", {}),
        ("step-failed", "bad", {}),
        ("step-completed", "outer", {}),
    ]
    assert told[0].detail == {Keyword("params"): {"k": 1}}
    assert told[3].detail.kind == "DivisionByZero"
    assert told[4].detail == 9


def test_hints_are_cleared_after_errors(engine: str) -> None:
    told: list[Event] = []
    source = "(do (try ^{:runtime.a 1} (call :my.broken) (catch Any e 0)) (call :my.add 1 2))"
    assert value(source, engine, observer=told.append) == 3
    assert [(event.kind, dict(event.hints)) for event in told] == [
        ("call-failed", {"runtime.a": 1}),
        ("call", {}),
    ]


def test_delegation(engine: str) -> None:
    asked: list[Delegation] = []

    def delegate(request: Delegation) -> tuple[bool, Any]:
        asked.append(request)
        return (True, "by model") if request.arguments[0] == "hard" else (False, None)

    source = """(defn ^:delegation :local-model "tiny" classify [x {:keys [k]}] (str x k))
                [(classify "hard" {:k 1}) (classify "easy" {:k 2})]"""
    assert value(source, engine, delegate=delegate) == ["by model", "easy2"]
    assert asked[0] == Delegation("classify", "local-model", "tiny", ["hard", {Keyword("k"): 1}])
    assert value(source, engine) == ["hard1", "easy2"]
    typed = '(defn ^:delegation :remote "m" f [x] : Int x) (f "hard")'
    assert failure(typed, engine, delegate=delegate).kind == "TypeValidationError"


def test_effects_of_exports(engine: str) -> None:
    module = rtfsc.compile(
        """(defn price [x] (call :my.add x))
           (defn log-price [x] (println (price x)))
           (defn pure [x] (* 2 x))
           (defn later [xs] (map println xs))
           (defn dynamic [id] (call id))
           (defn passed [xs] (map call xs))""",
        engine=engine,
    )
    effects = {name: list(export["effects"]) for name, export in module.__rtfs_exports__.items()}
    assert effects == {
        "price": ["my.add"],
        "log-price": ["ccos.io.println", "my.add"],
        "pure": [],
        "later": ["ccos.io.println"],
        "dynamic": ["*"],
        "passed": ["*"],
    }


def test_an_exception_of_a_host_ends_the_run(engine: str) -> None:
    def observer(event: Event) -> None:
        raise KeyError("observer")

    with pytest.raises(KeyError, match="observer"):
        value("(try (call :my.add 1 2) (catch Any e 0))", engine, observer=observer)


def test_signature(engine: str) -> None:
    assert add.signature == "[:fn [:int :int] :int]"
    assert total.signature == "[:fn [& :float] :float]"
    taken = "[[:vector :string] [:union [:map-of :string :int] :nil]]"
    assert items.signature == f"[:fn {taken} [:vector [:map [:name :string] [:price :float]]]]"
    assert isinstance(add, Capability)
    assert add.doc == "The sum."


def test_calls_that_nest_too_deeply_through_the_host_are_a_stack_overflow(engine: str) -> None:
    source = "(defn f [x] (if (= x 0) 0 (inc (call :my.apply (fn [y] (f (dec y))) x))))"
    assert value(f"{source} (f 40)", engine) == 40
    caught = value(f"{source} (try (f 100000) (catch StackOverflow e [(:type e) (:message e)]))", engine)
    assert caught == [Keyword("stack-overflow"), "Stack overflow"]


def test_errors_with_what_is_no_text(engine: str) -> None:
    def lost() -> None:
        raise FileNotFoundError(2, "no such file", "caf\udce9")

    def odd() -> None:
        raise ValueError("caf\udce9")

    grant = [capability("my.lost")(lost), capability("my.odd")(odd)]
    for id, kind in (("my.lost", "IoError"), ("my.odd", "HostError")):
        found = value(f"(try (call :{id}) (catch {kind} e (:message e)))", engine, grant)
        assert "caf" in found and "dce9" in found
