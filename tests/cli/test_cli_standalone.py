"""build --standalone and --js: what is written, what is refused, that Node runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cli_runner import EXAMPLES, Cli
from javascript import node, required

AREA = """(defn line-total
  "Price of a line. */
   example: (line-total {:units 2 :price 3}) => 6"
  [line : [:map [:units :int] [:price :int] [:note :string ?]] & new] : Int
  (* (:units line) (:price line)))
(defn mode [m : [:enum :a :b] f : [:fn [:int] :int] class : String? names : [:map-of :string :float]]
  : [:union :nil [:vector :string]] nil)
(def unit-size : Int 3)
"""


@pytest.fixture
def area(cli: Cli) -> Path:
    return cli.file("area.rtfs", AREA)


def test_standalone_runs_as_any_module(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs", "--standalone", "-o", "alone.wasm")
    cli("build", "area.rtfs", "-o", "plain.wasm")
    assert cli("run", "alone.wasm", "line-total", "{:units 2 :price 3}").stdout == "6\n"
    facts = cli.json("inspect", "alone.wasm")
    assert facts["imports"] == [] and facts["interface"]["standalone"] is True
    assert facts["action"]["features"] == ["standalone"]
    assert "standalone" in cli("inspect", "alone.wasm").stdout
    assert "features" not in cli.json("inspect", "plain.wasm")["action"]


def test_standalone_can_be_signed(cli: Cli, area: Path) -> None:
    cli("init")
    cli("build", "area.rtfs", "--standalone", "--sign", "local")
    assert cli("run", "area.wasm", "unit-size", code=2).stderr
    assert cli("run", "area.wasm", "line-total", "{:units 2 :price 3}").stdout == "6\n"
    (cli.folder / "area.wasm").write_bytes((cli.folder / "area.wasm").read_bytes() + b"\0\1\0")
    assert "error[T" in cli("run", "area.wasm", code=3).stderr


def test_loader_and_declarations(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs", "--js", "-o", "out/")
    assert sorted(path.name for path in (cli.folder / "out").iterdir()) == [
        "area.d.mts",
        "area.mjs",
        "area.wasm",
    ]
    types = (cli.folder / "out/area.d.mts").read_text()
    assert (
        'readonly lineTotal: (line: { readonly "units": Int; readonly "price": Int; '
        'readonly "note"?: string; readonly [name: string]: Input } '
        "| ReadonlyMap<Key, Input>, ..._1: (Input)[]) => Int;"
    ) in types
    assert (
        "readonly mode: (m: Keyword, f: Callable | HostFunction, _2: null | string, "
        "names: ReadonlyMap<string, Int | Float>) => null | (string)[];"
    ) in types
    assert 'readonly "unit-size": Int;' in types and "readonly unitSize: Int;" in types
    assert "Price of a line. * /" in types
    first = {path.name: path.read_bytes() for path in (cli.folder / "out").iterdir()}
    cli("build", "area.rtfs", "--js", "-o", "out/")
    assert first == {path.name: path.read_bytes() for path in (cli.folder / "out").iterdir()}


def test_node_runs_what_was_built(cli: Cli, area: Path) -> None:
    command = required("Node 20 or later", node())
    cli("build", "area.rtfs", "--js")
    script = "import { load } from './area.mjs'; const m = await load();"
    script += "console.log(m.lineTotal({ units: 2, price: 3 }), m.unitSize)"
    arguments = [command, "--input-type=module", "-e", script]
    done = subprocess.run(arguments, cwd=cli.folder, capture_output=True, text=True, check=True)
    assert done.stdout == "6 3\n"


def test_examples_in_node(cli: Cli) -> None:
    command = required("Node 20 or later", node())
    cli("build", EXAMPLES / "pricing.rtfs", "--js", "-o", "out/")
    script = """import { load, keyword } from './out/pricing.mjs'; const m = await load();
const total = m.priceOrder([{ units: 12, price: 999 }], keyword("de"));
console.log([...total].map(([key, value]) => `${key} ${value}`).join());"""
    arguments = [command, "--input-type=module", "-e", script]
    done = subprocess.run(arguments, cwd=cli.folder, capture_output=True, text=True, check=True)
    assert done.stdout == ":net 11389,:tax 2164,:total 13553\n"


def test_what_does_not_go_together(cli: Cli, area: Path) -> None:
    for other in (["--target", "rtfs-ir"], ["--emit", "wat"]):
        assert "does not go with" in cli("build", "area.rtfs", "--js", *other, code=2).stderr
        assert "does not go with" in cli("build", "area.rtfs", "--standalone", *other, code=2).stderr
    assert "must end in .wasm" in cli("build", "area.rtfs", "--js", "-o", "area.mjs", code=2).stderr
    assert sorted(path.name for path in cli.folder.iterdir()) == ["area.rtfs"]
