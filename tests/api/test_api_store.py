"""`Runtime` with a store: what is found by what, what is refused, and where errors point."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import run
from deadlines import in_time

import rtfsc

Publish = Callable[..., Any]

SCALE = "(defn scale [a : Int b : Int] : Int (/ a b))"


def origin(module: rtfsc.Module) -> str:
    return module.__provenance__.origin


def test_nothing_is_looked_up_without_a_store(home: Path) -> None:
    with rtfsc.Runtime() as runtime:
        assert origin(runtime.compile(SCALE)) == "compiled"
    with rtfsc.Runtime(store=True) as runtime:
        assert (
            origin(runtime.compile(SCALE)) == "compiled" and runtime.find("(declare f [a : Int] : Int)") == []
        )
    assert not home.exists()


def test_hit_by_text(publish: Publish, runtime: rtfsc.Runtime) -> None:
    published = publish(SCALE)
    module = runtime.compile(SCALE)
    assert module.scale(6, 3) == 2
    provenance = module.__provenance__
    assert (provenance.origin, provenance.engine) == ("store", "wasm")
    assert provenance.digest == published.digest
    assert provenance.signer == runtime.keys.public("local").key_id


def test_a_hit_by_text_loads_no_compiler(publish: Publish, tmp_path: Path) -> None:
    publish(SCALE)
    compiler = ("lark", "rtfsc.syntax", "rtfsc.lower", "rtfsc.passes")
    code = (
        "import sys, rtfsc; assert rtfsc.Runtime(store=True).compile(sys.argv[1]).scale(6, 3) == 2; "
        f"print([m for m in sys.modules if m.startswith({compiler})])"
    )
    assert run(sys.executable, "-c", code, SCALE, cwd=tmp_path) == "[]\n"


def test_what_is_read_of_a_module_goes_with_it(publish: Publish, tmp_path: Path) -> None:
    """What hits leave behind is looked at by Python's collector again and again."""
    texts = [" ".join(f"(defn f{i} [a : Int] : Int (+ a {n}))" for i in range(9)) for n in range(6)]
    for text in texts:
        publish(text)
    code = (
        "import gc, sys, rtfsc\n"
        "runtime = rtfsc.Runtime(store=True)\n"
        "def hit(n):\n"
        "    module = runtime.compile(sys.argv[1 + n])\n"
        "    assert module.f3(1) == 1 + n and module.__provenance__.origin == 'store'\n"
        "def left():\n"
        "    gc.collect()\n"
        "    return sum(type(found) in (list, dict) for found in gc.get_objects())\n"
        "hit(0); hit(1); before = left()\n"
        "for n in range(2, 6): hit(n)\n"
        "print(left() - before < 4 * 9)"
    )
    assert run(sys.executable, "-c", code, *texts, cwd=tmp_path) == "True\n"


@pytest.mark.parametrize(
    "text",
    [
        "; a comment\n\n  (defn scale [a : Int b : Int] : Int\n    (/ a b))",
        "(defn scale [n : Int m : Int] : Int (/ n m))",
        '(defn scale "Documented." [x : Int, y : Int] : Int (/ x y))',
    ],
    ids=["layout", "locals", "doc"],
)
def test_hit_by_meaning_under_another_text(publish: Publish, runtime: rtfsc.Runtime, text: str) -> None:
    publish(SCALE)
    module = runtime.compile(text, filename="mine.rtfs")
    assert origin(module) == "store" and module.scale(6, 3) == 2
    with pytest.raises(rtfsc.DivisionByZero) as caught:
        module.scale(1, 0)
    assert text[slice(*caught.value.span)].startswith("(/ ")


def test_hit_by_definition_with_renamed_functions(publish: Publish, runtime: rtfsc.Runtime) -> None:
    publish("(defn half [n] (/ n 2)) (defn quarter [n] (half (half n))) (defn other [x] x)")
    text = "; mine\n(defn h [k] (/ k 2))\n(defn q [k] (h (h k)))"
    module = runtime.compile(text)
    assert origin(module) == "store" and list(module) == ["h", "q"]
    assert module.q(8) == 2
    with pytest.raises(rtfsc.RtfsTypeError) as caught:
        module.q("x")
    assert text[slice(*caught.value.span)] == "(/ k 2)"
    with pytest.raises(rtfsc.ArityError, match=r"Arity mismatch in q: "):
        module.q()


@pytest.mark.parametrize(
    "text",
    [
        "(defn scale [a : Int b : Int] : Int (/ b a))",
        "(defn scale [a b] (/ a b))",
        "(defn scale [a : Int b : Int] : Int (* a b))",
        "(defn scale [a : Int b : Int c : Int] : Int (/ a b))",
        SCALE + " (defn more [] 1)",
        SCALE + " (def state 1)",
    ],
    ids=["order", "types", "operation", "arity", "more functions", "more values"],
)
def test_another_meaning_is_no_hit(publish: Publish, runtime: rtfsc.Runtime, text: str) -> None:
    """A name is never a key: the caller's own definition is what runs."""
    publish(SCALE)
    assert origin(runtime.compile(text)) == "compiled"


def test_two_definitions_of_one_meaning(publish: Publish, runtime: rtfsc.Runtime) -> None:
    publish("(defn f [x] (inc x)) (defn g [x] (inc x))")
    module = runtime.compile("(defn a [y] (inc y)) (defn b [z] (inc z))")
    assert origin(module) == "store" and (module.a(1), module.b(2)) == (2, 3)


def test_other_levels_and_engines_are_found_by_meaning_or_not_at_all(publish: Publish, home: Path) -> None:
    publish(SCALE)
    with rtfsc.Runtime(store=True, level=0) as runtime:
        assert origin(runtime.compile(SCALE)) == "store"
    with rtfsc.Runtime(store=True, engine="evaluator") as runtime:
        module = runtime.compile(SCALE)
        assert (origin(module), module.__provenance__.engine) == ("compiled", "evaluator")


def test_values_of_the_top_level_are_found_with_the_whole_text_only(
    publish: Publish, runtime: rtfsc.Runtime
) -> None:
    text = "(def rate 19) (defn tax [n] (* n rate))"
    publish(text)
    module = runtime.compile(text)
    assert (origin(module), module.rate, module.tax(2)) == ("store", 19, 38)


def test_find_by_interface(publish: Publish, runtime: rtfsc.Runtime) -> None:
    publish(SCALE, "scales")
    publish("(defn add [x : Int y : Int] : Int (+ x y)) (defn name [s : String] : String s)", "sums")
    found = runtime.find("(declare anything [p : Int q : Int] : Int)")
    assert {(f.entry.name, f.name) for f in found} == {("scales", "scale"), ("sums", "add")}
    assert {f.load()(6, 3) for f in found} == {2, 9}
    assert "add of sums" in "".join(map(repr, found))
    [named] = runtime.find('(declare f [s : String] : String "a doc does not matter")')
    assert named.load()("x") == "x"
    assert runtime.find("(declare f [s : String] : Int)") == []


@pytest.mark.parametrize("text", ["", "(defn f [x] x)", "declare", "1 2", "(declare)"])
def test_what_is_no_interface(runtime: rtfsc.Runtime, text: str) -> None:
    with pytest.raises(rtfsc.DiagnosticError):
        runtime.find(text)


def test_publishing(publish: Publish, runtime: rtfsc.Runtime, tmp_path: Path) -> None:
    first, second = publish(SCALE), publish("; again\n" + SCALE)
    assert first.created and not second.created and first.digest == second.digest
    assert first.certificate.engines == ("evaluator", "wasm32") and first.size > 100
    path = tmp_path / "mine.rtfs"
    path.write_text("(defn f [] 7)")
    entry = runtime.publish_file(path, inputs=1).entry
    assert entry.name == "mine" and runtime.get(entry).f() == 7


def test_what_is_known_to_fail_is_not_published(publish: Publish, runtime: rtfsc.Runtime) -> None:
    for text in ("(defn f [] (nope))", "(defn f [x] (inc 1 2))", "(", "(defn f [x] (inc x)) (/ 1 0)"):
        with pytest.raises((rtfsc.DiagnosticError, rtfsc.RtfsError)):
            publish(text)
    assert runtime.store.list() == []


def test_an_example_that_fails_in_its_own_arguments_is_refused(publish: Publish) -> None:
    with pytest.raises((rtfsc.DiagnosticError, rtfsc.RtfsError)):
        publish('(defn f "Doc.\n example: (f (nope)) => 1" [x] x)')


def blob(runtime: rtfsc.Runtime, digest: str) -> Path:
    return runtime.paths.store / "blobs" / "wasm" / digest[:2] / digest[2:]


def test_a_damaged_module_is_compiled_anew(publish: Publish, runtime: rtfsc.Runtime) -> None:
    published = publish(SCALE)
    path = blob(runtime, published.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(rtfsc.RefusedEntry, match="compiling anew") as caught:
        module = runtime.compile(SCALE)
    assert (origin(module), module.scale(6, 3)) == ("compiled", 2)
    [warning] = caught
    assert warning.message.code == "ST008" and warning.filename == __file__  # type: ignore[union-attr]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert origin(runtime.compile(SCALE)) == "compiled", "quarantined: no second warning"
    with pytest.raises(rtfsc.StoreError):
        runtime.get(published.entry)
    publish(SCALE)
    assert origin(runtime.compile(SCALE)) == "store"


def test_a_stranger_is_not_trusted(publish: Publish, runtime: rtfsc.Runtime, tmp_path: Path) -> None:
    publish(SCALE)
    options = {"store": runtime.paths.store, "home": tmp_path / "stranger"}
    with rtfsc.Runtime(**options) as stranger, pytest.warns(rtfsc.RefusedEntry):
        assert origin(stranger.compile(SCALE)) == "compiled"
    with rtfsc.Runtime(**options) as stranger:
        [found] = stranger.find("(declare f [a : Int b : Int] : Int)")
        with pytest.raises(rtfsc.TrustError):
            found.load()
    assert origin(runtime.compile(SCALE)) == "store", "the entry itself is not at fault"


def test_uses_are_counted(publish: Publish, runtime: rtfsc.Runtime) -> None:
    publish(SCALE)
    for _ in range(3):
        runtime.compile(SCALE)
    runtime.close()
    with rtfsc.Runtime(store=True) as again:
        [entry] = again.store.list()
        assert entry.use_count == 3


def test_warnings_of_the_callers_text_come_with_a_module_from_the_store(runtime: rtfsc.Runtime) -> None:
    module = runtime.compile("(defn f [] (try (nope) (catch _ e 1)))")
    assert [warning.code for warning in module.__rtfs_warnings__] == ["N001"]


def test_a_top_level_may_take_its_time(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than an input for which a function does not end."""
    monkeypatch.setattr("runtime.publishing._CERTIFY_MS", (1, 60_000))
    long = "(def sum (loop [i 0 s 0] (if (< i 5000000) (recur (inc i) (+ s (mod i 7))) s)))"
    publish(f"{long} (defn f [n : Int] : Int (+ n sum))")
    monkeypatch.setattr("runtime.publishing._CERTIFY_MS", (1, 2))
    with pytest.raises(rtfsc.DeadlineExceeded):
        publish(f"{long} (defn g [n : Int] : Int (+ n sum))")


def test_limits_hold_for_stored_modules(publish: Publish) -> None:
    publish("(defn spin [n : Int] (if (> n 5) (spin n) n))")
    with rtfsc.Runtime(store=True, limits=rtfsc.Limits(deadline_ms=500)) as limited:
        module = limited.compile("(defn spin [n : Int] (if (> n 5) (spin n) n))")
        assert origin(module) == "store" and in_time(module.spin, 1) == 1
        with pytest.raises(rtfsc.DeadlineExceeded):
            module.spin(9)
