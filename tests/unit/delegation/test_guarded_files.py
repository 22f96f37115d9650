"""Files that were built with guards (``rtfsc build --guard``), loaded with rules and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, runtime_in

from backend_wasm.sections import (
    INTERFACE,
    MalformedModule,
    canonical_json,
    custom_section,
    drop_section,
    read_interface,
)
from rtfsc.driver import Compilation, compile_text
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import Guard, Prim
from rtfsc.ir.routes import CACHED
from rtfsc.ir.serial import dumps, loads, read_note
from rtfsc.ir.verify import verify
from rtfsc.ir.walk import nodes
from rtfsc.options import CompileOptions
from rtfsc.registry import executor
from rtfsc.source import SourceFile
from runtime.chain.audit import Audit
from runtime.chain.runs import records, runs
from runtime.delegation.policy_file import parse
from runtime.delegation.setup import Delegating, open_delegation
from runtime.engine import Runtime
from runtime.host.session import Delegation
from runtime.replaying import replay
from runtime.routing import of_file
from runtime.trust.errors import TrustError
from runtime.values import HostError
from runtime.wasm.errors import ModuleRejected

PROGRAM = """(defn f "Twice" [x : Int] : Int (* 2 x))
(defn g [x : Int] : Int (+ x 1))
(defn both [x] [(f x) (g x)])
(defn many [n] (reduce + 0 (map f (range n))))"""
TARGETS = ["wasm32", "rtfs-ir"]
RULE = '[[rule]]\nsymbol = "{}"\ntarget = "remote-m"\n'


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def built(target: str, *globs: str, source: str = PROGRAM, **options: Any) -> bytes:
    return compile_text(source, CompileOptions(target=target, guard=globs, **options)).artifact


def delegating(text: str, *answers: Any, **options: Any) -> Delegating:
    return open_delegation(text=text, models=[Scripted(*(answers or ("42",)), id="m")], **options)


def decisions(asked: Delegating) -> int:
    stats = asked.policies.l1.stats()
    return int(stats.hits + stats.misses)


# --- with rules


def test_calls_inside_are_routed(target: str) -> None:
    asked = delegating(RULE.format("f"))
    with Runtime(delegation=asked) as runtime:
        module = runtime.load(built(target, "f"))
        assert module.both(1) == [42, 2]
        assert module.f(1) == 42
        plain = runtime.load(built(target))
        assert (plain.both(1), plain.f(1)) == ([2, 2], 42)


def test_without_rules_nobody_is_asked(target: str) -> None:
    asked: list[Delegation] = []

    def delegate(delegation: Delegation) -> tuple[bool, Any]:
        asked.append(delegation)
        return True, 0

    for runtime in (Runtime(), Runtime(delegate=delegate)):
        module = runtime.load(built(target, "*"))
        assert (module.both(1), module.f(3), module.many(5)) == ([2, 2], 6, 20)
    assert asked == []


def test_guards_remember_until_the_rules_change(target: str) -> None:
    asked = delegating("")
    module = Runtime(delegation=asked).load(built(target, "f"))
    assert module.many(100) == 9900
    assert decisions(asked) == 1
    asked.load(parse(RULE.format("f")))
    assert module.many(3) == 126
    asked.load(parse(""))
    assert (module.many(100), module.both(2)) == (9900, [4, 3])


def test_exports_without_a_guard_are_routed_from_python_as_ever(target: str) -> None:
    asked = delegating(RULE.format("g"))
    module = Runtime(delegation=asked).load(built(target, "f"))
    assert (module.both(1), module.g(1)) == ([2, 2], 42)
    assert decisions(asked) == 2  # g from Python, f inside


def test_rules_know_exports_by_their_module(target: str) -> None:
    source = "(module my.app (:exports [f g]) (defn f [x] [x]) (defn g [x] [x]))"
    for module, answers in (("my.app", (42, 42)), ("other", ([1], [1])), ("", ([1], [1]))):
        asked = delegating(f'[[rule]]\nmodule = "{module}"\nsymbol = "[fg]"\ntarget = "remote-m"\n')
        for globs in ((), ("my.app/f",)):
            loaded = Runtime(delegation=asked).load(built(target, *globs, source=source))
            assert (loaded.f(1), loaded.g(1)) == answers
        plain = Runtime(delegation=asked).load(built(target, source="(defn f [x] [x])"))
        assert plain.f(1) == (42 if module == "" else [1])


def test_a_module_says_its_name_and_a_program_none(target: str) -> None:
    data = built(target, source="(module my.app (:exports [f]) (defn f [x] [x]))")
    plain = built(target)
    if target == "rtfs-ir":
        assert (loads(data).own, loads(plain).own) == ("my.app", "")
        assert dumps(loads(data), read_note(data)) == data
        return
    assert read_interface(data)["module"] == "my.app"
    assert "module" not in read_interface(plain)
    lie = canonical_json({**read_interface(data), "module": 7})
    with pytest.raises(MalformedModule, match="'module' is not a text"):
        read_interface(drop_section(data, INTERFACE) + custom_section(INTERFACE, lie))


def test_exports_with_a_guard_are_asked_about_once(target: str) -> None:
    asked = delegating(RULE.format("f") + 'args = ["string"]\n')  # every call is decided anew
    for source, name in ((PROGRAM, "f"), ("(module my.app (:exports [f]) (defn f [x] [x]))", "my.app/f")):
        module = Runtime(delegation=asked).load(built(target, name, source=source))
        before = decisions(asked)
        module.f(1)
        assert decisions(asked) == before + 1


def test_imported_modules(target: str, tmp_path: Path) -> None:
    (tmp_path / "shop.rtfs").write_text('(module shop (:exports [price]) (defn price "P" [x : Int] : Int x))')
    source = "(import shop) (defn price [x] [(shop/price x)])"
    module = built(target, "shop/*", source=source, path=(str(tmp_path),))
    rule = RULE.format("price") + 'module = "shop"\n'
    assert Runtime(delegation=delegating(rule)).load(module).price(7) == [42]
    assert Runtime(delegation=delegating(rule.replace("shop", "other"))).load(module).price(7) == [7]
    wrong = delegating(rule, '"text"', '"text"', '"text"', '"text"')
    with pytest.raises(HostError, match="no value of type :int"):  # its interface came with it
        Runtime(delegation=wrong).load(module).price(7)


def test_a_planner_may_speak_of_every_guard(target: str) -> None:
    seen: list[str] = []
    asked = delegating("", planner=lambda call: seen.append(call.function))
    assert Runtime(delegation=asked).load(built(target, "*")).both(1) == [2, 2]
    assert sorted(set(seen)) == ["both", "f", "g"]


def test_on_record_they_ask_each_time_and_replays_agree(target: str, tmp_path: Path) -> None:
    asked = delegating(RULE.format("f"))
    with runtime_in(tmp_path, delegation=asked, audit=Audit(record=True)) as runtime:
        module = runtime.load(built(target, "f", "g"))
        assert [module.both(1) for _ in range(2)] == [[42, 2]] * 2
        assert decisions(asked) == 4
    with runtime_in(tmp_path) as runtime:
        recorded = [run.number for run in runs(records(runtime.paths.chain))]
        assert len(recorded) == 3
        for number in recorded:
            found = replay(runtime, number)
            assert found.same, found.divergence


def test_signed_files(target: str, tmp_path: Path) -> None:
    with runtime_in(tmp_path) as runtime:
        options = CompileOptions(target=target, guard=("f",))
        compilation = Compilation(SourceFile("p.rtfs", PROGRAM), options)
        file = tmp_path / "p.bin"
        file.write_bytes(compilation.artifact)
        Path(f"{file}.dsse").write_bytes(runtime.sign(compilation, "local"))
        assert runtime.load(file).both(1) == [2, 2]
    with runtime_in(tmp_path, delegation=delegating(RULE.format("f"))) as runtime:
        assert runtime.load(file).both(1) == [42, 2]
        file.write_bytes(built(target, "g"))
        with pytest.raises(TrustError):
            runtime.load(file)


# --- the files


def test_the_same_bytes_each_time_and_others_without(target: str) -> None:
    assert built(target, "f", "g") == built(target, "g", "f", "f")
    assert built(target, "f") != built(target)
    assert built(target, "nothing") != built(target, "f")


def test_definitions_keep_their_identity(target: str) -> None:
    options = [CompileOptions(target=target, guard=globs) for globs in ((), ("*",))]
    first, second = (compile_text(PROGRAM, o) for o in options)
    assert [e.def_hash for e in first.ir.exports] == [e.def_hash for e in second.ir.exports]
    assert first.module_key == second.module_key
    assert [e.effects for e in first.ir.exports] == [e.effects for e in second.ir.exports]


def test_what_they_say_of_themselves(tmp_path: Path) -> None:
    (tmp_path / "shop.rtfs").write_text('(module shop (:exports [price]) (defn price "P" [x : Int] : Int x))')
    source = "(module app (:exports [f]) (import shop) (defn f [x] (own (shop/price x))) (defn own [x] x))"
    interface = read_interface(built("wasm32", "*", source=source, path=(str(tmp_path),)))
    described = {guard["symbol"]: guard for guard in interface["guards"]}
    assert set(described) == {"shop/price", "app/f", "app/own"}
    assert described["app/f"] == {"symbol": "app/f", "export": "f"}
    assert described["app/own"] == {"symbol": "app/own"}
    assert described["shop/price"]["interface"]["doc"] == "P"
    module = loads(built("rtfs-ir", "*", source=source, path=(str(tmp_path),)))
    assert [guard.symbol for guard in module.guards] == [guard["symbol"] for guard in interface["guards"]]
    assert loads(dumps(module)).guards == module.guards
    assert dumps(loads(dumps(module))) == dumps(module)


def test_published_modules_have_none(tmp_path: Path) -> None:
    with runtime_in(tmp_path, delegation=delegating('[defaults]\nguard = ["*"]\n')) as runtime:
        runtime.publish(SourceFile("p.rtfs", PROGRAM), name="p", inputs=1)
        entry = runtime.find("(declare f [x : Int] : Int)")[0].entry
        artifact = runtime.store.fetch(entry).artifact
    assert "guards" not in read_interface(artifact)
    assert b"rtfs_host" not in artifact


def test_no_more_than_have_a_byte() -> None:
    source = "".join(f"(defn f{i} [x] (+ x {i}))" for i in range(CACHED + 1))
    with pytest.raises(ValueError, match=f"{CACHED + 1} functions are to be guarded"):
        built("rtfs-ir", "*", source=source, level=0)
    module = loads(built("rtfs-ir", "f*[0-8]", source=source, level=0))
    verify(module)


@pytest.mark.parametrize("form", ["standalone", "separate"])
def test_other_forms_have_none(form: str) -> None:
    with pytest.raises(ValueError, match="neither standalone nor separate modules have guards"):
        CompileOptions(guard=("f",), **{form: True})


# --- attacks


def _lying(guards: Any) -> bytes:
    artifact = built("wasm32", "f")
    interface = {**read_interface(artifact), "guards": guards}
    return drop_section(artifact, INTERFACE) + custom_section(INTERFACE, canonical_json(interface))


_INTERFACE = read_interface(built("wasm32"))["exports"][0]
_LIES: list[Any] = [
    {}, "f", [1], [{}], [{"symbol": 1}], [{"symbol": "f"}] * 2, [{"symbol": "f", "export": "none"}],
    [{"symbol": "f", "export": ["f"]}], [{"symbol": "f", "interface": 1}], [{"symbol": "f", "interface": {}}],
    [{"symbol": "f", "interface": {**_INTERFACE, "kind": "value"}}],
    [{"symbol": "f", "interface": {**_INTERFACE, "effects": [1]}}],
    [{"symbol": "f", "interface": {**_INTERFACE, "params": []}}],
    [{"symbol": f"f{i}"} for i in range(CACHED + 1)],
]  # fmt: skip


@pytest.mark.parametrize("guards", _LIES, ids=lambda guards: json.dumps(guards)[:50])
def test_damaged_lists_are_refused(guards: Any) -> None:
    with pytest.raises(MalformedModule):
        read_interface(_lying(guards))
    with pytest.raises(ModuleRejected):
        Runtime(delegation=delegating(RULE.format("f"))).load(_lying(guards))


def test_lists_that_lie_do_no_harm() -> None:
    asked = delegating(RULE.format("f"))
    others = [{"symbol": f"other{i}"} for i in range(CACHED)]
    for guards in ([], others, [{"symbol": "g", "export": "g"}]):
        module = Runtime(delegation=asked).load(_lying(guards))
        assert module.both(1) == [2, 2], "it may ask about what it lists, and nothing else"
        assert Runtime().load(_lying(guards)).both(1) == [2, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"param_types": ["((("]},
        {"param_types": [":nonsense"]},
        {"params": ["a"] * 3, "param_types": [":int"] * 3},
        {"params": [], "param_types": [], "rest": True},
        {"doc": "d\nexample: (f ((( => ]"},
        {"doc": "d\nexample: (f (recur)) => 2"},
        {"def_hash": "../x", "interface_hash": "zz"},
    ],
)  # fmt: skip
def test_interfaces_that_lie(change: dict[str, Any], tmp_path: Path) -> None:
    module = _lying([{"symbol": "f", "interface": {**_INTERFACE, **change}}])
    told = Runtime(delegation=delegating(RULE.format("f"))).load(module).both(1)
    assert told in ([2, 2], [42, 2])
    with runtime_in(tmp_path, delegation=delegating("[defaults]\nstore = true\n")) as runtime:
        assert runtime.load(module).both(1) == [2, 2]


@pytest.mark.parametrize("result", ["(((", ":nonsense", "[:vector " * 2000])
def test_results_that_lie(result: str) -> None:
    module = _lying([{"symbol": "f", "interface": {**_INTERFACE, "result_type": result}}])
    with pytest.raises(HostError):
        Runtime(delegation=delegating(RULE.format("f"))).load(module).both(1)


def test_the_slow_way_sets_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.wasm.bridge.direct", lambda compiled: False)
    asked: list[str] = []
    runtime = Runtime(delegation=delegating("", planner=lambda call: asked.append(call.function)))
    module = built("wasm32", "*")
    assert Runtime().load(module).both(1) == [2, 2]
    assert type(runtime.load(module).__rtfs_instance__).__name__ == "SlowInstance"
    assert (runtime.load(module).both(1), sorted(set(asked))) == ([2, 2], ["both", "f", "g"])
    assert executor("wasm32").instantiate(module, host=_refusing).function("both")(1) == [2, 2]


def test_whoever_instantiates_a_file_need_not_know_of_guards(target: str) -> None:
    instance = executor(target).instantiate(built(target, "*"), host=_refusing)
    assert instance.function("both")(1) == [2, 2]


def _refusing(operation: str, arguments: list[Any]) -> Any:
    raise AssertionError(operation)


def test_lists_that_lie_in_ir() -> None:
    def lie(*guards: Guard) -> bytes:
        module = loads(built("rtfs-ir", "f"))
        module.guards = list(guards)
        return dumps(module)

    runtime = Runtime(delegation=delegating(RULE.format("f")))
    value = next(e for e in loads(built("rtfs-ir")).exports if e.func)
    value.func = None
    many = [Guard(f"f{i}") for i in range(CACHED + 1)]
    for guards in ([Guard("f"), Guard("f")], [Guard("f", "none")], [Guard("f", "", value)], many):
        with pytest.raises(ModuleRejected):
            runtime.load(lie(*guards))
    for guards in ([], [Guard("other")], many[:CACHED]):
        assert runtime.load(lie(*guards)).both(1) == [2, 2]


@pytest.mark.parametrize("number", [-1, CACHED, -(2**31), 2**31 - 1])
def test_numbers_without_a_byte_are_refused(number: int) -> None:
    module = loads(built("rtfs-ir", "f"))
    for function in module.functions.values():
        for node in nodes(function.body):
            if isinstance(node, Prim) and node.op == "routed":
                node.imm = number
    with pytest.raises(IRError, match="immediate"):
        verify(module)
    with pytest.raises(ModuleRejected):
        Runtime().load(dumps(module))


def test_bytes_that_are_cut_or_changed(target: str) -> None:
    """Refused, or a module that runs; never anything else."""
    artifact = built(target, "f", level=1)
    runtime = Runtime(delegation=delegating(RULE.format("f")))
    at = artifact.index(b'"guards"') if target == "wasm32" else 8
    for offset in range(at, min(at + 60, len(artifact))):
        for byte in (0, 0x22, 0xFF, artifact[offset] ^ 1):
            data = artifact[:offset] + bytes([byte]) + artifact[offset + 1 :]
            try:
                runtime.load(data)
            except (ModuleRejected, MalformedModule):
                continue


def test_a_module_of_unknown_origin_asks_about_nothing_else() -> None:
    asked = delegating(RULE.format("*"))
    runtime = Runtime(delegation=asked)
    routing = of_file(runtime, [{"symbol": "f"}], {}, "", compiled=True)
    assert routing is not None
    delegate = routing.only_guards()
    assert delegate(Delegation("f", "routed", None, [1])) == (True, 42)
    assert delegate(Delegation("g", "routed", None, [1])) == (False, None)
    assert delegate(Delegation("f", "remote", "m", [1])) == (False, None)
    assert delegate(Delegation("f", "declared", "m", [1])) == (False, None)
    for token in (None, "x", 7, -1, [], {}):
        delegate.done(token)  # type: ignore[attr-defined]
