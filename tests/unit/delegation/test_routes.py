"""Guards, the decisions that they remember, and what makes them forget."""

from __future__ import annotations

import gc
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conformance_cases import CASES, Case
from scripted import Scripted, runtime_in

from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation, compile_text
from rtfsc.evaluation import TARGETS, evaluate_compiled
from rtfsc.ir.routes import CACHED, guarded, symbols
from rtfsc.ir.serial import dumps, loads
from rtfsc.ir.verify import verify
from rtfsc.options import CompileOptions
from rtfsc.passes import run as optimised
from rtfsc.source import SourceFile
from runtime.delegation.measure import LEAST
from runtime.delegation.policy_file import PolicyError, parse
from runtime.delegation.reload import Watcher
from runtime.delegation.setup import Delegating, open_delegation
from runtime.engine import Runtime
from runtime.host.session import Delegation, Session
from runtime.obs.events import Bus
from runtime.routing import Routing, guard
from runtime.values import Keyword, Limits, RtfsError, layout

PROGRAM = """(defn f [x : Int] : Int (* 2 x))
(defn fib [n : Int] : Int (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(defn down [n] (if (= n 0) :done (down (- n 1))))
(defn more [a & rest] (count rest))
(defn ^:delegation :local here [x] x)
(defn twice [g x] (g (g x)))"""
RULE = '[[rule]]\nsymbol = "{}"\ntarget = "remote-m"\n'
WATCHED = '[defaults]\nguard = ["*"]\n'


@pytest.fixture(params=["wasm", "evaluator"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Asked:
    """A host that counts what it is asked, and declines."""

    def __init__(self) -> None:
        self.symbols: list[str] = []

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        self.symbols.append(arguments[0])
        return [False]


def delegating(text: str, *answers: Any, **options: Any) -> Delegating:
    return open_delegation(text=text, models=[Scripted(*(answers or ("42",)), id="m")], **options)


def count_decisions(delegation: Delegating) -> int:
    stats = delegation.policies.l1.stats()
    return int(stats.hits + stats.misses)


# --- in the IR


@pytest.mark.parametrize("level", [0, 1, 2])
def test_guards_are_valid_ir_at_every_level_and_leave_the_meaning(level: int) -> None:
    plain = compile_text(PROGRAM, CompileOptions(level=level))
    before = dumps(plain.unoptimised)
    module, found = guarded(plain.unoptimised, lambda _: True)
    assert found == ["f", "fib", "down", "more", "twice"]
    verify(module)
    verify(optimised(module, level, verify=True))
    assert dumps(plain.unoptimised) == before
    assert [e.def_hash for e in module.exports] == [e.def_hash for e in plain.unoptimised.exports]


def test_a_hint_is_no_part_of_what_a_function_means_but_stays_with_it() -> None:
    with_hint, without = (
        compile_text(f"(defn {hint} f [x] x)").unoptimised for hint in ("^:delegation :local", "")
    )
    assert with_hint.exports[0].def_hash == without.exports[0].def_hash
    assert symbols(loads(dumps(with_hint))) == {}
    assert symbols(loads(dumps(without))) == {"f": "f"}


def test_names_of_modules_are_part_of_symbols() -> None:
    module = compile_text("(module my.app (:exports [f]) (defn f [x] x))").unoptimised
    assert set(symbols(module, "my.app")) == {"my.app/f"}


def test_no_more_bytes_than_there_are() -> None:
    assert CACHED == layout.LIMITS_ROUTES
    assert layout.STATE_ROUTES + layout.LIMITS_ROUTES <= layout.STATE_SCRATCH


def test_more_guarded_functions_than_bytes(engine: str) -> None:
    source = "".join(f"(defn f{i} [x] (+ x {i}))" for i in range(CACHED + 2))
    asked = delegating(WATCHED)
    module = Runtime(engine=engine, delegation=asked, level=0).compile(source)
    assert [module[f"f{i}"](1) for i in (0, CACHED - 1, CACHED, CACHED, CACHED + 1)] == [
        1, CACHED, CACHED + 1, CACHED + 1, CACHED + 2
    ]  # fmt: skip
    assert count_decisions(asked) == 5


# --- what is remembered


def test_a_site_that_has_decided_asks_no_more(engine: str) -> None:
    asked = delegating(WATCHED)
    module = Runtime(engine=engine, delegation=asked).compile(PROGRAM)
    assert (module.fib(15), module.down(1000), module.here(1)) == (610, module.down(0), 1)
    assert count_decisions(asked) == 2


def test_rules_about_types_are_asked_for_every_call(engine: str) -> None:
    asked = delegating(RULE.format("down") + 'args = ["string"]\n')
    module = Runtime(engine=engine, delegation=asked).compile("(defn down [x] [:here x])")
    assert [module.down(value) for value in (1, "a", 2.0, "b")][1::2] == [42, 42]
    assert module.down(3)[1] == 3
    assert count_decisions(asked) == 5


def test_a_rule_that_comes_before_one_about_types_makes_it_steady() -> None:
    policy = parse('[[rule]]\nsymbol = "f"\ntarget = "local-pure"\n' + RULE.format("*") + 'args = ["int"]')
    engine = Delegating(policy).policies
    from runtime.delegation.context import CallContext

    assert engine.steady(CallContext("f"))
    assert not engine.steady(CallContext("g"))


def test_another_policy_makes_every_guard_ask_again(engine: str) -> None:
    asked = delegating(WATCHED)
    module = Runtime(engine=engine, delegation=asked).compile(PROGRAM)
    assert module.f(4) == 8
    asked.load(parse(RULE.format("f")))
    assert module.f(4) == 42
    asked.load(parse(""))
    assert module.f(4) == 8
    assert asked.policies.epoch == 2


def test_functions_that_are_passed_on_keep_their_guard(engine: str) -> None:
    asked = delegating(RULE.format("f"))
    module = Runtime(engine=engine, delegation=asked).compile(PROGRAM + "(defn g [x] (twice f x))")
    assert module.g(1) == 42


def test_recursion_through_a_delegated_function(engine: str) -> None:
    answers = Scripted(lambda request: "1" if "5" in request.messages[-1].content else "2", id="m")
    source = """(defn ask [n] n)
                (defn walk [n] (if (= n 0) [] (conj (walk (- n 1)) (ask n))))"""
    asked = open_delegation(text=RULE.format("ask"), models=[answers])
    module = Runtime(engine=engine, delegation=asked).compile(source)
    assert module.walk(6) == [2, 2, 2, 2, 1, 2]


def test_imported_modules_are_guarded_by_their_names(engine: str, tmp_path: Path) -> None:
    (tmp_path / "shop.rtfs").write_text('(module shop (:exports [price]) (defn price "P" [x : Int] : Int x))')
    source = "(import shop) (defn f [x] [(shop/price x)])"
    for symbol, expected in (("shop/price", [42]), ("price", [42]), ("other/price", [7])):
        rule = RULE.format(symbol.rpartition("/")[2])
        if "/" in symbol:
            rule += f'module = "{symbol.partition("/")[0]}"\n'
        runtime = Runtime(engine=engine, delegation=delegating(rule), path=[tmp_path])
        assert runtime.compile(source).f(7) == expected


def test_instances_are_freed(engine: str) -> None:
    asked = delegating(WATCHED)
    for _ in range(3):
        module = Runtime(engine=engine, delegation=asked).compile(PROGRAM)
        module.f(1)
        del module
    gc.collect()
    assert len(asked._routers) == 0


# --- exports of modules without guards


def test_exports_of_stored_modules_are_routed_too(tmp_path: Path) -> None:
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("p.rtfs", PROGRAM), name="p", inputs=1)
    asked = delegating(RULE.format("f") + WATCHED)
    with runtime_in(tmp_path, delegation=asked) as runtime:
        entry = runtime.find("(declare f [x : Int] : Int)")[0]
        module = runtime.get(entry.entry)
        assert module.f(4) == 42
        assert [module.down(1), module.down(2)] == [module.down(0)] * 2
        asked.load(parse(RULE.format("down")))
        assert (module.f(4), module.down(3)) == (8, 42)
        assert module.f.__name__ == "f"


# --- the store before the rules


STORED = """(defn heavy "Sum of the numbers below a limit" [n : Int] : Int
  (loop [i 0 sum 0] (if (< i n) (recur (+ i 1) (+ sum i)) sum)))
(defn light "The number and one" [n : Int] : Int (+ n 1))"""


def test_the_faster_way_is_found_by_measuring(tmp_path: Path) -> None:
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("s.rtfs", STORED), name="s", inputs=1)
    asked = delegating("[defaults]\nstore = true\n")
    with runtime_in(tmp_path, delegation=asked, engine="evaluator") as runtime:
        module = runtime.compile(STORED + "(defn call [n] (heavy n)) (defn cheap [n] (light n))")
        router = next(iter(asked._routers))
        for _ in range(3 * LEAST):
            assert module.call(20_000) == 199_990_000
            assert module.cheap(1) == 2
        heavy, light = (router.dispatcher.engine.decide(_context(router, n)) for n in ("heavy", "light"))
        assert str(heavy.target).startswith("l4-")
        assert (str(light.target), light.rejected[0].target[:3]) == ("local-pure", "l4-")
        assert light.rejected[0].reason.startswith("measured ")


def _context(router: Any, symbol: str) -> Any:
    interface = router._interfaces[symbol]
    return router.dispatcher.context(Delegation(symbol, "routed", None, [1], interface))


def test_what_is_not_trusted_any_more_is_not_run(tmp_path: Path) -> None:
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("s.rtfs", STORED), name="s", inputs=1)
    with runtime_in(tmp_path) as runtime:
        key = runtime.keys.public("local").key_id
        runtime.trust_file.change(lambda trust: trust.without_key(key))
    asked = delegating("[defaults]\nstore = true\n")
    with Runtime(store=tmp_path / "store", home=tmp_path / "home", delegation=asked) as runtime:
        module = runtime.compile(STORED)
        assert [module.light(1) for _ in range(3 * LEAST)] == [2] * (3 * LEAST)


# --- the file


def test_a_file_is_taken_again_when_it_changes(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "delegation.toml"
    file.write_text(WATCHED)
    bus, told = Bus(), []
    bus.subscribe(told.append)
    model = Scripted("42", id="m")
    with open_delegation(file, models=[model], emit=bus, reload_s=None) as asked:
        module = Runtime(engine=engine, delegation=asked).compile(PROGRAM)
        watcher = Watcher(asked, file, 3600)
        assert module.f(1) == 2
        file.write_text(RULE.format("f"))
        watcher.look()
        assert module.f(1) == 2, "somebody may still be writing"
        watcher.look()
        assert module.f(1) == 42
        file.write_text('[[rule]]\nsymbol = "f"\ntarget = "nowhere"\n')
        watcher.look()
        watcher.look()
        assert module.f(1) == 42
        refused = [event for event in told if event.name == "policy.refused"]
        assert f"{file}:3: " in refused[0].attributes["error"]
        with pytest.raises(PolicyError, match="no target 'nowhere'"):
            asked.reload()
        file.unlink()
        watcher.look()
        watcher.look()
        assert module.f(1) == 42
        watcher.close()
    assert [e.name for e in told if e.name.startswith("policy")] == [
        "policy.loaded", "policy.refused", "policy.refused", "policy.refused"
    ], "that it is gone is told, too"  # fmt: skip


def test_a_change_before_the_first_call_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "delegation.toml"
    file.write_text(WATCHED)
    with open_delegation(file, models=[Scripted("42", id="m")], reload_s=3600) as asked:
        file.write_text(RULE.format("f"))
        module = Runtime(delegation=asked).compile(PROGRAM)
        for _ in range(2):
            asked._watcher.look()
        assert module.f(1) == 42


def test_the_watcher_ends_with_what_it_watches_for(tmp_path: Path) -> None:
    file = tmp_path / "delegation.toml"
    file.write_text(WATCHED)
    asked = open_delegation(file, reload_s=0.01)
    Runtime(delegation=asked).compile("(defn f [x] x)")
    thread = asked._watcher._thread
    assert thread.is_alive()
    asked.close()
    thread.join(60)
    assert not thread.is_alive()


# --- attacks


def test_policies_that_change_while_threads_call(engine: str) -> None:
    asked = delegating(WATCHED, "42")
    local, remote = parse(WATCHED), parse(RULE.format("f"))
    modules = [Runtime(engine=engine, delegation=asked).compile(PROGRAM) for _ in range(3)]
    end, wrong = threading.Event(), []

    def call(module: Any) -> None:
        while not end.is_set():
            value = module.f(4)
            if value not in (8, 42):
                wrong.append(value)

    threads = [threading.Thread(target=call, args=(module,)) for module in modules]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            asked.load(remote)
            asked.load(local)
    finally:
        end.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    assert wrong == []
    asked.load(remote)
    assert [module.f(4) for module in modules] == [42] * 3
    asked.load(local)
    assert [module.f(4) for module in modules] == [8] * 3


def test_a_module_may_say_anything_to_its_host() -> None:
    asked = delegating(WATCHED)
    router = asked.router(asked.dispatcher, ["f"], {})
    for token in (None, "x", 7, -1, [], {}):
        router.done(token)
    router._set(10**9, True)
    router.forget()


def test_tail_calls_stay_tail_calls(engine: str) -> None:
    source = """(defn a [n] (if (= n 0) :done (b (- n 1)))) (defn b [n] (if (= n 0) :done (a (- n 1))))"""
    typed = RULE.format("*") + 'args = ["string"]\n'  # each of the calls asks
    module = Runtime(engine=engine, delegation=delegating(typed)).compile(source)
    assert module.a(30_000) == Keyword("done")


@pytest.mark.parametrize("path", ["host.toml", "functions.toml", "errors.toml", "match.toml", "modules.toml"])
def test_guards_change_nothing_that_programs_see(engine: str, path: str) -> None:
    """The cases of the conformance suite, with a guard in every function and a host that declines."""
    for case in _cases_of(path):
        options = CompileOptions(level=2, target=TARGETS[engine])
        try:
            compilation = Compilation(SourceFile("<case>", case.source), options)
            if not compilation.guard(lambda _: True):
                continue
        except DiagnosticError:
            continue
        outcome = evaluate_compiled(
            compilation, engine, Limits(deadline_ms=60_000), lambda _: (Session(), None)
        )
        if outcome.error is None:
            assert {"value": outcome.value} == case.expected, case.source
        else:
            assert outcome.error.kind == case.expected["error"], case.source
            assert list(outcome.error.span) == case.expected.get("span", list(outcome.error.span)), (
                case.source
            )


def _cases_of(path: str) -> list[Case]:
    prefix = path.partition(".")[0].replace("_", "-")
    found = [case for case in CASES if case.id.startswith(f"{prefix}-")]
    assert found
    return found


def test_a_body_that_asks_itself_while_it_is_measured(tmp_path: Path) -> None:
    source = '(defn sum "Sum of the numbers to a limit" [n : Int] : Int (if (= n 0) 0 (+ n (sum (- n 1)))))'
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("s.rtfs", source), name="s", inputs=1)
    asked = delegating("[defaults]\nstore = true\n")
    with runtime_in(tmp_path, delegation=asked, engine="evaluator") as runtime:
        module = runtime.compile(source)
        assert [module.sum(500) for _ in range(3 * LEAST)] == [125_250] * (3 * LEAST)
    with runtime_in(tmp_path, delegation=asked, engine="evaluator") as runtime:
        compilation = runtime.compilation(SourceFile("s.rtfs", source + "(sum 500)"), "evaluator")
        symbols, interfaces = guard(runtime, compilation)  # as on record: guards are told nothing
        host = runtime.host(None, Routing(runtime, interfaces, symbols))
        outcome = evaluate_compiled(compilation, "evaluator", runtime.limits, lambda _: (host, None))
        assert (outcome.value, outcome.error) == ("125250", None)


def test_a_compilation_is_guarded_anew_when_others_are_wanted() -> None:
    compilation = compile_text(PROGRAM)
    plain = compilation.artifact
    assert compilation.guard(lambda _: False) == []
    assert compilation.artifact is plain
    assert compilation.guard(lambda symbol: symbol == "f") == ["f"]
    assert "guarded" in compilation.features
    guarded_bytes = compilation.artifact
    assert guarded_bytes != plain
    assert compilation.guard(lambda symbol: symbol == "f") == ["f"]
    assert compilation.artifact is guarded_bytes
    assert compilation.guard(lambda _: False) == []
    assert compilation.artifact == plain


def test_programs_that_no_rule_speaks_of_still_come_from_the_store(tmp_path: Path) -> None:
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("s.rtfs", STORED), name="s", inputs=1)
    asked = delegating(RULE.format("other"))
    with runtime_in(tmp_path, delegation=asked) as runtime:
        assert runtime.compile(STORED).__provenance__.origin == "store"
        assert runtime.compile(STORED + "(defn other [x] x)").__provenance__.origin == "compiled"


def test_pools_of_instances_are_routed(engine: str) -> None:
    import asyncio

    asked = delegating(RULE.format("f"))
    runtime = Runtime(engine=engine, delegation=asked)

    async def calls() -> list[Any]:
        async with runtime.pool(PROGRAM, 2) as pool:
            return await asyncio.gather(*(pool.call("f", n) for n in range(4)))

    assert asyncio.run(calls()) == [42] * 4


def test_a_program_that_runs_follows_the_new_policy(engine: str) -> None:
    asked = delegating(WATCHED, "true")
    source = """(defn over? [n : Int] : Bool false)
                (defn wait [] (loop [n 0] (if (over? (mod n 7)) :over (recur (+ n 1)))))"""
    runtime = Runtime(engine=engine, delegation=asked, limits=Limits(deadline_ms=60_000))
    module = runtime.compile(source)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(module.wait()))
    thread.start()
    while count_decisions(asked) == 0 and thread.is_alive():
        time.sleep(0.01)
    asked.load(parse(RULE.format("over[?]")))
    thread.join(60)
    assert found == [Keyword("over")]


def test_a_stored_function_of_the_same_meaning_is_used_where_it_is_faster(tmp_path: Path) -> None:
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("s.rtfs", STORED), name="s", inputs=1)
    asked = delegating("[defaults]\nstore = true\n")
    source = """(defn total "Sum of the numbers below a limit" [limit : Int] : Int
                  (reduce + 0 (map (fn [x] (- x 1)) (range 1 (+ limit 1)))))"""
    with runtime_in(tmp_path, delegation=asked, engine="evaluator") as runtime:
        module = runtime.compile(source)
        assert {module.total(50_000) for _ in range(3 * LEAST)} == {1_249_975_000}
        decision = next(iter(asked._routers)).dispatcher.decide(
            Delegation("total", "routed", None, [1], module.__rtfs_exports__["total"])
        )
        assert decision.decided_by == "L4"
        assert decision.confidence > 0.9


def test_errors_of_stored_functions_are_those_of_the_call(tmp_path: Path) -> None:
    source = '(defn part "A share of a hundred" [n : Int] : Any (/ 100 n))'
    with runtime_in(tmp_path) as runtime:
        runtime.publish(SourceFile("s.rtfs", "\n\n\n" + source), name="s", inputs=1)
    asked = delegating("[defaults]\nstore = true\n")
    with runtime_in(tmp_path, delegation=asked, engine="evaluator") as runtime:
        text = source + "(defn g [n] [(part n)])"
        module = runtime.compile(text)
        assert [module.g(n) for n in (1, 2, 4, 5, 10)] == [[100], [50], [25], [20], [10]]
        spans = set()
        for _ in range(2 * LEAST):
            with pytest.raises(RtfsError) as raised:
                module.g(0)
            assert (raised.value.kind, raised.value.message) == ("DivisionByZero", "Division by zero")
            assert raised.value.span is not None
            spans.add(text[slice(*raised.value.span)])
        assert spans <= {"(/ 100 n)", "part"}, "here, or where what ran elsewhere is defined"
