"""``rtfsc why hit`` and ``miss``: the whole evidence, for people and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import Cli


@pytest.fixture
def program(cli: Cli) -> Path:
    path = cli.file("twice.rtfs", '(defn twice "Doubles a number." [n : Int] : Int (* 2 n))')
    cli("init", "--home")
    cli("publish", path)
    return path


def test_a_hit(cli: Cli, program: Path) -> None:
    module = cli.json("why", "hit", program)["module"]
    assert set(module["exports"]["twice"]) == {"def_hash", "interface_hash", "retrieval_key"}
    assert module["rules"] == [{"modules": "*", "asks": "at least 1 signature"}]
    shown = cli("why", "hit", program).stdout
    evidence = [
        module["digest"], module["manifest"], module["action_key"], *module["exports"]["twice"].values(),
        "signed by local", "trusted for *", "rule for *: at least 1 signature",
        "digest, signature and rules verified 2", "by evaluator and wasm32", "on record as number 0",
    ]  # fmt: skip
    for part in evidence:
        assert part in shown, part


def test_a_miss(cli: Cli, program: Path) -> None:
    changed = cli.file("thrice.rtfs", '(defn twice "Doubles a number." [n : Int] : Int (* 3 n))')
    facts = cli.json("why", "miss", changed)
    assert facts["hit"] is False and facts["module"] is None
    different = {d["field"]: d for d in facts["nearest"]["differences"]}
    assert set(different) == {"source_digest", "twice: def_hash"}
    shown = cli("why", "miss", changed).stdout
    for by in ("by text", "by action", "by definitions"):
        assert by in shown
    for difference in different.values():
        assert difference["asked"][:24] in shown and difference["stored"][:24] in shown


def test_a_miss_because_of_trust(cli: Cli, program: Path) -> None:
    key = cli.json("trust", "list")[0]["id"]
    cli("trust", "revoke", key)
    shown = cli("why", "miss", program).stdout
    assert "T007" in shown and "is the same, but was refused" in shown
