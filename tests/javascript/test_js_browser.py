"""The loader in headless Chromium: the same answers as in Node."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rtfsc.driver import compile_text
from rtfsc.javascript import loader
from rtfsc.options import CompileOptions
from services import Unavailable
from services.browser import Chromium

PROGRAM = """(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(defn swap [m] (into {} (map (fn [[k v]] [v k]) m)))
(defn adder [n] (fn [x] (+ x n)))
(defn div [a] (/ 10 a))
(defn deep [n] (+ 1 (deep n)))
(defn caught [] (try (deep 1) (catch StackOverflow e :deep)))
(defn big [n] (loop [i 0 v []] (if (< i n) (recur (inc i) (conj v [i i])) (count v))))
(defn ask [x] (call :my.price x))
(defn even [n] (if (= n 0) true (odd (- n 1)))) (defn odd [n] (if (= n 0) false (even (- n 1))))"""
PAGE = """<!doctype html><script type="module">
const failure = (body) => {
  try { return body(); } catch (e) { return [e.name, e.kind, e.message, e.span]; }
};
const told = {};
try {
  const { load, keyword, HostFunction } = await import("./program.mjs");
  const m = await load({ memoryBytes: 16 << 20, host: { "my.price": (x) => [x, 2.5] } });
  told.fib = [m.fib(30n), String(m.fib(2n))];
  told.swap = [...m.swap({ a: "b" })].map(([k, v]) => [k, String(v)]);
  const add = m.adder(3);
  told.adder = add(4);
  add.close();
  told.error = failure(() => m.div(0));
  told.deep = [failure(() => m.deep(1)).slice(0, 3), String(m.caught())];
  told.memory = failure(() => m.big(1e7)).slice(0, 2);
  told.after = m.big(10);
  told.host = [m.ask("tea"), failure(() => m.ask(new Date())).slice(2, 3)];
  told.tail = m.even(1000000);
  told.refused = await load({ wasm: "page.html" }).catch((e) => e.name);
  told.missing = await load({ wasm: "nothing.wasm" }).catch((e) => e.name);
} catch (e) { told.failure = String(e.stack ?? e); }
await fetch("/result", { method: "POST", body: JSON.stringify(told) });
</script>"""


def test_in_chromium(tmp_path: Path) -> None:
    (tmp_path / "program.wasm").write_bytes(compile_text(PROGRAM, CompileOptions(standalone=True)).artifact)
    (tmp_path / "program.mjs").write_text(loader("program.wasm"), encoding="utf-8")
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    try:
        told = json.loads(Chromium().result_of(tmp_path, "page.html"))
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Chromium on this machine: {error}")
    at = PROGRAM.index("(/ 10 a)")
    assert told == {
        "fib": [832040, "1"],
        "swap": [["b", ":a"]],
        "adder": 7,
        "error": ["RtfsError", "DivisionByZero", "Division by zero", [at, at + 8]],
        "deep": [["RtfsError", "StackOverflow", "Stack overflow"], ":deep"],
        "memory": ["LimitExceeded", "MemoryLimit"],
        "after": 10,
        "host": [["tea", 2.5], ["argument 0: no RTFS value for Date"]],
        "tail": True,
        "refused": "ModuleRejected",
        "missing": "ModuleRejected",
    }
