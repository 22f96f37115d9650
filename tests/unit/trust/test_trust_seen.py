"""What a user remembers of stores, and what becomes of it where nothing can be written."""

from __future__ import annotations

import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from modes import bound_by_modes

from runtime.trust.clock import SKEW_S, Clock
from runtime.trust.errors import ClockMovedBack, TrustStoreError
from runtime.trust.merkle import Frontier, leaf_hash
from runtime.trust.seen import Seen, SeenLeaf

LEAVES = [SeenLeaf(leaf_hash(b"%d" % i), "publication", f"{i:064x}", None) for i in range(5)]


def frontier_of(leaves: list[SeenLeaf]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf.hash)
    return frontier


def test_looking_makes_nothing(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "home" / "seen.sqlite")
    store = seen.store("s")
    assert (seen.newest_time(), store.frontier(), store.kept()) == (0, Frontier(), [])
    assert store.find("publication", "x") == [] and store.version("n", "", ["k"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_was_noted_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "home" / "seen.sqlite"
    first = Seen(path)
    kept = LEAVES[1]._replace(kind="revocation", leaf=b"revocation")
    assert first.store("s").extend(0, [LEAVES[0], kept])
    first.store("s").note_version("n", ["", "part"], ["k"], 3)
    first.note_time(1000)
    first.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    seen = Seen(path)
    store = seen.store("s")
    assert store.frontier() == frontier_of([LEAVES[0], kept])
    assert store.hashes(0, 9) == [LEAVES[0].hash, kept.hash]
    assert store.find("publication", LEAVES[0].subject) == [0]
    assert store.kept() == [(1, b"revocation")]
    assert [store.version("n", part, ["other", "k"]) for part in ("", "part", "x")] == [3, 3, 0]
    assert seen.newest_time() == 1000
    assert seen.store("another").frontier() == Frontier()


def test_versions_and_times_only_grow() -> None:
    seen = Seen()
    store = seen.store("s")
    for serial in (2, 5, 3):
        store.note_version("n", [""], ["k"], serial)
        seen.note_time(serial)
    assert (store.version("n", "", ["k"]), seen.newest_time()) == (5, 5)
    seen.forget_time()
    store.forget()
    assert (store.version("n", "", ["k"]), seen.newest_time()) == (0, 0)


def test_of_two_processes_that_read_on_one_adds(tmp_path: Path) -> None:
    mine, other = (Seen(tmp_path / "seen.sqlite").store("s") for _ in range(2))
    assert mine.extend(0, LEAVES[:2])
    assert not other.extend(0, LEAVES[:2])
    assert other.extend(2, LEAVES[2:])
    assert mine.frontier() == frontier_of(LEAVES)


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    Seen(path).note_time(1)
    path.chmod(0o666)
    with pytest.raises(TrustStoreError, match="others can write") as caught:
        Seen(path).newest_time()
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_damaged_file_is_an_error_and_not_forgotten_silently(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    path.chmod(0o600)
    with pytest.raises(TrustStoreError, match="damaged") as caught:
        Seen(path).newest_time()
    assert "move it away" in (caught.value.hint or "")


def test_a_full_disk_keeps_what_is_remembered(tmp_path: Path) -> None:
    """As a limit on the size of files shows it."""
    path = tmp_path / "seen.sqlite"
    before = Seen(path)
    before.store("s").note_version("n", [""], ["k"], 7)
    before.close()
    code = """
import resource, signal, sys
from pathlib import Path
from runtime.trust.merkle import leaf_hash
from runtime.trust.seen import Seen, SeenLeaf
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
store = Seen(Path(sys.argv[1])).store("s")
leaves = [SeenLeaf(leaf_hash(b"%d" % i), "head", "x" * 64, None) for i in range(2000)]
assert store.extend(0, leaves)
assert store.frontier().size == 2000 and store.version("n", "", ["k"]) == 7
"""
    done = subprocess.run([sys.executable, "-c", code, path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = Seen(path).store("s")
    assert (after.version("n", "", ["k"]), after.frontier().size) == (7, 0)


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "seen.sqlite"
    Seen(path).store("s").note_version("n", [""], ["k"], 7)
    tmp_path.chmod(0o500)
    path.chmod(0o400)
    code = """
        import sys
        from pathlib import Path
        from runtime.trust.seen import Seen
        path = Path(sys.argv[1])
        store = Seen(path).store("s")
        store.note_version("n", [""], ["k"], 9)
        print(store.version("n", "", ["k"]), Seen(path).store("s").version("n", "", ["k"]))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=bound_by_modes)
    assert done.stdout == "9 7\n"
    tmp_path.chmod(0o700)


def test_the_clock(tmp_path: Path) -> None:
    now = [10_000.0]
    seen = Seen(tmp_path / "seen.sqlite")
    clock = Clock(lambda: now[0], seen)
    assert clock.checked() == 10_000 and seen.newest_time() == 10_000
    now[0] -= SKEW_S
    assert clock.checked() == 10_000 - SKEW_S
    now[0] -= 1
    for other in (clock, Clock(lambda: now[0], Seen(tmp_path / "seen.sqlite"))):
        with pytest.raises(ClockMovedBack, match="1970-01-01T02:46:40Z was seen before") as caught:
            other.checked()
        assert "rtfsc trust forget --clock" in (caught.value.hint or "")
    seen.forget_time()
    assert clock.checked() == now[0]
