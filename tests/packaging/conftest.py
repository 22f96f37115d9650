"""The wheel that every test here is about, built once."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

import pytest
from commands import ROOT, run

BUILT = (".so", ".irb", ".tables", "rt.wasm", "layout.py", ".o")


@pytest.fixture(scope="session")
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
