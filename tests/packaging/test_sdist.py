"""The package installs from its source distribution, and what is installed runs."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from commands import ROOT, run

pytestmark = pytest.mark.slow


def test_wheel_holds_what_runs_and_nothing_of_the_build(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "backend_wasm/rt.wasm",
        "rtfsc/stdlib/stdlib.irb",
        "rtfsc/syntax/grammar.tables",
        "rtfsc/errors.toml",
        "runtime/dashboard/style.css",
        "runtime/values/layout.py",
        "rtfsc/py.typed",
    ):
        assert needed in names
    assert any(name.startswith("runtime/evaluator/native.") and name.endswith(".so") for name in names)
    assert not [
        name
        for name in names
        if name.endswith((".c", ".zig", ".o")) or name.startswith(("tests/", "buildtools/"))
    ]


def test_rt_has_the_same_bytes_wherever_it_is_built(wheel: Path) -> None:
    assert zipfile.ZipFile(wheel).read("backend_wasm/rt.wasm") == (ROOT / "backend_wasm/rt.wasm").read_bytes()


def test_the_installed_package_compiles_and_runs(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import rtfsc; print(rtfsc.__file__); print(rtfsc.compile('(defn twice [x] (* 2 x))').twice(21))"
    )
    where, answer = run(
        sys.executable, "-P", "-c", program, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site")
    ).split()
    assert where.startswith(str(tmp_path)) and answer == "42"


PROGRAM = """
import sys, rtfsc
module = rtfsc.compile("(defn twice [x] (* 2 x))")
assert module.twice(21) == rtfsc.compile("(defn f [x] (* 2 x))", engine="evaluator").f(21) == 42
assert rtfsc.load(sys.argv[1]).twice(4) == 8
runtime = rtfsc.Runtime.init()
runtime.publish_file(sys.argv[2])
assert runtime.compile(open(sys.argv[2]).read()).__provenance__.origin == "store"
print(rtfsc.__file__)
"""


def test_the_wheel_in_a_fresh_environment_is_all_that_is_needed(wheel: Path, tmp_path: Path) -> None:
    """Dependencies come from where pip is told to look; nothing of this source tree is on the path."""
    folder, home = tmp_path / "elsewhere", tmp_path / "home"
    folder.mkdir()
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=folder)
    bin = tmp_path / "venv" / "bin"
    own = {"PYTHONPATH": "", "RTFSC_HOME": str(home), "RTFSC_CACHE_DIR": str(tmp_path / "cache")}
    patience = ("--retries", "10", "--timeout", "60")
    run(bin / "python", "-m", "pip", "install", "-q", *patience, wheel, cwd=folder, **own)
    run(bin / "python", "-m", "pip", "check", cwd=folder, **own)
    assert run(bin / "rtfsc", "eval", "(map inc [1 2 3])", cwd=folder, **own) == "[2 3 4]\n"
    source = folder / "twice.rtfs"
    source.write_text("(defn twice [x : Int] : Int (* 2 x))")
    run(bin / "rtfsc", "build", source, cwd=folder, **own)
    assert run(bin / "rtfsc", "run", folder / "twice.wasm", "twice", "5", cwd=folder, **own) == "10\n"
    run(bin / "rtfsc", "build", "--js", folder / "twice.rtfs", "-o", f"{folder}/js/", cwd=folder, **own)
    assert sorted(path.suffix for path in (folder / "js").iterdir()) == [".mjs", ".mts", ".wasm"]
    assert "FAIL" not in run(bin / "rtfsc", "doctor", cwd=folder, **own)
    where = run(bin / "python", "-c", PROGRAM, folder / "twice.wasm", source, cwd=folder, **own)
    assert where.startswith(str(tmp_path / "venv")) and str(ROOT) not in where
