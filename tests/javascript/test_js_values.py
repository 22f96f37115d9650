"""Values in both directions between JavaScript and a standalone file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

InNode = Callable[[str, str], Any]
ID = """(defn id [x] x)
(defn show [x] (str x))
(defn kind [x] (cond (int? x) :int (float? x) :float (keyword? x) :keyword :else :other))
"""
LOAD = "const m = await R.load();\n"


def test_numbers(in_node: InNode) -> None:
    told = in_node(
        ID,
        LOAD
        + """
const big = 2n ** 53n;
print([1, -1, big - 1n, big, 2n ** 63n - 1n, -(2n ** 63n), 4611686018427387904n].map((x) => m.id(x)));
print([1, 1.5, 7n, -0, 1e300, new Float(2)].map((x) => m.kind(x)));
print([NaN, Infinity, -Infinity, new Float(2)].map((x) => m.show(x)), Object.is(m.id(-0), -0));
print([failure(() => m.id(2n ** 63n)), failure(() => m.id([[2n ** 64n]]))]);""",
    )
    assert told[0] == [1, -1, 9007199254740991, "9007199254740992n", "9223372036854775807n",
                       "-9223372036854775808n", "4611686018427387904n"]  # fmt: skip
    assert told[1] == [":int", ":float", ":int", ":float", ":float", ":float"]
    assert told[2] == [["NaN", "inf", "-inf", "2"], True]
    assert [row[2] for row in told[3]] == [
        "argument 0: an integer beyond 64 bits",
        "argument 0[0][0]: an integer beyond 64 bits",
    ]


def test_texts_and_names(in_node: InNode) -> None:
    told = in_node(
        ID,
        LOAD
        + """
print(["", "a", "żółć", "😀\\u0000x", "x".repeat(100000)].every((text) => m.id(text) === text));
print(m.id(keyword("a/b")) === keyword("a/b"), m.kind(keyword("k")), m.show(R.symbol("s")));
const time = new R.Timestamp("2024-01-01T00:00:00Z");
print(m.id(new R.Uuid("12345678-1234-1234-1234-1234567890ab")).text, m.id(time) instanceof R.Timestamp);
print(failure(() => m.id("\\ud800")));""",
    )
    assert told[0] is True
    assert told[1] == [True, ":keyword", "s"]
    assert told[2] == ["12345678-1234-1234-1234-1234567890ab", True]
    assert told[3][2] == "argument 0: a text with a lone surrogate"


def test_collections(in_node: InNode) -> None:
    told = in_node(
        ID,
        LOAD
        + """
print(m.id([1, [2.5, null, true], []]), m.id(undefined), m.show([1, [2.5, undefined]]));
print(m.id(new Map([["b", 1], [keyword("a"), 2], [3n, 3]])), m.show({ units: 2, price: { net: 1.5 } }));
print(m.id(List.from([1, 2])) instanceof List, m.id([1, 2]) instanceof List, m.id(Object.create(null)));
print(m.id([1, 2, 3]), m.id([1.5, 2.5]), m.id([2n ** 60n, 1]));
let deep = []; for (let i = 0; i < 100000; i++) deep = [deep];
let depth = 0; for (let out = m.id(deep); out.length; out = out[0]) depth++;
print(depth);""",
    )
    assert told[0] == [[1, [2.5, None, True], []], None, "[1 [2.5 nil]]"]
    assert told[1] == [[["b", 1], [":a", 2], [3, 3]], "{:units 2 :price {:net 1.5}}"]
    assert told[2] == [True, False, []]
    assert told[3] == [[1, 2, 3], [1.5, 2.5], ["1152921504606846976n", 1]]
    assert told[4] == 100000


def test_error_values_go_back(in_node: InNode) -> None:
    told = in_node(
        "(defn caught [x] (try (/ 1 x) (catch Any e e))) (defn again [e] (throw e))"
        "(defn told [e] (:message e))",
        LOAD
        + """
const e = m.caught(0);
print(e.kind, e.message, String(e.type), m.told(e), failure(() => m.again(e)).slice(1));
const own = new R.ErrorValue("Generic", "mine", { a: 1 }, keyword("mine"));
print(m.told(own), failure(() => m.told(new R.ErrorValue("Nothing", "x", null, keyword("k"))))[2]);""",
    )
    assert told[0] == ["DivisionByZero", "Division by zero", ":division-by-zero", "Division by zero",
                       ["DivisionByZero", "Division by zero"]]  # fmt: skip
    assert told[1][0] == "mine" and "needs a kind" in told[1][1]


def test_what_is_refused(in_node: InNode) -> None:
    told = in_node(
        ID,
        LOAD
        + """
print([() => m.id(() => 1), () => m.id(new Date()), () => m.id(Symbol("x")), () => m.id([{ a: [new Set()] }]),
       () => m.id(new Map([[1.5, 1]])), () => m.id(new Map([[[], 1]]))].map(failure).map((row) => row[2]));
const loop = []; loop.push(loop);
print(failure(() => m.id(loop)), m.id([[1], [1]]));
const shared = [1]; print(m.id([shared, shared, { a: shared }]));""",
    )
    assert told[0] == [
        "argument 0: a function has to be granted: new HostFunction(f)",
        "argument 0: no RTFS value for Date",
        "argument 0: no RTFS value for a symbol",
        "argument 0[0][:a][0]: no RTFS value for Set",
        "argument 0[1.5]: a map key is a keyword, text or integer, not number",
        "argument 0[]: a map key is a keyword, text or integer, not object",
    ]
    assert told[1] == [["TypeError", None, "argument 0[0]: a value that contains itself"], [[1], [1]]]
    assert told[2] == [[1], [1], [[":a", [1]]]]


def test_exports_by_name(in_node: InNode) -> None:
    told = in_node(
        "(defn price-order? [x] (* x 2)) (def unit-size 3) (defn priceless [] 1)"
        "(defn rest-of [a & more] [a more]) (+ 1 2)",
        LOAD
        + """
print(Object.keys(m), m.priceOrder(2), m["price-order?"](3), m.unitSize, m["unit-size"], m.restOf(1, 2, 3));
print(m.priceOrder.name, failure(() => m.priceOrder()), failure(() => m.restOf()));
print(R.info(m).value, R.info(m).printed, R.info(m).interface.abi[0], failure(() => R.info({})));""",
    )
    assert told[0] == [["price-order?", "unit-size", "priceless", "rest-of"], 4, 6, 3, 3, [1, [2, 3]]]
    assert told[1][0] == "price-order?"
    assert told[1][1][2] == "Arity mismatch in price-order?: expected 1, got 0"
    assert told[1][2][2] == "Arity mismatch in rest-of: expected at least 1, got 0"
    assert told[2][:3] == [3, "3", 1]
