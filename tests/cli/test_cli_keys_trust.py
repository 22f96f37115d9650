"""init, keys, trust and doctor."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cli_runner import Cli


def test_init_makes_a_project_a_key_and_trust_in_it(cli: Cli) -> None:
    out = cli("init", "shop").stdout
    assert "wrote shop/hello.rtfs" in out and "key 'local'" in out
    hello = cli.folder / "shop" / "hello.rtfs"
    assert cli("run", hello, "greet", '"you"').stdout == '"Hello, you!"\n'
    assert (cli.folder / "shop" / ".rtfsc").is_dir()
    [key] = cli.json("trust", "list")
    assert (key["name"], key["namespaces"], key["revoked"]) == ("local", ["*"], False)
    assert [row["id"] for row in cli.json("keys", "list")] == [key["id"]]
    private = cli.home / "keys" / "local.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_init_again_changes_nothing(cli: Cli) -> None:
    cli("init", ".")
    cli.file("hello.rtfs", "(def mine 1)")
    keys = cli.json("keys", "list")
    cli("init", ".")
    assert (cli.folder / "hello.rtfs").read_text() == "(def mine 1)" and cli.json("keys", "list") == keys


def test_the_store_of_a_project_is_used_inside_it(cli: Cli) -> None:
    cli("init", ".")
    cli("publish", "hello.rtfs", "--inputs", "3")
    (cli.folder / "below").mkdir()
    cli.folder = cli.folder / "below"
    assert [row["name"] for row in cli.json("store", "ls")] == ["hello"]
    assert not (cli.home / "store").exists()


def test_nothing_is_made_by_looking(cli: Cli) -> None:
    assert "no keys" in cli("keys", "list").stdout
    assert "no key is trusted" in cli("trust", "list").stdout
    assert "has no modules" in cli("store", "ls").stdout
    assert cli.json("store", "ls") == cli.json("keys", "list") == cli.json("trust", "list") == []
    assert not cli.home.exists()


def test_keys_with_and_without_a_passphrase(cli: Cli) -> None:
    cli("keys", "new", "open", "--no-passphrase")
    cli.env["RTFSC_KEY_PASSPHRASE_FILE"] = str(cli.file("word", "secret\n"))
    cli("keys", "new", "closed")
    assert [row["name"] for row in cli.json("keys", "list")] == ["closed", "open"]
    assert "ENCRYPTED" in (cli.home / "keys" / "closed.pem").read_text()
    cli("trust", "add", "closed")
    cli.file("m.rtfs", "(defn f [x] x)")
    cli("build", "m.rtfs", "--sign", "closed")
    assert cli("run", "m.wasm", "f", "1").stdout == "1\n"
    cli.env["RTFSC_KEY_PASSPHRASE_FILE"] = str(cli.file("word", "wrong\n"))
    assert "error[T014]" in cli("build", "m.rtfs", "--sign", "closed", code=3).stderr
    del cli.env["RTFSC_KEY_PASSPHRASE_FILE"]
    assert "RTFSC_KEY_PASSPHRASE_FILE" in cli("build", "m.rtfs", "--sign", "closed", code=2).stderr
    assert "--no-passphrase" in cli("keys", "new", "other", code=2).stderr


def test_wrong_use_of_keys(cli: Cli) -> None:
    cli("keys", "new", "a", "--no-passphrase")
    assert "error[T013]" in cli("keys", "new", "a", "--no-passphrase", code=3).stderr
    assert "error[T013]" in cli("keys", "new", "../a", "--no-passphrase", code=3).stderr
    assert "no key 'b'" in cli("keys", "export", "b", code=2).stderr
    cli("keys", code=2)
    cli("keys", "delete", "a", code=2)


def test_a_key_of_another_person_is_trusted_for_its_names_and_revoked(cli: Cli, tmp_path: Path) -> None:
    other = Cli(cli.folder, {**cli.env, "RTFSC_HOME": str(tmp_path / "other")})
    other("keys", "new", "work", "--no-passphrase")
    pem = other("keys", "export", "work").stdout
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    cli.file("friend.pub", pem)
    out = cli("trust", "add", "friend.pub", "--namespace", "shop", "--namespace", "shop.*").stdout
    assert out.startswith("trusted: friend ") and out.endswith(" for shop shop.*\n")
    for name in ("shop", "bank"):
        other.file(f"{name}.rtfs", "(defn f [x] x)")
        other("build", f"{name}.rtfs", "--sign", "work")
    assert cli("run", "shop.wasm", "f", "1").stdout == "1\n"
    assert "error[T009]" in cli("run", "bank.wasm", "f", "1", code=3).stderr
    cli("trust", "revoke", "friend", "--reason", "lost")
    assert "error[T007]" in cli("run", "shop.wasm", "f", "1", code=3).stderr
    [row] = cli.json("trust", "list")
    assert row["revoked"] and row["reason"] == "lost"
    assert "REVOKED lost" in cli("trust", "list").stdout


def test_wrong_use_of_trust(cli: Cli) -> None:
    assert "neither a file nor a key" in cli("trust", "add", "nobody", code=2).stderr
    assert "error[T013]" in cli("trust", "add", cli.file("x.pub", "no key"), code=3).stderr
    assert "error[T015]" in cli("trust", "revoke", "nobody", code=3).stderr
    cli("trust", code=2)


def test_damaged_files_of_trust_are_refused(cli: Cli) -> None:
    cli("init", "--home")
    (cli.home / "keys" / "local.pem").chmod(0o644)
    cli.file("m.rtfs", "(defn f [x] x)")
    error = cli("publish", "m.rtfs", code=3).stderr
    assert "error[T013]" in error and "hint: chmod 600" in error
    (cli.home / "trust.json").write_text("{")
    assert "error[T015]" in cli("trust", "list", code=3).stderr


def test_doctor(cli: Cli) -> None:
    rows = {row["what"]: row for row in cli.json("doctor")}
    assert set(rows) == {"python", "evaluator", "wasm", "bridge", "native code cache", "store", "keys"}
    assert all(row["ok"] for row in rows.values())
    assert rows["native code cache"]["text"] == str(Path(cli.env["RTFSC_CACHE_DIR"]) / "native")
    assert cli("doctor").stdout.count("ok    ") == len(rows)


@pytest.mark.parametrize("how", ["open", "file"])
def test_doctor_finds_a_cache_that_cannot_be_used(cli: Cli, how: str) -> None:
    cache = cli.folder / "cache"
    cli.env["RTFSC_CACHE_DIR"] = str(cache)
    if how == "open":
        (cache / "native").mkdir(parents=True)
        (cache / "native").chmod(0o777)
    else:
        cache.write_text("")
    out = cli("doctor", code=1).stdout
    assert "FAIL  native code cache: " in out and "modules are compiled again in every process" in out
    assert cli("eval", "(inc 1)", "--engine", "wasm").stdout == "2\n"
