"""The loader in Node: errors, limits, functions, the host, and files that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

InNode = Callable[[str, str], Any]
LOAD = "const m = await R.load();\n"
FIB = "(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))"


def test_the_example_of_the_docs(in_node: InNode) -> None:
    assert in_node(FIB, LOAD + "print(m.fib(30n), m.fib(20));") == [832040, 6765]


def test_errors(in_node: InNode) -> None:
    told = in_node(
        '(defn f [a] (/ 10 a)) (defn g [] (throw {:type :mine :message "no" :data {:a [1]}}))',
        LOAD
        + """
try {
  m.f(0);
} catch (e) { print(e instanceof R.RtfsError, e.kind, e.code, e.message, e.span, e.data, e.module); }
try { m.g(); } catch (e) { print(e.kind, e.message, String(e.type), e.data, e.name); }
print(m.f(2));""",
    )
    assert told[0] == [True, "DivisionByZero", "R005", "Division by zero", [12, 20], None, None]
    assert told[1] == ["ApplicationError", "no", ":mine", [[":a", [1]]], "RtfsError"]
    assert told[2] == 5


def test_an_error_of_the_top_level(in_node: InNode) -> None:
    told = in_node("(defn f [] 1) (/ 1 0)", "print(await R.load().catch((e) => [e.kind, e.span]));")
    assert told == ["DivisionByZero", [14, 21]]


def test_limits(in_node: InNode) -> None:
    told = in_node(
        "(defn deep [n] (+ 1 (deep n))) (defn caught [] (try (deep 1) (catch StackOverflow e :deep)))"
        "(defn big [n] (loop [i 0 v []] (if (< i n) (recur (inc i) (conj v [i i])) (count v))))"
        "(defn text [n] (loop [i 0 s :x] (if (< i n) (recur (inc i) (str s s)) s)))",
        """
const m = await R.load({ memoryBytes: 8 << 20, outputBytes: 1 << 16 });
print(failure(() => m.deep(1)), m.caught());
print(failure(() => m.big(1000000)), m.big(1000));
print(failure(() => m.text(20)), m.text(2));
const size = R.info(m).memoryBytes;
for (let i = 0; i < 20000; i++) m.big(10);
print(R.info(m).memoryBytes === size, size <= 8 << 20);
print(await R.load({ memoryBytes: 1000 }).catch((e) => [e.kind, e.message]));
print(await R.load({ memoryBytes: -1 }).catch((e) => e.name));""",
    )
    assert told[0] == [["RtfsError", "StackOverflow", "Stack overflow"], ":deep"]
    assert told[1] == [["LimitExceeded", "MemoryLimit", "Memory limit of 8388608 bytes exceeded"], 1000]
    assert told[2] == [["LimitExceeded", "OutputLimit", "Output limit of 65536 bytes exceeded"], ":x:x:x:x"]
    assert told[3] == [True, True]
    assert told[4] == ["MemoryLimit", "Memory limit of 1000 bytes exceeded"]
    assert told[5] == "RangeError"


def test_tail_calls_run_in_constant_stack(in_node: InNode) -> None:
    program = (
        "(defn even [n] (if (= n 0) true (odd (- n 1)))) (defn odd [n] (if (= n 0) false (even (- n 1))))"
    )
    assert in_node(program, LOAD + "print(m.even(1000000));") is True


def test_functions_as_values(in_node: InNode) -> None:
    told = in_node(
        "(defn adder [n] (fn [x] (+ x n))) (defn call-it [f x] (f x)) (defn twice [f] (fn [x] (f (f x))))",
        LOAD
        + """
const add = m.adder(10);
print(add(5), m.callIt(add, 1), m.twice(add)(1), failure(() => add("x")), failure(() => add()));
print(m.callIt(new HostFunction((x) => x * 2), 21), m.callIt(m.adder(1), 1));
add.close();
print(failure(() => add(1)), failure(() => m.callIt(add, 1)));
const failing = new HostFunction(() => { throw new SyntaxError("own"); });
print(failure(() => m.callIt(failing, 1)), m.callIt(m.adder(1), 2));
print(m.callIt(new HostFunction((x) => m.adder(x)(1)), 4));
const other = await R.load();
print(failure(() => other.callIt(m.adder(1), 1)));
for (let i = 0; i < 2000; i++) m.adder(i);
globalThis.gc(); await new Promise((done) => setTimeout(done, 20));
print(m.adder(1)(1));""",
    )
    assert told[0][:3] == [15, 11, 21]
    assert told[0][3][:2] == ["RtfsError", "TypeError"] and told[0][4][1] == "ArityMismatch"
    assert told[1] == [42, 2]
    assert told[2] == [["Error", None, "the function handle is closed"]] * 2
    assert told[3] == [["SyntaxError", None, "own"], 3]
    assert told[4] == 5
    assert "granted" in told[5][2]
    assert told[6] == 2


def test_functions_that_the_top_level_keeps_stay(in_node: InNode) -> None:
    told = in_node(
        """(def kept (call :my.function 5))
(defn call-kept [x] (kept x))
(defn apply-to [f x] (f x))
(defn adder [n] (fn [x] (+ x n)))""",
        """
const given = (n) => new R.HostFunction((x) => [n, x]);
const m = await R.load({ host: { "my.function": given } });
print(m.callKept(1), m.applyTo(given("own"), 2), m.callKept(3));
m.adder(1).close();
print(m.applyTo(given("own"), 4), m.callKept(5), m.applyTo(given("own"), 6), m.callKept(7));""",
    )
    assert told == [[[5, 1], ["own", 2], [5, 3]], [["own", 4], [5, 5], ["own", 6], [5, 7]]]


def test_capabilities_by_name(in_node: InNode) -> None:
    told = in_node(
        '(defn cost [item] (call :my.price item 3)) (defn env [] (get-env "HOME"))'
        "(defn safe [] (try (call :my.price 1 2) (catch HostError e (:message e))))"
        "(defn shout [x] (println x 1.0)) (defn id-of [] (context/get :plan-id))",
        """
const said = [];
const price = (item, n) => { if (item === 1) throw new Error("bad item"); return [item, n * 2.5]; };
const host = { "my.price": price, "ccos.io.println": (text) => { said.push(text); } };
const m = await R.load({ host, context: { "plan-id": "p7" } });
print(m.cost("tea"), m.safe(), failure(() => m.env()), m.shout([keyword("a")]), said, m.idOf());
const bare = await R.load();
print(failure(() => bare.cost("tea")), bare.idOf());
const late = await R.load({ host: { "my.price": async () => 1 } });
print(failure(() => late.cost("tea")));""",
    )
    assert told[0][0] == ["tea", 7.5]
    assert told[0][1] == "Host error: my.price: bad item"
    denied = "Security violation: call on ccos.system.get-env in controlled context"
    assert told[0][2][1:] == ["SecurityViolation", denied]
    assert told[0][3:] == [None, ["[:a] 1"], "p7"]
    assert told[1] == [["RtfsError", "UnknownCapability", "Unknown capability: my.price"], None]
    assert "at once, not with a promise" in told[2][2]


def test_what_a_name_may_be(in_node: InNode) -> None:
    told = in_node(
        "(defn f [k] (context/get k)) (defn g [k] (call k)) (defn $init [] 1) (def x 2) (defn =x [] 3)"
        "(defn make [] (fn [] 1))",
        LOAD
        + """
for (const key of [null, 1, 1.5, true, [], new Map(), m.make()]) print(failure(() => m.f(key)));
print(failure(() => m.g([])), m.$init(), m.x, m["=x"]());""",
    )
    kinds = ["nil", "integer", "float", "boolean", "vector", "map", "function"]
    expected = "Type error in context/get: expected keyword, string or symbol, got "
    assert [row[2] for row in told[:7]] == [expected + kind for kind in kinds]
    assert told[7][0][1:] == ["TypeError", "Type error in call: expected keyword or string, got vector"]
    assert told[7][1:] == [1, 2, 3]


def test_steps_and_hints_reach_the_observer(in_node: InNode) -> None:
    told = in_node(
        '(defn run [] (step "first" (step-parallel (context/set :a 1) 2)))',
        """
const seen = [];
const m = await R.load({ observer: (event) => seen.push([event.kind, event.name]) });
print(m.run(), seen);""",
    )
    assert told[0] == [None, 2]
    assert told[1][0] == ["step-started", "first"] and told[1][-1] == ["step-completed", "first"]


def test_files_that_are_refused(in_node: InNode) -> None:
    told = in_node(
        FIB,
        """
import { readFileSync } from "node:fs";
const good = readFileSync("program.wasm");
const refused = (wasm) => R.load({ wasm }).then(() => "loaded", (e) => [e.name, e.message.slice(0, 60)]);
print(await refused(new Uint8Array(0)));
print(await refused(good.subarray(0, 1000)));
print(await refused(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])));
const text = Buffer.from(good);
const at = text.indexOf('"abi":[1');
text[at + 7] = "7".charCodeAt(0);
print(await refused(text));
print(await refused(new URL("absent.wasm", import.meta.url)).catch((e) => e.code));
print(await refused(new WebAssembly.Module(good)), await refused("program.wasm"));""",
    )
    assert told[0][0] == told[1][0] == told[2][0] == told[3][0] == "ModuleRejected"
    assert 'section "rtfs.interface"' in told[2][1]
    assert "not a standalone module of ABI 1" in told[3][1]
    assert told[4][0] == "Error"
    assert told[5] == ["loaded", "loaded"]
