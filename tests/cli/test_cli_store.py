"""publish, store and run with a store: hits, damage of every kind, disks that cannot be written."""

from __future__ import annotations

import contextlib
import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import EXAMPLES, Cli
from modes import bound_by_modes

PRICING = EXAMPLES / "pricing.rtfs"
CALL = ("round-half-up", "5", "2")
DECLARED = "(declare anything [a : Int b : Int] : Int)"


def row(cli: Cli, name: str = "pricing") -> dict[str, Any]:
    [found] = [row for row in cli.json("store", "ls") if row["name"] == name]
    return dict(found)


def blob(cli: Cli, digest: str) -> Path:
    return cli.home / "store" / "blobs" / "wasm" / digest[:2] / digest[2:]


# -- publishing


def test_publish_needs_a_key(cli: Cli) -> None:
    error = cli("publish", PRICING, code=2).stderr
    assert "no key 'local'; 'rtfsc init' makes the local one" in error and not cli.home.exists()


def test_publish_says_what_it_did_and_is_idempotent(cli: Cli) -> None:
    cli("init", "--home")
    file = cli.file("m.rtfs", "(defn twice [n : Int] : Int (* 2 n))")
    told = cli.json("publish", file, "--inputs", "8")
    assert told["name"] == "m" and told["created"] and told["engines"] == ["evaluator", "wasm32"]
    assert told["inputs"] >= 1  # all 8, unless the machine was busy at one of them
    again = cli.json("publish", file)
    assert not again["created"] and again["digest"] == told["digest"]
    assert cli("publish", file).stdout.startswith(f"m: already there, sha256 {told['digest'][:16]}, ")
    assert len(cli.json("store", "ls")) == 1


def test_publish_of_a_folder_goes_on_after_a_bad_module(cli: Cli) -> None:
    cli("init", "--home")
    cli.file("bad.rtfs", "(defn f [x] (nope x))")
    cli.file("good.rtfs", "(defn f [x] x)")
    assert "Unknown name nope" in cli("publish", ".", code=1).stderr
    assert [entry["name"] for entry in cli.json("store", "ls")] == ["good"]


def test_publishers_at_once_make_one_row_and_one_blob(cli: Cli) -> None:
    cli("init", "--home")
    file = cli.file("m.rtfs", "(defn twice [n : Int] : Int (* 2 n))")
    publishers = [cli.start("publish", file, "--inputs", "3", "--json") for _ in range(4)]
    told = [json.loads(publisher.communicate(timeout=120)[0]) for publisher in publishers]
    assert [publisher.returncode for publisher in publishers] == [0] * 4
    assert sum(each["created"] for each in told) == 1 and len({each["digest"] for each in told}) == 1
    stats = cli.json("store", "stats")
    assert stats["modules"] == {"Verified": 1, "Pending": 0, "Revoked": 0}
    assert {kind: size["count"] for kind, size in stats["blobs"].items()} == {
        "wasm": 1, "source": 1, "manifest": 1, "ir": 0,
    }  # fmt: skip
    assert not list((cli.home / "store" / "blobs" / "tmp").iterdir())


# -- looking


def test_store_commands(published: Cli) -> None:
    rows = published.json("store", "ls")
    assert {row["name"] for row in rows} == {path.stem for path in EXAMPLES.glob("*.rtfs")}
    assert all(row["status"] == "Verified" and row["target"] == "wasm32" for row in rows)
    listing = published("store", "ls").stdout.splitlines()
    assert len(listing) == len(rows) and rows[0]["digest"][:16] in listing[0]
    assert all(entry["ok"] for entry in published.json("store", "verify"))
    assert published("store", "verify", "pricing").stdout.endswith("pricing: verified\n")
    assert published.json("store", "stats")["blobs"]["wasm"]["count"] == len(rows)
    assert f"{len(rows)} verified" in published("store", "stats").stdout


def test_get_by_name_digest_and_interface(published: Cli) -> None:
    entry = row(published)
    for text in ("pricing", entry["digest"], entry["digest"][:12]):
        assert published.json("store", "get", text)["digest"] == entry["digest"]
    found = published.json("store", "get", DECLARED)
    assert found["digest"] == entry["digest"] and found["functions"] == ["round-half-up"]
    published("store", "get", "pricing", "-o", "p.wasm")
    assert published("run", "p.wasm", *CALL).stdout == "3\n"
    assert published("inspect", "p.wasm").stdout.splitlines()[2] == "manifest: p.wasm.dsse"


def test_what_the_store_does_not_have(published: Cli) -> None:
    assert "error[ST011]" in published("store", "get", "nothing", code=5).stderr
    assert "error[ST011]" in published("store", "get", "(declare f [a : Symbol] : Int)", code=5).stderr
    assert "error[A001]" in published("store", "get", "(+ 1 2)", code=1).stderr
    assert "error[S002]" in published("store", "get", "(declare f", code=1).stderr
    published("store", code=2)
    published("store", "rm", code=2)


# -- running


def test_run_takes_the_module_from_the_store(published: Cli) -> None:
    assert published("run", PRICING, *CALL).stdout == "3\n"
    assert row(published)["uses"] == 1
    published("run", PRICING, *CALL, "--no-store")
    published("run", PRICING, *CALL, "--engine", "evaluator")
    assert row(published)["uses"] == 1


def test_errors_of_a_stored_module_point_into_the_callers_text(published: Cli) -> None:
    source = "; another text\n\n(defn scale [a b]\n  (/ a b))\n"
    published("publish", published.file("scale.rtfs", "(defn scale [n m] (/ n m))"))
    error = published("run", published.file("mine.rtfs", source), "scale", "1", "0", code=1).stderr
    assert "mine.rtfs:4:3" in error and "4 |   (/ a b))" in error
    assert row(published, "scale")["uses"] == 1


def test_run_of_a_stored_module_without_source(published: Cli) -> None:
    assert published("run", "--stored", "pricing", *CALL).stdout == "3\n"
    assert published("run", "--stored", DECLARED, "-5", "2").stdout == "-2\n"
    assert published("run", "--stored", "pricing").stdout.startswith("#<function")
    assert "error[ST011]" in published("run", "--stored", "nothing", code=5).stderr
    error = published("run", "--stored", "pricing", *CALL, "--engine", "evaluator", code=2).stderr
    assert "--stored" in error


# -- damage


def flip(path: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.chmod(0o644)
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def truncate(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-10])


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "flipped byte": (flip, "ST008"),
    "truncated": (truncate, "ST008"),
    "missing": (Path.unlink, "ST007"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_blob_with_the_source_at_hand(published: Cli, kind: str) -> None:
    damage, code = DAMAGE[kind]
    damage(blob(published, row(published)["digest"]))
    result = published("run", PRICING, *CALL)
    assert result.stdout == "3\n"
    assert f"warning[{code}]" in result.stderr and "compiling anew" in result.stderr
    assert row(published)["status"] == "Pending", "quarantined"
    again = published("run", PRICING, *CALL)
    assert (again.stdout, again.stderr) == ("3\n", "")
    assert "published" in published("publish", PRICING, "--inputs", "3").stdout, "publishing heals"
    assert row(published)["status"] == "Verified"
    published("run", PRICING, *CALL)
    assert row(published)["uses"] >= 1


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_blob_without_source(published: Cli, kind: str) -> None:
    damage, code = DAMAGE[kind]
    damage(blob(published, row(published)["digest"]))
    for command in (("run", "--stored", "pricing", *CALL), ("store", "get", "pricing", "-o", "p.wasm")):
        result = published(*command, code=3)
        assert f"error[{code}]" in result.stderr and result.stdout == ""
    assert list(published.folder.iterdir()) == []
    verdicts = {entry["name"]: entry["ok"] for entry in published.json("store", "verify", code=3)}
    assert verdicts.pop("pricing") is False and all(verdicts.values())
    assert "pricing: REFUSED: " in published("store", "verify", code=3).stdout


def _forget_trust(cli: Cli) -> None:
    (cli.home / "trust.json").unlink()


def _revoke(cli: Cli) -> None:
    cli("trust", "revoke", "local", "--reason", "lost")


def _narrow(cli: Cli) -> None:
    cli("trust", "add", "local", "--namespace", "shop.*")


def _unsign(cli: Cli) -> None:
    with sqlite3.connect(cli.home / "store" / "index.sqlite") as connection:
        connection.execute("UPDATE rtfs_modules SET signature = ''")
    connection.close()


def _swap(cli: Cli) -> None:
    """The row of pricing points to the manifest of another module."""
    with sqlite3.connect(cli.home / "store" / "index.sqlite") as connection:
        [other] = connection.execute("SELECT signature FROM rtfs_modules WHERE name = 'schedule'").fetchone()
        connection.execute("UPDATE rtfs_modules SET signature = ? WHERE name = 'pricing'", (other,))
    connection.close()


REFUSALS: dict[str, tuple[Callable[[Cli], None], str]] = {
    "untrusted key": (_forget_trust, "T002"),
    "revoked key": (_revoke, "T007"),
    "outside of its names": (_narrow, "T009"),
    "no signature": (_unsign, "T001"),
    "manifest of another": (_swap, "T004"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_cannot_be_trusted_is_refused(published: Cli, kind: str) -> None:
    spoil, code = REFUSALS[kind]
    spoil(published)
    assert f"error[{code}]" in published("run", "--stored", "pricing", *CALL, code=3).stderr
    result = published("run", PRICING, *CALL)
    assert result.stdout == "3\n" and f"warning[{code}]" in result.stderr


def test_an_index_that_is_no_database(published: Cli) -> None:
    for path in (published.home / "store").glob("index.sqlite*"):
        path.write_bytes(b"this is no database " * 300)
    result = published("run", PRICING, *CALL)
    assert result.stdout == "3\n" and "warning[ST004]" in result.stderr
    assert result.stderr.count("warning[") == 1
    for command in (("store", "ls"), ("publish", PRICING), ("run", "--stored", "pricing")):
        assert "error[ST004]" in published(*command, code=5).stderr


# -- disks


def files(folder: Path) -> set[str]:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(("-wal", "-shm"))}


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_full_disk_leaves_nothing_half_written(cli: Cli) -> None:
    """The limit on the size of files stands for the disk: the system call fails in the same way."""
    cli("init", "--home")
    big = cli.file("big.rtfs", f'(defn text [] "{"é" * 400_000}")')
    process = cli.start("publish", big, "--inputs", "1", preexec_fn=_small_files)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5 and out == b"" and b"error[ST002]" in err
    # Blobs are written at once, so small ones may be there: whole, and belonging to nothing.
    assert not any("/wasm/" in name or "tmp" in name for name in files(cli.home))
    assert cli.json("store", "ls") == []
    cli("store", "fsck")
    process = cli.start("build", big, "-o", "p.wasm", preexec_fn=_small_files)
    assert process.communicate(timeout=60)[1] == b"rtfsc: p.wasm: File too large\n"
    assert process.returncode == 1 and list(cli.folder.iterdir()) == [big]
    cli("publish", big, "--inputs", "1")


@pytest.fixture
def read_only(published: Cli) -> Iterator[Callable[..., tuple[int, str, str]]]:
    everything = [published.home, *published.home.rglob("*")]
    for path in everything:
        mode = 0o500 if path.suffix == ".pem" else 0o555
        path.chmod(mode if path.is_dir() else mode & ~0o111)
    probe = [sys.executable, "-c", f"open({str(published.home / 'probe')!r}, 'w')"]
    written = subprocess.run(probe, capture_output=True, preexec_fn=bound_by_modes).returncode == 0
    if written:
        pytest.skip("this user can write everywhere")

    def start(*arguments: Any) -> tuple[int, str, str]:
        process = published.start(*arguments, preexec_fn=bound_by_modes)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()

    yield start
    for path in everything:
        path.chmod(0o755 if path.is_dir() else 0o600)


def test_a_store_that_cannot_be_written_serves_hits(read_only: Any) -> None:
    assert read_only("run", "--stored", "pricing", *CALL) == (0, "3\n", "")
    assert read_only("run", PRICING, *CALL) == (0, "3\n", "")
    code, out, _ = read_only("store", "verify", "pricing")
    assert (code, out.split(": ")[1]) == (0, "verified\n")
    code, out, _ = read_only("doctor")
    assert code == 1 and "FAIL  store: " in out and "read-only" in out
    code, out, err = read_only("publish", "-", "--inputs", "1")
    assert (code, out) == (5, "") and "error[ST001]" in err


# -- rows of an index that somebody wrote by hand


def rewritten(cli: Cli, statement: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(cli.home / "store" / "index.sqlite")) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_a_row_of_other_types_is_compiled_anew(cli: Cli) -> None:
    cli("init", "--home")
    cli("publish", PRICING, "--inputs", "1")
    odd = b"\0\xff"
    rewritten(cli, "UPDATE rtfs_modules SET storage_pointer = ?, creation_timestamp = ?", odd, odd)
    assert cli("run", PRICING, *CALL).stdout == "3\n"
    assert "1970-01-01" in cli("store", "history", "pricing").stdout


def test_names_that_others_wrote_do_not_steer_the_terminal(cli: Cli) -> None:
    cli("init", "--home")
    cli("publish", PRICING, "--inputs", "1")
    rewritten(cli, "UPDATE rtfs_modules SET name = ?", "shop\x1b[2J\nforged  Verified")
    for command, code in (("ls", 0), ("verify", 3), ("fsck", 0)):
        told = cli("store", command, code=code).stdout
        assert "shop" in told and "\x1b" not in told
        assert not any(line.startswith("forged") for line in told.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        ("gc", "--versions", "0"), ("gc", "--versions", "-1"), ("gc", "--unused-days", "-1"),
        ("gc", "--unused-days", "nan"), ("gc", "--unused-days", "1e400"), ("hits", "--limit", "0"),
        ("hits", "--limit", "9" * 30), ("ls", "--store", ""), ("ls", "--store", " "),
    ],
)  # fmt: skip
def test_numbers_and_places_that_mean_nothing(cli: Cli, arguments: tuple[str, ...]) -> None:
    error = cli("store", *arguments, code=2).stderr
    assert f"argument {arguments[1]}: " in error


def test_a_module_that_was_revoked_without_a_reason(cli: Cli) -> None:
    cli("init", "--home")
    cli("publish", PRICING, "--inputs", "1")
    digest = row(cli)["digest"]
    cli("trust", "revoke", "pricing", "--module", "--sign", "local")
    error = cli("run", "--stored", "pricing", *CALL, code=3).stderr
    assert error.splitlines()[0] == f"error[T008]: Module {digest[:16]} is revoked"
