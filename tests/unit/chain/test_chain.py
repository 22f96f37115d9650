"""The chain itself: what is written, what is noticed, what a crash leaves."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.chain.action import Begin, End, shortened
from runtime.chain.chain import FILE, HEAD, Chain
from runtime.chain.errors import ChainDamaged, ChainTruncated
from runtime.chain.head import parse
from runtime.chain.runs import records, run_of, runs
from runtime.chain.verify import Report, verify
from runtime.store.errors import StoreError
from runtime.trust.keys import SigningKey

_GIVEN = os.environ.get("RTFSC_TEST_KEY")
KEY = SigningKey.from_pem(Path(_GIVEN).read_bytes(), str) if _GIVEN else SigningKey.generate()
KEYS = {KEY.public.key_id: KEY.public}
PLAN = "ab" * 32


def chain_in(folder: Path, **options: object) -> Chain:
    """No head is signed for the time that has passed, unless the test says so."""
    return Chain(folder, lambda: KEY, **{"seal_after_s": 1e6, **options})  # type: ignore[arg-type]


def begin(name: str, parent: int | None = None) -> Begin:
    return Begin("call" if parent is not None else "program", name, parent, PLAN, "why", None)


def filled(folder: Path, count: int = 5) -> list[bytes]:
    """A chain with that many runs; its lines."""
    chain = chain_in(folder)
    for i in range(count):
        chain.append(End(chain.append(begin(f"run {i}")), "done", 5))
    chain.close()
    return (folder / FILE).read_bytes().splitlines(keepends=True)


def check(folder: Path) -> Report:
    return verify(folder, KEYS)


def test_what_is_written_is_read_and_holds(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    run = chain.append(begin("main"))
    call = chain.append(begin('my.price "ü"\n\x07', run))
    chain.append(End(call, "error", 7, None, ("IoError", "gone\n"), "0.25"))
    chain.append(End(run, "done", 9, "cd" * 32))
    chain.close()
    report = check(tmp_path)
    assert report.holds and (report.runs, report.actions, report.heads, report.unsigned) == (1, 2, 1, 0)
    found = run_of(tmp_path, run)
    assert (found.outcome, found.outputs, found.took_ns, found.intent) == ("done", "cd" * 32, 9, "why")
    (inner,) = found.children
    assert (inner.name, inner.error, inner.cost) == ('my.price "ü"\n\x07', ("IoError", "gone\n"), "0.25")
    json.dumps(found.as_json())


def test_an_action_without_an_end_is_open(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    run = chain.append(begin("main"))
    chain.append(begin("my.effect", run))
    assert [action.outcome for _, action in run_of(tmp_path, run).below()] == ["open", "open"]


def test_files_are_private(tmp_path: Path) -> None:
    filled(tmp_path / "audit")
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "audit" / FILE).stat().st_mode & 0o777 == 0o600


TAMPERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "changed": (lambda ls: [*ls[:4], ls[4].replace(b'"done"', b'"cut!"'), *ls[5:]], 4, "changed"),
    "changed intent": (lambda ls: [*ls[:3], ls[3].replace(b"why", b"not"), *ls[4:]], 3, "changed"),
    "removed": (lambda ls: ls[:4] + ls[6:], 6, "2 records were taken away"),
    "removed first": (lambda ls: ls[1:], 1, "1 record was taken away"),
    "moved": (lambda ls: [*ls[:4], ls[5], ls[4], *ls[6:]], 4, "put in, or moved"),
    "inserted": (lambda ls: [*ls[:4], ls[3], *ls[4:]], 3, "put in, or moved"),
    "cut off": (lambda ls: ls[:-3], 9, "taken away"),
    "cut off in a line": (lambda ls: [*ls[:-2], ls[-2][:40]], 10, "taken away"),
    "all gone": (lambda ls: [], 0, "taken away"),
    "garbage": (lambda ls: [*ls[:4], b"x\n", *ls[5:]], 4, "not JSON"),
    "no newline within": (lambda ls: [*ls[:4], ls[4][:-1], *ls[5:]], 4, "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_noticed(tmp_path: Path, how: str) -> None:
    tamper, number, text = TAMPERED[how]
    lines = filled(tmp_path)
    (tmp_path / FILE).write_bytes(b"".join(tamper(lines)))
    report = check(tmp_path)
    assert not report.holds
    assert any(at == number and text in said for at, said in report.faults), report.faults


def rehashed(lines: list[bytes], change: Callable[[bytes], bytes]) -> list[bytes]:
    """As somebody without the key would do it who knows the format: all hashes fit again."""
    from runtime.chain.action import START, hash_of

    previous, found = START, []
    for line in lines:
        line = change(line)
        previous = hash_of(line, previous)
        found.append(previous.encode() + line[64:])
    return found


def test_a_chain_that_was_computed_anew_is_noticed(tmp_path: Path) -> None:
    lines = filled(tmp_path)
    (tmp_path / FILE).write_bytes(b"".join(rehashed(lines, lambda line: line.replace(b"run 1", b"run 7"))))
    faults = check(tmp_path).faults
    assert any("not what was signed" in text for _, text in faults)
    assert any("head was signed over other records" in text for _, text in faults)


def test_a_head_of_a_stranger_does_not_count(tmp_path: Path) -> None:
    filled(tmp_path)
    stranger = SigningKey.generate()
    assert not verify(tmp_path, {stranger.public.key_id: stranger.public}).holds


def test_a_changed_signature_does_not_count(tmp_path: Path) -> None:
    filled(tmp_path)
    head = json.loads((tmp_path / HEAD).read_text())
    signature = head["signatures"][0]["sig"]
    head["signatures"][0]["sig"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    (tmp_path / HEAD).write_text(json.dumps(head, sort_keys=True, separators=(",", ":")))
    assert any("signature" in text for _, text in check(tmp_path).faults)


def test_a_missing_head_file_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / HEAD).unlink()
    assert any("taken away" in text for _, text in check(tmp_path).faults)


def test_a_chain_cut_back_to_an_older_head_is_noticed_with_a_noted_one(tmp_path: Path) -> None:
    lines = filled(tmp_path)
    old = (tmp_path / HEAD).read_bytes()
    chain = chain_in(tmp_path)
    chain.append(begin("later"))
    chain.close()
    noted = parse((tmp_path / HEAD).read_bytes())
    assert verify(tmp_path, KEYS, noted).holds
    (tmp_path / FILE).write_bytes(b"".join(lines))
    (tmp_path / HEAD).write_bytes(old)
    assert check(tmp_path).holds  # which is why heads are noted elsewhere
    assert not verify(tmp_path, KEYS, noted).holds


def test_a_chain_of_another_home_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    filled(tmp_path / "b")
    noted = parse((tmp_path / "a" / HEAD).read_bytes())
    assert any("another chain" in text for _, text in verify(tmp_path / "b", KEYS, noted).faults)


@pytest.mark.parametrize("kept", [1, 30, 64, 65, 200])
def test_a_torn_record_is_cut_and_nothing_before_is_lost(tmp_path: Path, kept: int) -> None:
    lines = filled(tmp_path)
    with (tmp_path / FILE).open("ab") as file:
        file.write((lines[3] * 3)[:kept].replace(b"\n", b" "))
    assert check(tmp_path).torn == kept
    chain = chain_in(tmp_path)
    chain.append(begin("after the crash"))
    chain.close()
    report = check(tmp_path)
    assert report.holds and report.cut == 1 and report.torn == 0
    assert (tmp_path / FILE).read_bytes().startswith(b"".join(lines))
    assert [run.name for run in runs(records(tmp_path))] == [
        *(f"run {i}" for i in range(5)),
        "after the crash",
    ]


def test_nothing_is_appended_to_a_chain_that_was_changed(tmp_path: Path) -> None:
    lines = filled(tmp_path)
    (tmp_path / FILE).write_bytes(b"".join(lines[:-3]))
    with pytest.raises(ChainTruncated, match="taken away"):
        chain_in(tmp_path).append(begin("x"))
    (tmp_path / FILE).unlink()
    with pytest.raises(ChainTruncated):
        chain_in(tmp_path).append(begin("x"))
    (tmp_path / FILE).write_bytes(b"".join([*lines[:-1], b"0" * 64 + b" {}\n", lines[-1]]))
    with pytest.raises(ChainDamaged):
        chain_in(tmp_path).append(begin("x"))


def test_a_chain_that_changes_under_its_writer(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    chain.append(begin("x"))
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(ChainTruncated, match="taken away"):
        chain.append(begin("y"))


def test_several_writers_make_one_chain(tmp_path: Path) -> None:
    first, second = chain_in(tmp_path), chain_in(tmp_path, seal_every=3)
    numbers = [chain.append(begin("x")) for _ in range(5) for chain in (first, second)]
    first.close()
    second.close()
    assert check(tmp_path).holds and len(set(numbers)) == 10 and numbers == sorted(numbers)


def test_a_child_of_a_fork_has_a_lock_of_its_own(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    chain.append(begin("parent"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for _ in range(200):
                chain.append(begin("child"))
            status = 0
        finally:
            os._exit(status)
    for _ in range(200):
        chain.append(begin("parent"))
    assert os.waitpid(child, 0)[1] == 0
    chain.close()
    report = check(tmp_path)
    assert report.holds and report.runs == 401


def test_heads_are_signed_by_number_and_by_time(tmp_path: Path) -> None:
    now = [0]
    chain = chain_in(tmp_path, seal_every=10, seal_after_s=5, clock_ns=lambda: now[0])
    for _ in range(25):
        chain.append(begin("x"))
    assert check(tmp_path).heads == 2
    now[0] = int(6e9)
    chain.append(begin("x"))
    report = check(tmp_path)
    assert report.heads == 3 and report.unsigned == 0


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Files may become so large, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_gets_no_half_of_a_record(tmp_path: Path) -> None:
    filled(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    chain = chain_in(tmp_path)
    chain.open()
    for _ in range(2):
        with small_files(len(whole) + 50), pytest.raises(StoreError):
            chain.append(begin("does not fit"))
        assert (tmp_path / FILE).read_bytes() == whole
    chain.append(begin("fits"))
    chain.close()
    assert check(tmp_path).holds


_WRITER = """
import sys
from pathlib import Path
from test_chain import begin, chain_in
from runtime.chain.action import End
chain = chain_in(Path(sys.argv[1]), seal_every=7)
print("up", flush=True)
n = 0
while True:
    chain.append(End(chain.append(begin(f"{sys.argv[2]}.{n}")), "done", 1))
    n += 1
    print(n, flush=True)
"""


@pytest.mark.slow
def test_writers_that_are_killed_at_any_moment(tmp_path: Path) -> None:
    """Two at a time: what one told of before it was killed is there."""
    dice = random.Random(7)
    told: dict[str, int] = {}
    path = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    pem = tmp_path / "key.pem"
    pem.write_bytes(KEY.pem(None))
    for i in range(12):
        writers = {
            f"{i}.{j}": subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(tmp_path / "audit"), f"{i}.{j}"],
                stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path, "RTFSC_TEST_KEY": str(pem)},
            )
            for j in range(2)
        }  # fmt: skip
        for writer in writers.values():
            assert writer.stdout is not None and writer.stdout.readline() == b"up\n"
        time.sleep(dice.uniform(0, 0.1))
        for name, writer in writers.items():
            writer.kill()
            assert writer.stdout is not None
            with writer.stdout as stream:  # with what was read ahead of the first line
                said = stream.read().splitlines()
            writer.wait()
            told[name] = int(said[-1]) if said else 0
    chain = chain_in(tmp_path / "audit")
    chain.append(begin("last"))
    chain.close()
    report = check(tmp_path / "audit")
    assert report.holds, report.faults
    ended = {run.name for run in runs(records(tmp_path / "audit")) if run.outcome == "done"}
    assert sum(told.values()) > 0
    for name, count in told.items():
        assert {f"{name}.{n}" for n in range(count)} <= ended


def test_no_change_of_any_byte_goes_unnoticed(tmp_path: Path) -> None:
    """Of what was signed; the head itself is the last line."""
    data = b"".join(filled(tmp_path, 3))
    signed = data.rindex(b"\n", 0, -1) + 1
    dice = random.Random(11)
    for _ in range(300):
        at, changed = dice.randrange(signed), bytearray(data)
        how = dice.randrange(4)
        if how == 0:
            changed[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            del changed[at : at + dice.randrange(1, 200)]
        elif how == 2:
            changed[at:at] = dice.randbytes(dice.randrange(1, 20))
        else:
            other = dice.randrange(signed)
            changed[at : at + 30], changed[other : other + 30] = (
                changed[other : other + 30], changed[at : at + 30],
            )  # fmt: skip
        if bytes(changed) == data:
            continue
        (tmp_path / FILE).write_bytes(changed)
        assert not check(tmp_path).holds, (how, at)


def test_any_end_that_is_cut_off_is_noticed(tmp_path: Path) -> None:
    data = b"".join(filled(tmp_path, 2))
    signed = data.rindex(b"\n", 0, -1) + 1
    for size in range(signed):
        (tmp_path / FILE).write_bytes(data[:size])
        assert not check(tmp_path).holds, size


def test_texts_of_any_length_leave_the_chain_whole(tmp_path: Path) -> None:
    """Names are the program's: a record that is too long to be read would end the chain for everybody."""
    chain, long = chain_in(tmp_path), "\u00e9" * 1_200_000
    whole = Begin("program", long, None, PLAN, long, None, {"file": long})
    chain.append(End(chain.append(whole), "error", 5, error=(long, long), cost="1" * 1_200_000))
    chain.append(End(chain.append(begin("after")), "done", 5))
    chain.close()
    assert check(tmp_path).holds
    first, second = runs(records(tmp_path))
    assert first.name == shortened(long) == shortened(first.name) and len(first.name) <= 2000
    assert second.name == "after"
    assert shortened(long) != shortened(long + "x")
    again = chain_in(tmp_path)
    again.append(begin("others go on"))
    again.close()
