"""What tests take from elsewhere: fetched again where that fails, by one process at a time; their ports."""

from __future__ import annotations

import fcntl
import multiprocessing
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from commands import ROOT

from services import Unavailable
from services import cache as cache_module
from services.cache import persistently, workshop
from services.folder import new_folder, remove
from services.process import free_port, run


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RTFSC_SERVICES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache_module, "PAUSES_S", (0.0, 0.0))
    return tmp_path / "cache"


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_download_that_fails_is_made_again(cache: Path, failures: int) -> None:
    asked: list[int] = []

    def fetch() -> str:
        asked.append(1)
        if len(asked) <= failures:
            raise Unavailable("503")
        return "there"

    assert persistently(fetch) == "there"
    assert len(asked) == failures + 1


def test_a_download_that_never_succeeds_is_given_up(cache: Path) -> None:
    def fetch() -> str:
        raise Unavailable("no network")

    with pytest.raises(Unavailable, match="no network"):
        persistently(fetch)


def test_what_was_fetched_before_a_failure_is_there_for_the_next(cache: Path) -> None:
    with pytest.raises(Unavailable), workshop("ceph") as folder:
        (folder / "half").write_text("of it")
        raise Unavailable("the line is dead")
    with workshop("ceph") as folder:
        assert (folder / "half").read_text() == "of it"
    assert not folder.exists()


def _locked(path: Path) -> bool:
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_one_process_at_a_time_makes_it(cache: Path) -> None:
    with workshop("ceph"), multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_locked, (cache / ".ceph.lock",))
    assert not _locked(cache / ".ceph.lock")


def test_what_a_killed_process_left_behind_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = f"""
import os, signal, tempfile
tempfile.tempdir = {str(tmp_path)!r}
from services.folder import new_folder
(new_folder("redis") / "data").write_text("x")
print("made", flush=True)
signal.pause()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None and child.stdout.readline() == "made\n"
        mine = new_folder("redis")
        assert len(list(tmp_path.iterdir())) == 2, "whoever lives keeps his own"
        child.kill()
    other = new_folder("redis")
    assert set(tmp_path.iterdir()) == {mine, other}
    for folder in (mine, other):
        remove(folder)
    assert not list(tmp_path.iterdir())


def test_a_port_is_kept_for_a_server() -> None:
    port = free_port()
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", port))
    for _ in range(2):  # a server that is stopped and comes back
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0
        with socket.create_server(("127.0.0.1", port)), socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == 0


def test_what_a_command_says_is_told_whatever_its_bytes() -> None:
    assert run(["printf", r"\377ok"]) == "\ufffdok"
    with pytest.raises(Unavailable, match="sh failed: \ufffd"):
        run(["sh", "-c", r"printf '\377' >&2; exit 3"])
