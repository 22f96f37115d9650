"""Teams: rotation, reviewers, policies, proofs, revocation on record, a log that somebody changed."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from cli_runner import Cli

MODULE = "(defn triple [x : Int] : Int (* x 3))"


@pytest.fixture
def project(cli: Cli) -> Cli:
    cli("init", ".")
    cli.file("m.rtfs", MODULE)
    cli("publish", "m.rtfs", "--inputs", "3")
    return cli


def colleague(cli: Cli, tmp_path: Path, name: str, *trusted: str) -> Cli:
    """Another user in the same project, who trusts these keys of the first."""
    other = Cli(cli.folder, {**cli.env, "RTFSC_HOME": str(tmp_path / name)})
    other("keys", "new", name, "--no-passphrase")
    for key in trusted:
        other("trust", "add", cli.file(f"{key}.pub", cli("keys", "export", key).stdout))
    return other


def test_verify_says_by_whom_and_why(project: Cli) -> None:
    out = project("verify", "m").stdout
    assert out.startswith("m: verified, m sha256 ") and "signed by    local" in out and ", version 1" in out
    facts = project("verify", "m", "--log", "--json").stdout
    [fact] = json.loads(facts)
    assert (
        fact["ok"]
        and fact["record"]["number"] == 0
        and fact["certificate"]["engines"] == ["evaluator", "wasm32"]
    )
    assert "1 signed heads fit, by local" in project("verify", "--log").stdout
    assert "name a file" in project("verify", code=2).stderr
    assert "error[ST011]" in project("verify", "absent", code=5).stderr


def test_a_file_with_manifest_and_proof_is_verified_without_a_store(project: Cli) -> None:
    project("store", "get", "m", "-o", "out.wasm")
    project.env["RTFSC_STORE"] = str(project.folder / "no such store")
    assert "on record    number 0" in project("verify", "out.wasm", "--log").stdout
    project("trust", "policy", "--log")
    assert project("run", "out.wasm", "triple", "2").stdout == "6\n"
    proof = project.folder / "out.wasm.proof"
    kept = proof.read_text()
    proof.unlink()
    assert "error[T019]" in project("run", "out.wasm", "triple", "2", code=3).stderr
    proof.write_text(kept.replace('"number":0', '"number":1'))
    assert "error[T021]" in project("verify", "out.wasm", code=3).stderr
    proof.write_text(kept + " ")
    assert "error[T010]" in project("verify", "out.wasm", code=3).stderr
    (project.folder / "out.wasm.dsse").unlink()
    assert "error[T001]" in project("verify", "out.wasm", code=3).stderr


def test_rotation_reaches_the_team_through_the_store(project: Cli, tmp_path: Path) -> None:
    other = colleague(project, tmp_path, "anna", "local")
    out = project("keys", "rotate", "local", "--no-passphrase").stdout
    assert "succeeds" in out and "on record in the store" in out
    project.file("n.rtfs", "(defn twice [x : Int] : Int (* x 2))")
    project("publish", "n.rtfs", "--inputs", "3")
    refused = other("verify", "m", "n", code=3)
    assert "m: verified" in refused.stdout and "n: REFUSED" in refused.stdout
    assert "error[T002]" in refused.stderr and "rtfsc trust update" in refused.stderr
    assert "successor of" in other("trust", "update").stdout
    assert "no trusted key has a successor" in other("trust", "update").stdout
    assert "n: verified" in other("verify", "m", "n").stdout
    retired = [row["retired"] for row in other.json("trust", "list")]
    assert sum(time is not None for time in retired) == 1


def test_rotation_by_file(cli: Cli, tmp_path: Path) -> None:
    cli("init", "--home")
    other = colleague(cli, tmp_path, "anna", "local")
    cli("keys", "rotate", "local", "--no-passphrase")
    [statement] = (cli.home / "keys").glob("*.rotation")
    assert "successor of" in other("trust", "add", statement).stdout
    assert "has the name and the rights" in other("trust", "add", statement, "--name", "x", code=2).stderr
    stranger = colleague(cli, tmp_path, "eve")
    assert "error[T015]" in stranger("trust", "add", statement, code=3).stderr


def test_keys_are_exported_and_imported(cli: Cli) -> None:
    cli("keys", "new", "a", "--no-passphrase")
    cli.env["RTFSC_KEY_PASSPHRASE_FILE"] = str(cli.file("word", "secret\n"))
    pem = cli("keys", "export", "a", "--private").stdout
    assert pem.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    cli.file("moved.pem", pem)
    out = cli("keys", "import", "moved.pem", "--name", "b").stdout
    ids = {row["name"]: (row["id"], row["encrypted"]) for row in cli.json("keys", "list")}
    assert ids["a"][0] == ids["b"][0] and ids["b"][0] in out and ids["b"][1] and not ids["a"][1]
    assert stat.S_IMODE((cli.home / "keys" / "b.pem").stat().st_mode) == 0o600
    cli.env["RTFSC_KEY_PASSPHRASE_FILE"] = str(cli.file("word", "wrong\n"))
    assert "error[T014]" in cli("keys", "import", "moved.pem", "--name", "c", code=3).stderr
    cli.file("moved.pem", pem[:120])
    assert "damaged" in cli("keys", "import", "moved.pem", "--name", "c", code=3).stderr
    assert "error[T013]" in cli("keys", "import", cli.file("x.pem", "no key"), code=3).stderr
    assert "no file" in cli("keys", "import", "absent.pem", code=2).stderr


def test_a_module_waits_for_its_reviewer(project: Cli, tmp_path: Path) -> None:
    project("keys", "new", "rev", "--no-passphrase")
    project("trust", "add", "rev", "--role", "review")
    out = project("trust", "policy", "shop.*", "--signatures", "2", "--role", "review=1").stdout
    assert "shop.*  at least 2 signatures, 1 of them in role review" in out
    project.file("shop.tax.rtfs", "(defn tax [x : Int] : Int (* x 5))")
    assert "waits for signatures" in project("publish", "shop.tax.rtfs", "--inputs", "3").stdout
    assert "error[T022]" in project("verify", "shop.tax", code=3).stderr
    assert "verified" in project("trust", "countersign", "shop.tax", "--key", "rev").stdout
    assert project("verify", "shop.tax").stdout.count("signed by") == 2
    project.file("shop.fee.rtfs", "(defn fee [x : Int] : Int (* x 7))")
    both = project("publish", "shop.fee.rtfs", "--inputs", "3", "--key", "local", "--key", "rev").stdout
    assert "published" in both


def test_policies_are_shown_changed_and_dropped(cli: Cli) -> None:
    cli("init", "--home")
    cli("trust", "policy", "--inputs", "5", "--engine", "evaluator")
    cli("trust", "policy", "a.*", "--log", "--role", "review=2")
    every, rule = cli.json("trust", "policy")
    assert (every["least_inputs"], every["engines"], rule["modules"]) == (5, ["evaluator"], "a.*")
    assert rule["logged"] and rule["roles"] == {"review": 2}
    cli("trust", "policy", "a.*", "--no-log", "--role", "review=0")
    assert "a.*  at least 1 signature\n" in cli("trust", "policy").stdout
    cli("trust", "policy", "a.*", "--drop")
    cli("trust", "policy", "--drop")
    assert cli("trust", "policy").stdout == "*  at least 1 signature\n"
    for wrong in (
        ["a*b"],
        ["--role", "boss=1"],
        ["--role", "review"],
        ["--inputs", "-1"],
        ["--signatures", "0"],
    ):
        cli("trust", "policy", *wrong, code=2)


def test_errors_of_the_policy_file_have_their_place(cli: Cli) -> None:
    cli("init", "--home")
    path = cli.home / "trust.json"
    path.write_text(path.read_text().replace('"signatures": 1', '"signatures": 0'))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "signatures" in text)
    error = cli("trust", "list", code=3).stderr
    assert f"trust.json:{line}:5: " in error and "signatures is out of range: 0" in error
    path.write_text('{\n  "schema": 1,\n  "schema": 1\n}')
    assert "trust.json:3:3: " in cli("trust", "list", code=3).stderr


def test_revocation_on_record_reaches_everybody(project: Cli, tmp_path: Path) -> None:
    other = colleague(project, tmp_path, "anna", "local")
    assert "m: verified" in other("verify", "m").stdout
    assert (
        "on record"
        in project("trust", "revoke", "m", "--module", "--reason", "wrong", "--sign", "local").stdout
    )
    assert "error[T008]" in other("verify", "m", code=3).stderr
    assert "revoked module wrong" in project("trust", "list").stdout


def test_removed_and_bounded_keys(project: Cli) -> None:
    project("trust", "add", "local", "--not-after", "2020-01-01T00:00:00Z")
    assert "error[T005]" in project("verify", "m", code=3).stderr
    assert "until 2020-01-01T00:00:00Z" in project("trust", "list").stdout
    assert "a time is written like" in project("trust", "add", "local", "--not-after", "soon", code=2).stderr
    assert "no longer trusted: local" in project("trust", "remove", "local").stdout
    assert "error[T002]" in project("verify", "m", code=3).stderr


def test_a_log_that_somebody_cut(project: Cli) -> None:
    index = project.folder / ".rtfsc/store/index.sqlite"
    with sqlite3.connect(index) as connection:
        connection.execute("DELETE FROM rtfs_log WHERE sequence = 1")
    connection.close()
    for command in (["verify", "m"], ["verify", "--log"], ["run", "--stored", "m", "triple", "2"]):
        assert "error[T018]" in project(*command, code=3).stderr
    run = project("run", "m.rtfs", "triple", "2")
    assert run.stdout == "6\n" and "T018" in run.stderr, "the source is at hand"
    project.file("n.rtfs", "(defn twice [x : Int] : Int (* x 2))")
    assert "error[T018]" in project("publish", "n.rtfs", "--inputs", "3", code=3).stderr
    assert "is forgotten" in project("trust", "forget").stdout
    project("publish", "n.rtfs", "--inputs", "3")
    assert "m: verified" in project("verify", "m", "n").stdout


def test_an_older_version_is_not_run_by_name(project: Cli) -> None:
    project.file("m.rtfs", "(defn triple [x : Int] : Int (+ x x x))")
    project("publish", "m.rtfs", "--inputs", "3")
    assert project("run", "--stored", "m", "triple", "2").stdout == "6\n"
    index = project.folder / ".rtfsc/store/index.sqlite"
    with sqlite3.connect(index) as connection:
        [(digest,)] = connection.execute("SELECT storage_pointer FROM rtfs_modules WHERE serial = 1")
        connection.execute("DELETE FROM rtfs_modules WHERE serial = 2")
    connection.close()
    assert "error[T020]" in project("run", "--stored", "m", "triple", "2", code=3).stderr
    assert project("run", "--stored", digest[:12], "triple", "2").stdout == "6\n", "named by its digest"


def test_modules_that_expire(project: Cli) -> None:
    project.file("n.rtfs", "(defn twice [x : Int] : Int (* x 2))")
    project("publish", "n.rtfs", "--inputs", "3", "--expires", "30")
    assert "not after" in project("verify", "n").stdout
    assert "whole number" in project("publish", "n.rtfs", "--expires", "0", code=2).stderr


def test_a_chain_of_rotations_is_adopted_in_one_go(project: Cli, tmp_path: Path) -> None:
    other = colleague(project, tmp_path, "anna", "local")
    for _ in range(2):
        project("keys", "rotate", "local", "--no-passphrase")
    project.file("n.rtfs", "(defn twice [x : Int] : Int (* x 2))")
    project("publish", "n.rtfs", "--inputs", "3")
    assert other("trust", "update").stdout.count("successor of") == 2
    assert "n: verified" in other("verify", "m", "n").stdout


@pytest.mark.parametrize("stale", ["trust", "trust and public key"])
def test_an_interrupted_rotation_is_finished_by_trust_update(
    project: Cli, tmp_path: Path, stale: str
) -> None:
    """What a process that was killed after the key was replaced leaves: nobody trusts the new key yet, and
    it is not on record."""
    other = colleague(project, tmp_path, "anna", "local")
    trust, public = project.home / "trust.json", project.home / "keys" / "local.pub"
    before, old = trust.read_bytes(), public.read_bytes()
    store, away = project.folder / ".rtfsc" / "store", tmp_path / "away"
    store.rename(away)
    project("keys", "rotate", "local", "--no-passphrase")
    away.rename(store)
    trust.write_bytes(before)
    if stale != "trust":
        public.write_bytes(old)
    project.file("n.rtfs", "(defn twice [x : Int] : Int (* x 2))")
    refused = project("publish", "n.rtfs", "--inputs", "3", code=3).stderr
    assert "error[T002]" in refused and "rtfsc trust update" in refused
    told = project("trust", "update").stdout
    assert "successor of" in told and "put on record" in told
    project("publish", "n.rtfs", "--inputs", "3")
    assert "successor of" in other("trust", "update").stdout
    assert "n: verified" in other("verify", "m", "n").stdout


def test_a_successor_that_was_never_kept_is_not_adopted(project: Cli) -> None:
    """Killed between the statement and the key: the old key stays."""
    keys = project.home / "keys"
    before = {path: path.read_bytes() for path in (*keys.glob("local.*"), project.home / "trust.json")}
    project("keys", "rotate", "local", "--no-passphrase", "--store", "memory:")
    for path, data in before.items():
        path.write_bytes(data)
    assert "no trusted key has a successor" in project("trust", "update").stdout
    project.file("n.rtfs", "(defn twice [x : Int] : Int (* x 2))")
    project("publish", "n.rtfs", "--inputs", "3")
    with sqlite3.connect(project.folder / ".rtfsc" / "store" / "index.sqlite") as index:
        leaves = [bytes(leaf) for (leaf,) in index.execute("SELECT leaf FROM rtfs_log")]
    index.close()
    assert len(leaves) == 4 and not any(leaf.startswith(b"rotation") for leaf in leaves)


def test_arguments_that_are_no_text(project: Cli) -> None:
    odd = os.fsdecode(b"\xff")
    for command in (("store", "history", odd), ("trust", "revoke", "local", "--reason", odd)):
        assert "no UTF-8 text" in project(*command, code=2).stderr


def test_a_build_that_is_there_under_another_name(project: Cli) -> None:
    project.file("again.rtfs", MODULE)
    assert project("publish", "again.rtfs").stdout.startswith("again: already there as m, sha256 ")
    assert project.json("publish", "again.rtfs")["stored_as"] == "m"


def test_a_key_that_is_revoked_on_record_names_no_successor(project: Cli, tmp_path: Path) -> None:
    """Neither by the store nor by a file, whatever it said before it was revoked."""
    other = colleague(project, tmp_path, "anna", "local")
    project("keys", "rotate", "local", "--no-passphrase")
    [statement] = (project.home / "keys").glob("*.rotation")
    old = next(row["id"] for row in project.json("trust", "list") if row["retired"])
    project("keys", "new", "chief", "--no-passphrase")
    project("trust", "add", "chief", "--role", "revoke")
    other("trust", "add", project.file("chief.pub", project("keys", "export", "chief").stdout),
          "--role", "revoke")  # fmt: skip
    project("trust", "revoke", old, "--reason", "stolen", "--sign", "chief")
    assert "no trusted key has a successor" in other("trust", "update").stdout
    assert "is revoked on record" in other("trust", "add", statement, code=3).stderr
