"""The package installs from its source distribution, and what is installed runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = (".so", ".irb", ".tables", "rt.wasm", "layout.py", ".o")


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist of a copy of the tracked files, so that nothing built here can leak into it."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    tracked = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    run(sys.executable, "setup.py", "-q", "sdist", "-d", str(folder), cwd=source)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert not [name for name in names if name.endswith(BUILT)]
    assert any(name.endswith("native.pyx") for name in names)
    pip = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        str(folder),
        str(sdist),
    )
    run(*pip, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_wheel_holds_what_runs_and_nothing_of_the_build(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "backend_wasm/rt.wasm",
        "rtfsc/stdlib/stdlib.irb",
        "rtfsc/syntax/grammar.tables",
        "rtfsc/errors.toml",
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
