"""Calls that models answer, in programs on both engines: decisions, faults, fallbacks, budgets."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from scripted import Scripted

import rtfsc
from runtime.delegation.context import Environment
from runtime.delegation.engine import StaticDelegationEngine
from runtime.delegation.setup import Delegating, open_delegation
from runtime.delegation.types import DelegationMetadata, RemoteModel
from runtime.engine import Runtime
from runtime.host.session import Delegation
from runtime.obs.events import Bus, Event
from runtime.providers.base import Request, Response
from runtime.providers.errors import Garbled, Refused, Unavailable
from runtime.values import Keyword, Limits, RtfsError

RULE = '[[rule]]\nname = "r"\nsymbol = "f"\ntarget = "remote-m"\nretries = 0\n'
BODY = RULE + 'fallback = ["local-pure"]\n'
F = '(defn f "What f is for" [x : Int] : Int (* 2 x))'


@pytest.fixture(params=["wasm", "evaluator"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[0, 2])
def level(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def model(*answers: Any, id: str = "m", local: bool = False) -> Scripted:
    return Scripted(*answers, id=id, local=local)


@pytest.fixture
def slow() -> Iterator[Callable[[Request], str]]:
    """Answers when the test is over: who waits for it fails."""
    over = threading.Event()

    def answer(_: Request) -> str:
        over.wait(120)
        return "1"

    yield answer
    over.set()


def broken(_: Request) -> str:
    raise RuntimeError("a mistake of the provider")


def run(source: str, engine: str, delegating: Delegating, **options: Any) -> rtfsc.Module:
    return Runtime(engine=engine, delegation=delegating, **options).compile(source)


def failure(call: Callable[[], Any]) -> RtfsError:
    with pytest.raises(RtfsError) as raised:
        call()
    return raised.value


# --- hints


def test_hints_ask_the_model_they_name(engine: str, level: int) -> None:
    asked = model("42", id="big")
    source = '(defn ^:delegation :remote "big" f "Doc" [x : Int] : Int (* 2 x)) (defn g [] (+ 1 (f 20)))'
    module = run(source, engine, open_delegation(models=[asked]), level=level)
    assert (module.f(1), module.g()) == (42, 43)
    shown = asked.requests[0].messages[-1].content
    assert "(f [x : :int] : :int)" in shown
    assert "Doc" in shown


def test_local_means_the_body_whatever_rules_say(engine: str) -> None:
    asked = model("42")
    module = run(
        F.replace("defn f", "defn ^:delegation :local f"), engine, open_delegation(text=RULE, models=[asked])
    )
    assert module.f(4) == 8
    assert asked.requests == []


def test_a_hint_goes_before_rules(engine: str) -> None:
    asked, other = model("42"), model("7", id="o")
    source = F.replace("defn f", 'defn ^:delegation :remote "o" f')
    assert run(source, engine, open_delegation(text=RULE, models=[asked, other])).f(4) == 7
    assert asked.requests == []


@pytest.mark.parametrize(
    "answer", [Unavailable("m", "nobody answers"), Garbled("m", "no JSON"), "not an int", '"text"', broken]
)
def test_where_a_hinted_model_fails_the_body_runs(answer: Any, engine: str) -> None:
    source = F.replace("defn f", 'defn ^:delegation :remote "m" f')
    text = "[defaults]\nretries = 0"
    assert run(source, engine, open_delegation(text=text, models=[model(answer)])).f(4) == 8


def test_a_hint_at_a_model_that_is_not_there_is_the_body(engine: str) -> None:
    source = F.replace("defn f", 'defn ^:delegation :local-model "none" f')
    assert run(source, engine, open_delegation()).f(4) == 8
    remote = open_delegation(models=[model("1", id="none")])
    assert run(source, engine, remote).f(4) == 8, "a model elsewhere is not asked as a local one"


# --- rules


def test_functions_that_nobody_marked_are_routed(engine: str, level: int) -> None:
    asked = model("42")
    source = F + "(defn g [x] [(f x) (map f [1 2])]) (defn ^:private h [x] x)"
    module = run(source, engine, open_delegation(text=RULE, models=[asked]), level=level)
    assert module.g(3) == [42, [42, 42]]
    assert module.f(3) == 42
    assert len(asked.requests) == 3, "what was answered once is kept: f(1), f(2), f(3)"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Unavailable("m", "nobody answers"), "unavailable"), (Garbled("m", "no JSON"), "garbage"),
        (Refused("m", "against the rules"), "refused"), ("hello there", "wrong-type"),
        ('"text"', "wrong-type"), (broken, "crashed"),
    ],
)  # fmt: skip
def test_faults_are_errors_of_the_program_alike_on_both_engines(answer: Any, reason: str) -> None:
    source = F + "(defn g [x]\n (+ 1 (f x)))\n(defn tail [x] (f x))\n(defn all [xs] (map f xs))"
    calls = [("g", 3), ("tail", 3), ("all", [3]), ("f", 3)]
    found = []
    for engine in ("wasm", "evaluator"):
        for level in (0, 2):
            delegating = open_delegation(text=RULE, models=[model(answer)])
            module = run(source, engine, delegating, level=level)
            for name, argument in calls:
                error = failure(lambda name=name, argument=argument, module=module: module[name](argument))
                assert error.data[Keyword("reason")] == reason
                found.append((error.kind, error.message, error.data, error.span))
    assert found[0][0] == "HostError"
    assert found[0][1].startswith("Host error: f by remote-m: ")
    start, end = found[0][3]
    assert source[start - len("(defn ") : end] == "(defn f", "whoever called it, and from wherever"
    assert found.count(found[0]) == 4 * len(calls)


def test_programs_catch_them(engine: str) -> None:
    source = F + "(defn g [x] (try (f x) (catch HostError e [:failed (:type e)])))"
    module = run(source, engine, open_delegation(text=RULE, models=[model("?")]))
    assert module.g(3)[0] == Keyword("failed")


@pytest.mark.parametrize("answer", [Unavailable("m", "down"), "no int", broken])
def test_the_declared_fallback_is_tried_next(answer: Any, engine: str) -> None:
    text = RULE + 'fallback = ["local-n", "local-pure"]\n'
    second = model("9", id="n", local=True)
    module = run(F, engine, open_delegation(text=text, models=[model(answer), second]))
    assert module.f(3) == 9
    module = run(F, engine, open_delegation(text=text, models=[model(answer), model(answer, id="n")]))
    assert module.f(3) == 6


def test_a_slow_model_is_not_waited_for_longer_than_the_rule_says(engine: str, slow: Any) -> None:
    module = run(F, engine, open_delegation(text=BODY + "timeout_ms = 50\n", models=[model(slow)]))
    assert module.f(3) == 6


def test_the_deadline_of_the_program_bounds_what_a_rule_allows(engine: str, slow: Any) -> None:
    source = F.replace("(* 2 x)", "(loop [i 0] (recur (+ 1 i)))")
    delegating = open_delegation(text=BODY, models=[model(slow)])
    error = failure(lambda: run(source, engine, delegating, limits=Limits(deadline_ms=100)).f(3))
    assert error.kind == "DeadlineExceeded"


def test_retries_and_the_breaker(engine: str) -> None:
    asked = model(Unavailable("m", "down"))
    text = BODY.replace("retries = 0", "retries = 2") + "timeout_ms = 60000\n"
    delegating = open_delegation(text=text, models=[asked])
    module = run(F, engine, delegating)
    assert [module.f(n) for n in range(4)] == [0, 2, 4, 6]
    assert len(asked.requests) == 5, "after five failures it is left alone"
    assert delegating.breakers.states() == {"m": "open"}


def test_wrong_answers_are_not_kept(engine: str) -> None:
    asked = model("nonsense", "more nonsense", "5")
    module = run(F, engine, open_delegation(text=RULE, models=[asked]))
    assert failure(lambda: module.f(3)).kind == "HostError"
    assert [module.f(3), module.f(3)] == [5, 5]
    assert len(asked.requests) == 3


def test_arguments_of_a_wrong_type_are_the_business_of_the_body(engine: str) -> None:
    asked = model("5")
    module = run(F + '(defn g [] (f (first ["a"])))', engine, open_delegation(text=RULE, models=[asked]))
    error = failure(lambda: module.g())
    assert (error.kind, error.data[Keyword("actual")]) == ("TypeValidationError", "string")
    assert asked.requests == []


def test_functions_as_arguments_stay_here(engine: str) -> None:
    asked = model("5")
    source = "(defn f [g x] (g x)) (defn h [] (f inc 1))"
    assert run(source, engine, open_delegation(text=BODY, models=[asked])).h() == 2
    error = failure(lambda: run(source, engine, open_delegation(text=RULE, models=[asked])).h())
    assert error.data[Keyword("reason")] == "refused"
    assert asked.requests == []


def test_rest_and_destructured_parameters_arrive(engine: str, level: int) -> None:
    asked = model("5")
    source = """(defn f [a & more] 0) (defn g [[x y] {:keys [k]}] 0)
                (defn h [] [(f 1 2 3) (f 1) (g [1 2] {:k 3})])"""
    text = RULE.replace('"f"', '["f", "g"]')
    assert run(source, engine, open_delegation(text=text, models=[asked]), level=level).h() == [5, 5, 5]
    assert "1" in asked.requests[0].messages[-1].content


def test_huge_arguments(engine: str) -> None:
    asked = model("5")
    source = "(defn f [xs] (count xs)) (defn h [n] (f (vec (range n))))"
    assert run(source, engine, open_delegation(text=BODY, models=[asked])).h(100_000) == 5


def test_inside_forms_that_hold_state(engine: str) -> None:
    source = F + '(defn g [] [(map f [1 2]) (step "s" (f 3)) (step-parallel (f 4) (f 5))])'
    module = run(source, engine, open_delegation(text=RULE, models=[model("1")]))
    assert module.g() == [[1, 1], 1, [1, 1]]


# --- who asks


def test_tenants_have_rules_and_answers_of_their_own(engine: str) -> None:
    asked = model(lambda _: str(len(asked.requests)))
    delegating = open_delegation(text=RULE + 'tenant = ["a", "b"]\n', models=[asked])

    def call(tenant: str) -> int:
        return int(run(F, engine, delegating, environment=Environment(tenant)).f(10))

    assert [call("a"), call("b"), call("a"), call("c")] == [1, 2, 1, 20]


def test_private_data_stay_here(engine: str) -> None:
    asked = model("1")
    delegating = open_delegation(text=BODY, models=[asked])
    private = Environment(privacy="private")
    assert run(F, engine, delegating, environment=private).f(3) == 6
    hinted = F.replace("defn f", 'defn ^:delegation :remote "m" f')
    assert run(hinted, engine, delegating, environment=private).f(3) == 6
    assert asked.requests == []


def test_rules_about_capabilities_and_effects(engine: str) -> None:
    text = RULE.replace('symbol = "f"', 'effect = "ccos.system.*"\npermission = "ccos.system.get-env"')
    source = "(defn f [x] (call :ccos.system.get-env x)) (defn g [x] x)"
    delegating = open_delegation(text=text, models=[model('"asked"')])
    granted = run(source, engine, delegating, grant=["ccos.system.get-env=*"])
    assert (granted.f("RTFSC_NO_SUCH"), granted.g("a")) == ("asked", "a")
    assert failure(lambda: run(source, engine, delegating).f("a")).kind == "SecurityViolation"


def test_budgets(engine: str) -> None:
    text = BODY + 'max_cost = 0.5\nmax_latency_ms = 100\n[models.m]\nprovider = "echo"\n'
    asked = model("1")
    assert run(F, engine, open_delegation(text=text, models=[asked])).f(3) == 1
    for limit in ("cost = 1.0", "latency_ms = 200"):
        assert run(F, engine, open_delegation(text=text + limit, models=[asked])).f(3) == 6


def test_what_happens_is_told(engine: str) -> None:
    bus, told = Bus(), []
    bus.subscribe(told.append)
    delegating = open_delegation(text=BODY, models=[model(Unavailable("m", "down"))], emit=bus)
    run(F, engine, delegating, emit=lambda _: None).f(3)
    names = [event.name for event in told if not event.name.startswith("cache")]
    assert names == ["call.decided", "model.failed", "call.failed"]
    decided: Event = next(event for event in told if event.name == "call.decided")
    assert decided.attributes["target"] == "remote-m"
    assert decided.attributes["decided_by"] == "rule r (delegation.toml:1)"


def test_declared_functions_ask_by_the_policy(engine: str) -> None:
    source = '(declare f [x : Int] : Int "Twice the number") (defn g [x] (+ 1 (f x)))'
    asked = model("8")
    assert run(source, engine, open_delegation(text=RULE, models=[asked])).g(4) == 9
    assert failure(lambda: run(source, engine, open_delegation()).g(4)).kind == "UndefinedSymbol"


# --- planners and other engines


def test_a_planner_proposes_where_no_rule_fits(engine: str) -> None:
    def plan(call: Delegation) -> DelegationMetadata | None:
        if call.function != "f":
            return None
        sure = call.arguments[0] / 10
        return DelegationMetadata(sure, "looks hard", "planner", RemoteModel("m"))

    source = F + "(defn g [x] [(f x) (f 1)])"
    delegating = open_delegation(models=[model("42")], planner=plan)
    module = run(source, engine, delegating)
    assert [module.g(9), module.f(2), module.g(8)] == [[42, 2], 4, [42, 2]]
    call = Delegation("f", "routed", None, [9])
    decision = delegating.dispatcher.decide(call)
    assert (decision.decided_by, decision.reasoning, decision.confidence) == ("planner", "looks hard", 0.9)
    private = delegating.dispatcher_for(Environment(privacy="private")).decide(call)
    assert (str(private.target), private.rejected[0].reason) == ("local-pure", "the data are private")
    unsure = delegating.dispatcher.decide(Delegation("f", "routed", None, [1]))
    assert unsure.rejected[0].reason == "confidence 0.1 is below 0.65"
    ruled = open_delegation(text=RULE, models=[model("7")], planner=plan)
    assert run(source, engine, ruled).g(9) == [7, 7]


def test_another_engine_decides(engine: str) -> None:
    table = StaticDelegationEngine({"f": RemoteModel("m")})
    module = run(F + "(defn g [x] (+ 1 (f x)))", engine, open_delegation(models=[model("42")], engine=table))
    assert (module.f(1), module.g(1)) == (42, 43)


def test_hints_are_not_obeyed_where_the_file_says_so_or_the_budget_is_too_small(engine: str) -> None:
    source = F.replace("defn f", 'defn ^:delegation :remote "m" f')
    ruled = open_delegation(text="[defaults]\nhints = false\n" + RULE.replace("-m", "-o"),
                            models=[model("1"), model("2", id="o")])  # fmt: skip
    assert run(source, engine, ruled).f(3) == 2
    dear = '[defaults]\nmax_cost = 1\n[models.m]\nprovider = "echo"\ncost = 2\n'
    assert run(source, engine, open_delegation(text=dear, models=[model("1")])).f(3) == 6


def test_an_interrupt_ends_the_run_and_says_nothing_of_the_model(engine: str) -> None:
    def interrupted(_: Request) -> str:
        signal.raise_signal(signal.SIGINT)
        time.sleep(1)
        return "1"

    delegating = open_delegation(text=BODY, models=[model(interrupted)])
    module = run(F, engine, delegating)
    with pytest.raises(KeyboardInterrupt):
        module.f(3)
    assert delegating.breakers.of("m")._failed == 0


def test_a_tenant_spends_no_more_than_its_budget(engine: str) -> None:
    text = RULE + '[defaults]\nbudget = 0.25\n[models.m]\nprovider = "echo"\ncost = 0.1\n'
    delegating = open_delegation(text=text, models=[model("1")])
    module = run(F, engine, delegating)
    assert [module.f(1), module.f(2), module.f(1)] == [1, 1, 1], "what is kept costs nothing"
    error = failure(lambda: module.f(3))
    assert error.data[Keyword("reason")] == "budget"
    assert "0.2 of the budget of 0.25 is spent" in error.message
    assert run(F, engine, delegating, environment=Environment("other")).f(3) == 1
    assert delegating.spending.spent() == {"": 0.2, "other": 0.1}
    assert delegating.breakers.states() == {"m": "closed"}


def test_three_calls_for_a_tenth_cost_three_tenths(engine: str) -> None:
    text = RULE + '[defaults]\nbudget = 0.3\n[models.m]\nprovider = "echo"\ncost = 0.1\n'
    delegating = open_delegation(text=text, models=[model("1")])
    module = run(F, engine, delegating)
    assert [module.f(n) for n in range(3)] == [1, 1, 1]
    assert failure(lambda: module.f(3)).data[Keyword("reason")] == "budget"
    assert delegating.spending.spent() == {"": 0.3}


def test_budgets_hold_among_threads() -> None:
    text = RULE + '[defaults]\nbudget = 1\n[models.m]\nprovider = "echo"\ncost = 0.1\n'
    asked = model("1")
    delegating = open_delegation(text=text, models=[asked])
    modules = [run(F, "evaluator", delegating) for _ in range(8)]

    def call(at: int) -> str:
        try:
            return str(modules[at % 8].f(at))
        except RtfsError as error:
            return str(error.data[Keyword("reason")])

    with ThreadPoolExecutor(8) as pool:
        # A module runs one call at a time.
        answers = [
            a for some in pool.map(lambda k: [call(8 * i + k) for i in range(5)], range(8)) for a in some
        ]
    assert sorted(answers) == ["1"] * 10 + ["budget"] * 30 and len(asked.requests) == 10


def test_what_is_too_dear_says_nothing_of_the_model() -> None:
    text = RULE + '[defaults]\nbudget = 0.5\n[models.m]\nprovider = "echo"\ncost = 0.1\n'
    delegating = open_delegation(text=text, models=[model(*[Unavailable("m", "down")] * 5, "1")])
    module = run(F, "evaluator", delegating)
    for n in range(5):
        failure(lambda n=n: module.f(n))  # type: ignore[misc]
    breaker = delegating.breakers.of("m")
    assert breaker.state == "open"
    breaker._clock = lambda: float("inf")
    for n in range(2):
        assert failure(lambda n=n: module.f(n)).data[Keyword("reason")] == "budget"  # type: ignore[misc]
    assert breaker.state == "half-open", "nobody has asked the model since"


class Dear(Scripted):
    def cost_per_call(self) -> float:
        return 0.5


def test_models_that_are_brought_along_say_what_they_cost(engine: str) -> None:
    dear = Dear("1", id="m", local=False)
    assert run(F, engine, open_delegation(text=BODY + "max_cost = 0.4\n", models=[dear])).f(4) == 8
    assert run(F, engine, open_delegation(text=BODY + "max_cost = 0.6\n", models=[dear])).f(4) == 1
    known = BODY + "max_cost = 0.4\n[models.m]\ncost = 0.3\n"
    assert run(F, engine, open_delegation(text=known, models=[dear])).f(5) == 1, "the file knows better"


class Odd(Scripted):
    def infer(self, request: Request, on_text: Any = None) -> Any:
        return self._answers[0]


@pytest.mark.parametrize("given", [None, 7, "7", Response(None, "m", "1"), Response(b"7", "m", "1")])  # type: ignore[arg-type]
def test_providers_that_give_no_response_answer_garbage(given: Any) -> None:
    delegating = open_delegation(text=RULE, models=[Odd(given, id="m", local=False)])
    error = failure(lambda: run(F, "evaluator", delegating).f(3))
    assert error.data[Keyword("reason")] == "garbage" and delegating.breakers.of("m")._failed == 1


def patient_and_hasty(hasty_ms: int) -> tuple[Any, Any, threading.Event, threading.Event]:
    """Two programs with one model between them. The events: it was asked, and it may answer."""
    asked, end = threading.Event(), threading.Event()

    def answer(_: Request) -> str:
        asked.set()
        end.wait(60)
        return "1"

    delegating = open_delegation(text=RULE, models=[model(answer)])
    patient, hasty = (
        run(F, "evaluator", delegating, limits=Limits(deadline_ms=ms)) for ms in (60_000, hasty_ms)
    )
    return patient, hasty, asked, end


def test_who_waits_for_the_same_question_waits_his_own_time() -> None:
    """The first one has all the time of the world, the second one a moment."""
    patient, hasty, asked, end = patient_and_hasty(200)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(patient.f, 3)
        asked.wait(60)
        with pytest.raises(RtfsError):
            hasty.f(3)
        end.set()
        assert first.result(60) == 1


def test_a_hasty_question_does_not_fail_the_patient_one() -> None:
    patient, hasty, asked, end = patient_and_hasty(300)

    def impatient() -> None:
        with pytest.raises(RtfsError):
            hasty.f(3)
        end.set()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(impatient)
        asked.wait(60)
        assert patient.f(3) == 1
        first.result(60)


def test_no_engine_sends_private_data_away(engine: str) -> None:
    static = StaticDelegationEngine({"f": RemoteModel("m")})
    asked = model("1")
    delegating = open_delegation(models=[asked], engine=static)
    assert run(F, engine, delegating).f(4) == 1
    private = run(F, engine, delegating, environment=Environment(privacy="private"))
    assert private.f(5) == 10 and len(asked.requests) == 1
