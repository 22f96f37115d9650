"""build, emit and inspect: files of every kind, stages as text, what a module says about itself."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_runner import EXAMPLES, Cli

import rtfsc
from runtime.wasm.engine import wat2wasm
from runtime.wasm.errors import ModuleRejected

AREA = """(defn area
  "Of a rectangle.
   example: (area 2 3) => 6"
  [w : Int h : Int] : Int
  (* w h))
(def unit (area 1 1))
"""


@pytest.fixture
def area(cli: Cli) -> Path:
    return cli.file("area.rtfs", AREA)


def test_build_writes_beside_the_source(cli: Cli, area: Path) -> None:
    assert cli("build", "area.rtfs").stdout == ""
    assert (cli.folder / "area.wasm").read_bytes()[:4] == b"\0asm"
    assert cli("run", "area.wasm", "area", "6", "7").stdout == "42\n"
    assert cli("run", "area.wasm").stdout == "1\n"


def test_build_of_serialised_ir(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs", "--target", "rtfs-ir", "-o", "out.rtfs-ir")
    assert cli("run", "out.rtfs-ir", "area", "6", "7").stdout == "42\n"


def test_build_of_a_folder_into_a_new_one(cli: Cli) -> None:
    cli("build", EXAMPLES, "-o", "out/")
    built = sorted(path.name for path in (cli.folder / "out").iterdir())
    assert built == sorted(path.stem + ".wasm" for path in EXAMPLES.glob("*.rtfs"))


def test_build_of_standard_input(cli: Cli) -> None:
    cli("build", "-", "-o", "m.wasm", input="(defn f [] 7)")
    assert cli("run", "m.wasm", "f").stdout == "7\n"


def test_wrong_use_of_build(cli: Cli, area: Path) -> None:
    cli.file("other.rtfs", "1")
    assert "-o must be a folder" in cli("build", "area.rtfs", "other.rtfs", "-o", "x.wasm", code=2).stderr
    assert "invalid choice" in cli("build", "area.rtfs", "--target", "java", code=2).stderr
    (cli.folder / "deeper").mkdir()
    cli.file("deeper/area.rtfs", "2")
    assert "two sources" in cli("build", "area.rtfs", "deeper/area.rtfs", "-o", "out/", code=2).stderr
    assert "no key 'local'" in cli("build", "area.rtfs", "--sign", "local", code=2).stderr
    assert "No such file" in cli("build", "area.rtfs", "-o", "absent/x.wasm", code=1).stderr
    assert list(cli.folder.glob("**/*.wasm")) == []


def test_one_bad_source_does_not_stop_the_others(cli: Cli, area: Path) -> None:
    cli.file("bad.rtfs", "(")
    assert "error[S002]" in cli("build", "bad.rtfs", "area.rtfs", code=1).stderr
    assert (cli.folder / "area.wasm").exists() and not (cli.folder / "bad.wasm").exists()


def test_a_build_that_fails_leaves_the_former_module(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs")
    before = (cli.folder / "area.wasm").read_bytes()
    cli.file("area.rtfs", "(")
    cli("build", "area.rtfs", code=1)
    assert (cli.folder / "area.wasm").read_bytes() == before
    assert sorted(path.name for path in cli.folder.iterdir()) == ["area.rtfs", "area.wasm"]


# -- signed files


@pytest.mark.parametrize("target", ["wasm32", "rtfs-ir"])
def test_a_signed_module_is_verified_when_it_runs(cli: Cli, area: Path, target: str) -> None:
    cli("init", "--home")
    module = cli.folder / f"m.{target}".replace("wasm32", "wasm")
    cli("build", "area.rtfs", "--target", target, "-o", module, "--sign", "local")
    manifest = Path(f"{module}.dsse")
    assert cli("run", module, "area", "2", "3").stdout == "6\n"
    data = module.read_bytes()
    module.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "error[T004]" in cli("run", module, "area", "2", "3", code=3).stderr
    module.write_bytes(data)
    signed = json.loads(manifest.read_text())
    signed["signatures"][0]["sig"] = "A" * 86 + "=="
    manifest.write_text(json.dumps(signed, sort_keys=True, separators=(",", ":")))
    assert "error[T0" in cli("run", module, code=3).stderr
    manifest.unlink()
    assert cli("run", module, "area", "2", "3").stdout == "6\n"


def test_a_module_signed_by_a_stranger_is_refused(cli: Cli, area: Path) -> None:
    cli("init", "--home")
    cli("build", "area.rtfs", "--sign", "local")
    cli.env["RTFSC_HOME"] += "-of-somebody-else"
    assert "error[T002]" in cli("run", "area.wasm", "area", "2", "3", code=3).stderr


def test_files_that_are_no_modules(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs")
    data = (cli.folder / "area.wasm").read_bytes()
    for name, content in {
        "empty.wasm": b"",
        "text.wasm": b"(module)",
        "head.wasm": data[:8],
        "cut.wasm": data[: len(data) // 2],
        "noise.wasm": data[:40] + bytes(200),
        "cut.rtfs-ir": b"\x00rtfsir\x01\x05ab",
    }.items():
        cli.file(name, content)
        for command in ("run", "inspect"):
            told = cli(command, name, code=1).stderr
            assert told.startswith("error[W001]: not an RTFS module: "), told


def test_compiled_files_where_source_is_wanted(cli: Cli, area: Path) -> None:
    cli("init")
    cli("build", "area.rtfs")
    cli("build", "area.rtfs", "--target", "rtfs-ir")
    for name in ("area.wasm", "area.rtfs-ir"):
        for command in ("build", "publish", "check"):
            told = cli(command, name, code=1).stderr
            assert "error[IO004]" in told and "rtfsc run" in told
    with pytest.raises(rtfsc.DiagnosticError, match="compiled"):
        rtfsc.Runtime(store=cli.folder / "store").publish_file(cli.folder / "area.wasm")


def test_webassembly_of_others_is_shown_and_refused(cli: Cli, area: Path) -> None:
    foreign = '(module (import "env" "system" (func (param i32))) (func (export "go") i32.const 1 call 0))'
    cli.file("foreign.wasm", wat2wasm(foreign))
    for command in (["run"], ["run", "--engine", "evaluator"]):
        told = cli(*command, "foreign.wasm", code=1).stderr
        assert told.startswith("error[W001]: not an RTFS module: section 'rtfs.interface' is missing")
    shown = cli("inspect", "foreign.wasm", code=1)
    assert (
        "env.system (function)" in shown.stdout and "error[W001]" in shown.stderr and "hint" in shown.stderr
    )
    assert "call" in cli("inspect", "foreign.wasm", "--disassemble").stdout
    facts = json.loads(cli("inspect", "foreign.wasm", "--json", code=1).stdout)
    assert facts["interface"] is None and facts["fault"] and facts["imports"][0]["module"] == "env"


@pytest.mark.parametrize(
    ("change", "code", "hint"),
    [
        (lambda data: data.replace(b'"abi":[1,', b'"abi":[7,'), "W002", "build it again"),
        (lambda data: data.replace(b"\x04rtfs\x06memory", b"\x04wasi\x06memory"), "W003", "rtfs_host"),
        (lambda data: data.replace(b"\x04rtfs\x06memory", b"\x04rtfs\x06rt_not"), "W003", "rtfs_host"),
        (lambda data: data[: len(data) * 2 // 3], "W001", ""),
        (lambda data: data.replace(b"rtfs.sites", b"rtfs.sitez"), "W001", ""),
        (lambda data: data.replace(b"\x04area", b"\x04arex"), "W004", ""),
    ],
    ids=["abi", "undeclared", "unknown", "truncated", "section", "export"],
)
def test_modules_that_do_not_fit(cli: Cli, area: Path, change: Any, code: str, hint: str) -> None:
    cli("build", "area.rtfs", "-O", "0")
    data = (cli.folder / "area.wasm").read_bytes()
    assert change(data) != data
    cli.file("bad.wasm", change(data))
    told = cli("run", "bad.wasm", "area", "1", "2", code=1).stderr
    assert f"error[{code}]: " in told and hint in told
    with pytest.raises(ModuleRejected) as caught:
        rtfsc.load(cli.folder / "bad.wasm").area(1, 2)
    assert caught.value.code == code


# -- emit


STAGES = {
    "forms": "(defn area",
    "expanded": "(defn area",
    "ast": "(Def area",
    "types": "area : [:fn [:int :int] :int]\nunit : ",
    "ir": "(function area (params w h)",
    "opt-ir": "area#ii",
    "wat": "(module",
}


@pytest.mark.parametrize("stage", STAGES)
def test_emit_prints_every_stage(cli: Cli, area: Path, stage: str) -> None:
    text = cli("emit", "area.rtfs", "--emit", stage).stdout
    assert STAGES[stage] in text and text.endswith("\n")
    assert cli("emit", "-", "--emit", stage, input=AREA).stdout == text
    assert cli("build", "area.rtfs", "--emit", stage).stdout.replace('"area"', '"main"') == text.replace(
        '"area"', '"main"'
    )


def test_emit_expanded_shows_the_code_that_macros_made(cli: Cli) -> None:
    program = "(defmacro twice [x] `(do ~x ~x)) (defn f [x] (twice (inc x)))"
    assert cli("emit", "-", "--emit", "forms", input=program).stdout.endswith("(twice (inc x)))\n")
    expanded = cli("emit", "-", "--emit", "expanded", input=program).stdout
    assert expanded == "nil\n(defn f [x] (do (inc x) (inc x)))\n"


def test_emit_of_wasm_is_what_build_writes(cli: Cli, area: Path) -> None:
    cli("emit", "area.rtfs", "--emit", "wasm", "-o", "a.wasm")
    cli("build", "area.rtfs", "--emit", "wasm", "-o", "out/")
    cli("build", "-", "-o", "b.wasm", input=AREA)
    assert (cli.folder / "a.wasm").read_bytes() == (cli.folder / "b.wasm").read_bytes()
    assert cli("run", "out/area.wasm", "area", "2", "2").stdout == "4\n"


def test_printing_after_a_pass(cli: Cli, area: Path) -> None:
    result = cli("emit", "area.rtfs", "--emit", "types", "--print-after", "specialise")
    assert result.stderr.startswith("; after specialise\n(module ") and "area#ii" in result.stderr
    assert "; after" not in result.stdout
    error = cli("emit", "area.rtfs", "--print-after", "magic", code=2).stderr
    assert "no pass 'magic' runs at -O2; those that do: tail, inline" in error
    assert "none" in cli("emit", "area.rtfs", "-O0", "--print-after", "tail", code=2).stderr


def test_forms_that_were_emitted_read_back_as_the_same(cli: Cli) -> None:
    for example in EXAMPLES.glob("*.rtfs"):
        forms = cli("emit", example, "--emit", "forms").stdout
        assert cli("emit", "-", "--emit", "forms", input=forms).stdout == forms


# -- inspect


def test_inspect_tells_what_a_module_is(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs")
    data = (cli.folder / "area.wasm").read_bytes()
    told = cli.json("inspect", "area.wasm")
    assert told["digest"] == hashlib.sha256(data).hexdigest() and told["bytes"] == len(data)
    assert told["manifest"] is None and told["interface"]["abi"][0] == 1
    exports = {export["name"]: export for export in told["interface"]["exports"]}
    assert exports["area"]["param_types"] == [":int", ":int"] and exports["unit"]["kind"] == "value"
    assert {"module": "rtfs", "name": "memory", "kind": "memory"} in told["imports"]
    assert sum(section["bytes"] for section in told["sections"]) == len(data) - 8
    assert {"rtfs.interface", "rtfs.sites", "rtfs.action", "producers", "code"} <= {
        section["name"] for section in told["sections"]
    }
    assert told["action"]["level"] == 2 and len(told["action"]["compiler"]) == 64
    text = cli("inspect", "area.wasm").stdout
    assert told["digest"] in text and "(area [w : :int h : :int]) : :int\n      Of a rectangle." in text


def test_inspect_of_serialised_ir_and_of_a_signed_module(cli: Cli, area: Path) -> None:
    cli("init", "--home")
    cli("build", "area.rtfs", "--target", "rtfs-ir", "--sign", "local")
    told = cli.json("inspect", "area.rtfs-ir")
    assert told["target"] == "rtfs-ir" and told["manifest"] == "area.rtfs-ir.dsse"
    assert [export["name"] for export in told["interface"]["exports"]] == ["area", "unit"]
    assert "module area, target rtfs-ir" in cli("inspect", "area.rtfs-ir").stdout
    assert "--disassemble prints" in cli("inspect", "area.rtfs-ir", "--disassemble", code=2).stderr


def test_disassembly(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs")
    code = cli("inspect", "area.wasm", "--disassemble").stdout
    assert "i64.mul" in code and "func[" in code
    assert "No such file" in cli("inspect", "absent.wasm", code=1).stderr


# -- same source, same bytes


def test_builds_are_reproducible(cli: Cli) -> None:
    digests: set[str] = set()
    for seed, folder in (("1", "one"), ("2", "two/deeper")):
        (cli.folder / folder).mkdir(parents=True)
        cli.env["PYTHONHASHSEED"] = seed
        for example in sorted(EXAMPLES.glob("*.rtfs")):
            cli.file(f"{folder}/{example.name}", example.read_bytes())
        for target in ("wasm32", "rtfs-ir"):
            cli("build", folder, "--target", target)
        built = sorted(p for p in (cli.folder / folder).iterdir() if p.suffix in (".wasm", ".rtfs-ir"))
        assert len(built) == 2 * len(list(EXAMPLES.glob("*.rtfs")))
        digests.add(hashlib.sha256(b"".join(path.read_bytes() for path in built)).hexdigest())
    assert len(digests) == 1


# -- a bar for many modules, on a terminal only


def test_progress_bar(cli: Cli) -> None:
    for n in range(5):
        cli.file(f"m{n}.rtfs", "(" if n == 2 else f"(def x {n})")
    assert "#" not in cli("check", ".", code=1).stderr.replace("S002", "")
    shown = _on_a_terminal(cli, "check", ".")
    assert "checking [########################] 5/5" in shown and "2/5" in shown
    assert "\x1b[1;31merror[S002]\x1b[0m" in shown
    cli.env["NO_COLOR"] = "1"
    assert "\x1b[1;31m" not in _on_a_terminal(cli, "check", ".")


def _on_a_terminal(cli: Cli, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rtfsc", *arguments]
    process = subprocess.Popen(command, cwd=cli.folder, env=cli.env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    process.wait(timeout=60)
    return shown.decode()


def test_source_map(cli: Cli, area: Path) -> None:
    cli("build", "area.rtfs", "--source-map", "-O0")
    found = json.loads((cli.folder / "area.wasm.map").read_text())
    assert (found["file"], found["sources"], "area" in found["names"]) == ("area.wasm", ["area.rtfs"], True)
    assert cli("run", "area.wasm", "area", "6", "7").stdout == "42\n"
    sections = cli("inspect", "area.wasm").stdout
    assert "sourceMappingURL" in sections
    cli("build", "area.rtfs", "--source-map", "--standalone", code=2)
    cli("build", "area.rtfs", "--source-map", "--target", "rtfs-ir", code=2)


def test_a_limit_shows_what_ran(cli: Cli) -> None:
    cli.file("spin.rtfs", "(defn spin [n]\n  (loop [i 0]\n    (recur (+ i (mod n 2)))))\n(spin 3)\n")
    shown = cli("run", "spin.rtfs", "--deadline-ms", "500", code=1).stderr
    assert "spin.rtfs:3:" in shown
    assert "in spin, line 3" in shown


def test_a_file_that_is_built_anew_keeps_no_signature_of_another(cli: Cli) -> None:
    cli("init", "--home")
    cli.file("p.rtfs", "(defn f [x] x)")
    cli("build", "--sign", "local", "p.rtfs")
    assert cli("build", "p.rtfs").stderr == "", "the same bytes stay signed"
    assert (cli.folder / "p.wasm.dsse").exists()
    cli.file("p.rtfs", "(defn f [x] [x])")
    assert "warning: p.wasm is not signed any more" in cli("build", "p.rtfs").stderr
    assert cli("run", "p.wasm", "f", "1").stdout == "[1]\n"


def test_a_top_level_that_fails_where_it_is_certified_has_a_place(cli: Cli) -> None:
    cli("init", "--home")
    cli.file("p.rtfs", '(defn f [x] x)\n(call :ccos.system.get-env "HOME")')
    for command in (("build", "--sign", "local"), ("publish",)):
        told = cli(*command, "p.rtfs", code=1).stderr
        assert "error[R023]" in told and "p.rtfs:2:1" in told


@pytest.mark.parametrize("target", ["wasm32", "rtfs-ir"])
def test_signed_files_with_guards(cli: Cli, target: str) -> None:
    cli("init", "--home")
    cli.file(
        "p.rtfs", '(defn kind "Of a mail" [text : String] : String "unknown")\n(defn both [a] [(kind a)])'
    )
    cli.file(
        "delegation.toml",
        "[models.words]\nprovider = \"rules\"\ntext = '''default = '\"ham\"' '''\n"
        '[[rule]]\nsymbol = "kind"\ntarget = "local-words"\n',
    )
    file = {"wasm32": "p.wasm", "rtfs-ir": "p.rtfs-ir"}[target]
    cli("build", "--target", target, "--guard", "kind", "--sign", "local", "p.rtfs")
    assert "verified" in cli("verify", file).stdout
    assert cli("run", file, "both", '"x"').stdout == '["unknown"]\n'
    assert cli("run", file, "both", '"x"', "--delegation", "delegation.toml").stdout == '["ham"]\n'
    assert "is a compiled module" in cli("publish", file, code=1).stderr
    assert "published" in cli("publish", "p.rtfs", "--inputs", "2").stdout
