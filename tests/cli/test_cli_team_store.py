"""The command line with a team's store: real PostgreSQL and S3."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli_runner import EXAMPLES, Cli

PRICING = EXAMPLES / "pricing.rtfs"
CALL = ("line-total", "{:units 12 :price 999}")


@pytest.fixture
def addresses(s3_url: str, postgres_url: str) -> tuple[str, str]:
    return s3_url, postgres_url


@pytest.fixture
def team(cli: Cli, addresses: tuple[str, str]) -> Cli:
    """With a key, the credentials of the servers, and the place of the store in the environment."""
    secrets = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PG"))}
    copies = str(cli.folder.parent / "cache")
    cli.env |= {**secrets, "RTFSC_STORE": " ".join(addresses), "RTFSC_CACHE_DIR": copies}
    cli("init", "--home")
    return cli


def test_published_by_one_is_run_by_another(team: Cli, tmp_path: Path) -> None:
    assert "published" in team("publish", PRICING, "--inputs", "5").stdout
    assert "already there" in team("publish", PRICING, "--inputs", "5").stdout
    shutil.rmtree(tmp_path / "cache")  # as on another machine
    assert team("run", "--stored", "pricing", *CALL).stdout == "11389\n"
    done = team("run", PRICING, *CALL)
    assert done.stdout == "11389\n" and done.stderr == ""
    assert team.json("store", "stats")["modules"]["Verified"] == 1
    [row] = team.json("store", "ls")
    assert row["uses"] == 2 and row["name"] == "pricing"
    assert "verified" in team("store", "verify").stdout
    assert any((tmp_path / "cache" / "blobs" / "wasm").rglob("*"))


def test_doctor_shows_both_ends(team: Cli) -> None:
    rows = {row["what"]: row for row in team.json("doctor")}
    assert "by RTFSC_STORE" in rows["store"]["text"]
    for end in ("store: blobs", "store: index"):
        assert rows[end]["ok"] and "answers in" in rows[end]["text"]
    assert "of at most 1074 MB" in rows["store: local copies"]["text"]
    team.env |= {"AWS_SECRET_ACCESS_KEY": "wrong", "PGPASSWORD": "false"}
    done = team("doctor", code=1)
    assert "FAIL  store: blobs" in done.stdout and "403" in done.stdout
    assert "FAIL  store: index" in done.stdout and "password authentication failed" in done.stdout
    assert "wrong" not in done.stdout and "false" not in done.stdout


def test_without_its_servers_programs_still_run(team: Cli) -> None:
    team("publish", PRICING, "--inputs", "5")
    team.env["PGPASSWORD"] = "wrong"
    done = team("run", PRICING, *CALL)
    assert done.stdout == "11389\n" and "warning[ST012]" in done.stderr
    assert "error[ST012]" in team("publish", PRICING, "--inputs", "5", code=5).stderr


def test_a_project_needs_agreement_to_its_servers(team: Cli, addresses: tuple[str, str]) -> None:
    team("publish", PRICING, "--inputs", "5")
    del team.env["RTFSC_STORE"]
    blobs, index = addresses
    team.file("rtfsc.toml", f'[store]\nblobs = "{blobs}"\nindex = "{index}"\n')
    done = team("store", "ls", code=5)
    assert "error[ST014]" in done.stderr and "rtfsc store allow" in done.stderr
    done = team("run", PRICING, *CALL)
    assert done.stdout == "11389\n" and "warning[ST014]" in done.stderr
    assert "allowed" in team("store", "allow").stdout
    assert team("run", "--stored", "pricing", *CALL).stdout == "11389\n"


def test_places_that_are_wrong(cli: Cli) -> None:
    assert "error[ST013]" in cli("store", "ls", "--store", "s3://bucket", code=2).stderr
    cli.env["RTFSC_STORE"] = "s3://bucket ftp://host"
    assert "error[ST013]" in cli("store", "ls", code=2).stderr
    del cli.env["RTFSC_STORE"]
    assert "needs no agreement" in cli("store", "allow", code=2).stderr
    cli.file("rtfsc.toml", "[store]\nindex = 'postgresql://u:topsecret@h/d'\nblobs = 's3://b'\n")
    done = cli("store", "ls", code=2)
    assert "error[ST013]" in done.stderr and "topsecret" not in done.stderr
