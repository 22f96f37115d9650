"""Other implementations of the kernels, installed below build/peers and run as processes of their own."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.ten.kernels import text

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
FOLDER = ROOT / "build" / "peers"
PYTHON = FOLDER / "python" / "bin" / "python"
MODULES = FOLDER / "node" / "node_modules"


class Unavailable(Exception):
    """This machine lacks a peer; the text says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """``package`` is installed by pip, or by npm where ``script`` runs under Node."""

    name: str
    title: str
    package: str
    script: str = ""

    def command(self) -> list[str]:
        """How its process is started; installs it first. Raises `Unavailable`."""
        if not self.script:
            if self.package:
                _pip(self.package)
            _environment()
            return [str(PYTHON), str(HERE / "python_worker.py"), self.name]
        node = _npm("node@20") / "bin" / "node"
        if self.script.endswith(".js"):
            return [str(node), str(HERE / self.script)]
        nbb = _npm(self.package) / "cli.js"
        return [str(node), str(nbb), "--classpath", str(HERE), str(HERE / self.script)]


PEERS = (
    Peer("python", "CPython", ""),
    Peer("immutables", "CPython, immutables", "immutables"),
    Peer("hy", "Hy", "hy"),
    Peer("basilisp", "Basilisp", "basilisp"),
    Peer("nbb", "nbb", "nbb", "nbb_worker.cljs"),
    Peer("luajit", "LuaJIT", "lupa"),
    Peer("node", "Node", "node@20", "kernels.js"),
)
CALL_PEERS = (
    Peer("quickjs", "quickjs", "quickjs"),
    Peer("luajit", "LuaJIT through lupa", "lupa"),
    Peer("numba", "Numba", "numba"),
)


class Worker:
    """A running peer. ``version`` is what it says of itself."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.command = peer.command()
        self._start()

    def _start(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=_outside_environment()
        )
        self.version = self._line(60)

    def run(self, kernel: str, arguments: Sequence[int], seconds: float) -> tuple[float, int] | None:
        """Seconds and result; None if it was stopped after ``seconds``."""
        words = [str(_text_file(n)) if kernel == "words" else str(n) for n in arguments]
        assert self.process.stdin
        self.process.stdin.write(" ".join([kernel, *words]) + "\n")
        self.process.stdin.flush()
        try:
            elapsed, result = self._line(seconds).split()
        except TimeoutError:
            self.process.kill()
            self.process.wait()
            self._start()
            return None
        return float(elapsed), round(float(result))

    def _line(self, seconds: float) -> str:
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise TimeoutError
        line = self.process.stdout.readline()
        if not line:
            error = self.process.communicate()[1].strip().splitlines()
            raise Unavailable(error[-1] if error else f"ended with {self.process.returncode}")
        return line.strip()

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.communicate()


def start(peers: Sequence[Peer]) -> tuple[list[Worker], list[str]]:
    """Those that run here, and a line for each that does not."""
    workers, missing = [], []
    for peer in peers:
        try:
            workers.append(Worker(peer))
        except (Unavailable, OSError, TimeoutError) as reason:
            missing.append(f"{peer.title} is left out: {reason or 'it does not start'}")
    return workers, missing


@cache
def _text_file(seed: int) -> Path:
    path = FOLDER / f"text-{seed}"
    path.write_text(text(seed), encoding="utf-8")
    return path


@cache
def _environment() -> None:
    if not PYTHON.exists():
        print("benchmarks: making an environment for the peers in build/peers", file=sys.stderr)
        _do([sys.executable, "-m", "venv", str(PYTHON.parent.parent)])


@cache
def _pip(package: str) -> None:
    _environment()
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    if subprocess.run([*pip, "show", "--quiet", package], capture_output=True).returncode:
        print(f"benchmarks: installing {package}", file=sys.stderr)
        _do([*pip, "install", "--quiet", package])


def interpreter(*packages: str) -> Path:
    """The Python of the peers, with these packages. Raises `Unavailable`."""
    for package in packages:
        _pip(package)
    return PYTHON


@cache
def _npm(package: str) -> Path:
    """The folder of an npm package."""
    folder = MODULES / package.partition("@")[0]
    if not folder.exists():
        npm = shutil.which("npm")
        if not npm:
            raise Unavailable("npm is not installed (on Debian: the package npm)")
        print(f"benchmarks: installing {package}", file=sys.stderr)
        MODULES.parent.mkdir(parents=True, exist_ok=True)
        _do([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(MODULES.parent), package])
    return folder


def _outside_environment() -> dict[str, str]:
    """Without what is set for the project's own interpreter."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _do(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=_outside_environment())
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{Path(command[0]).name} failed: {lines[-1] if lines else done.returncode}")
