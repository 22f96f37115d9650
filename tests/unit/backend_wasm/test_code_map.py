"""Bytes of modules back to functions and places; the source map made of them."""

from __future__ import annotations

import json

import pytest
from any_program import any_program
from conformance_cases import CASES

from backend_wasm.backend import Wasm32Backend
from backend_wasm.code_map import CodeMap
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation, compile_text
from rtfsc.options import CompileOptions
from rtfsc.source_map import _DIGITS, source_map

SOURCE = """(defn area [w h]
  (* w h))
(defn both [xs]
  (let [[a b] xs]
    [(area a 2)
     (nth b 0)]))
(both [1 [2]])"""


def compiled(source: str, level: int = 0) -> Compilation:
    return compile_text(source, CompileOptions(level=level))


def texts(source: str, code: CodeMap, name: str) -> set[str]:
    """What of the source the code of a function comes from."""
    places = {code.names(o) for f in code.functions if f.name == name for o in f.offsets}
    return {source[place[0] : place[1]] for known in places if known and (place := known[1])}


def test_instructions_belong_to_operations() -> None:
    code = compiled(SOURCE).code_map
    assert texts(SOURCE, code, "area") == {"(* w h)"}
    assert {"(area a 2)", "(nth b 0)"} <= texts(SOURCE, code, "both")
    assert texts(SOURCE, code, "top level") == {"(both [1 [2]])"}


def test_inlined_code_has_the_name_of_its_definition() -> None:
    code = compiled(SOURCE, level=2).code_map
    both = next(f for f in code.functions if f.name == "both")
    assert {"area", "both"} == {code.names(offset)[0] for offset in both.offsets if code.names(offset)}


def test_code_of_the_library_and_the_emitter_is_told_apart() -> None:
    code = compiled("(defn f [xs] (sort-by (fn [x] (* x x)) xs)) (f [2 1])").code_map
    assert any(f.library for f in code.functions)
    for function in code.functions:
        if function.library or function.name.startswith("<"):
            assert all(code.names(offset) is None for offset in function.offsets)
    assert code.names(0) is None
    assert code.names(1 << 30) is None


@pytest.mark.parametrize("level", [0, 2])
def test_text_and_binary_go_together(level: int) -> None:
    """The map is made of the lines of the text; the map itself asserts that they fit the instructions."""
    sources = [case.source for case in CASES[:: 40 - 10 * level]] + [any_program(i).text for i in range(40)]
    checked = 0
    for source in sources:
        try:
            module = compiled(source, level).ir
        except DiagnosticError:
            continue
        code, binary = Wasm32Backend().map_code(module), Wasm32Backend().compile(module)
        for before, after in zip(code.functions, code.functions[1:], strict=False):
            assert before.end <= after.start
            assert before.index + 1 == after.index
        assert all(binary[f.end - 1] == 0x0B and f.offsets[-1] == f.end - 1 for f in code.functions)
        checked += 1
    assert checked > 40


def decoded(mappings: str) -> list[tuple[int, ...]]:
    rows, totals = [], [0] * 5
    for segment in mappings.split(","):
        values, shift, value = [], 0, 0
        for letter in segment:
            digit = _DIGITS.index(letter)
            value |= (digit & 31) << shift
            shift += 5
            if digit < 32:
                values.append(-(value >> 1) if value & 1 else value >> 1)
                shift = value = 0
        for i, difference in enumerate(values):
            totals[i] += difference
        rows.append(tuple(totals[: len(values)]))
    return rows


def test_source_map() -> None:
    source = '(defn f [x] "😀" (nth x\n 1))\n(defn g [x] (+ (f x) 1))'
    compilation = compiled(source)
    found = json.loads(compilation.source_map("out/m.wasm"))
    assert (found["version"], found["file"], found["sources"]) == (3, "m.wasm", ["<source>"])
    assert found["sourcesContent"] == [source]
    rows = decoded(found["mappings"])
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert {len(row) for row in rows} <= {1, 5}
    places = {(found["names"][row[4]], row[2], row[3]) for row in rows if len(row) == 5}
    assert places == {("f", 0, 17), ("g", 2, 12), ("g", 2, 15)}  # the emoji counts twice in UTF-16
    for row in rows:
        known = compilation.code_map.names(row[0])
        assert (len(row) == 5) == (known is not None and known[1] is not None)


def test_sources_are_named_relative_to_the_map(tmp_path) -> None:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src/shop/tax.rtfs").write_text("(module shop.tax (:exports [rate]) (defn rate [x] (* 2 x)))")
    program = tmp_path / "src" / "p.rtfs"
    program.write_text("(import shop.tax :as t)\n(defn f [x] (t/rate x))")
    from rtfsc.source import SourceFile

    compilation = Compilation(SourceFile.read(program), CompileOptions(keep_modules=False, level=0))
    sources = {"": compilation.source, **(compilation.code_map and compilation.sources)}
    found = json.loads(source_map(compilation.code_map, str(tmp_path / "out" / "p.wasm"), sources))
    assert found["sources"] == ["../src/p.rtfs", "../src/shop/tax.rtfs"]
    assert {name.rpartition("/")[2] for name in found["names"]} == {"f", "rate"}


def test_a_standalone_module_has_no_map() -> None:
    with pytest.raises(ValueError, match="standalone"):
        CompileOptions(standalone=True, source_map="m.map")
