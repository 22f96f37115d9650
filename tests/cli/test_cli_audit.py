"""``rtfsc run --audit`` and ``rtfsc audit``."""

from __future__ import annotations

import json

import pytest
from cli_runner import Cli

PROGRAM = """
(defn greet [name] (step "say" (call :ccos.io.log "hello" name)) (str "hello " name))
(defn look [] (call :ccos.system.get-env "HOME"))
(greet "world")
"""


@pytest.fixture
def audited(cli: Cli) -> Cli:
    cli("init", "--home")
    cli.file("p.rtfs", PROGRAM)
    return cli


def log_of(cli: Cli) -> str:
    return (cli.home / "audit/actions.log").read_text()


def test_runs_are_shown_and_verified(audited: Cli) -> None:
    assert "nothing is on record" in audited("audit", "verify").stdout
    audited("run", "p.rtfs", "greet", '"you"', "--record", "--intent", "say hello")
    audited("run", "p.rtfs", "look", "--audit", "--engine", "evaluator", code=1)
    runs = audited.json("audit", "show")
    assert [run["name"] for run in runs] == ["", "greet", "", "look"]
    assert [run["outcome"] for run in runs] == ["done", "done", "done", "error"]
    assert runs[1]["intent"] == "say hello" and runs[1]["actions"][0]["name"] == "say"
    shown = audited("audit", "show", "--run", str(runs[1]["number"])).stdout
    assert "call ccos.io.log" in shown and '("hello" "you")' in shown and '"hello you"' in shown
    denied = audited("audit", "show", "--run", str(runs[3]["number"])).stdout
    assert "SecurityViolation" in denied
    assert "say hello" in audited("audit", "show").stdout
    assert len(audited.json("audit", "show", "--last", "1")) == 1
    report = audited.json("audit", "verify")
    assert report["ok"] and report["runs"] == 4 and report["unsigned"] == 0
    assert "the chain holds" in audited("audit", "verify").stdout


def test_a_changed_chain_is_refused(audited: Cli) -> None:
    audited("run", "p.rtfs", "--audit")
    noted = audited("audit", "head").stdout
    (audited.folder / "noted.json").write_text(noted)
    assert "the chain holds" in audited("audit", "verify", "--head", "noted.json").stdout
    path = audited.home / "audit/actions.log"
    path.write_text(log_of(audited).replace("ccos.io.log", "ccos.io.lag"))
    result = audited("audit", "verify", code=3)
    assert "error[T024]" in result.stderr and "was changed" in result.stderr
    assert not audited.json("audit", "verify", code=3)["ok"]
    assert "error[T024]" in audited("audit", "show", code=3).stderr
    path.write_text("")
    assert "taken away" in audited("audit", "verify", code=3).stderr
    assert "error[T025]" in audited("run", "p.rtfs", "--audit", code=3).stderr
    assert "hello" in audited("run", "p.rtfs").stdout


def test_heads_stay_good_when_the_key_is_rotated(audited: Cli) -> None:
    audited("run", "p.rtfs", "--audit")
    audited("keys", "rotate", "local", "--no-passphrase")
    audited("run", "p.rtfs", "--audit")
    report = audited.json("audit", "verify")
    assert report["ok"] and len(report["signers"]) == 2


def test_a_chain_can_be_verified_elsewhere(audited: Cli) -> None:
    audited("run", "p.rtfs", "--audit")
    audited.file("key.pub", audited("keys", "export", "local").stdout)
    (audited.home / "keys").rename(audited.folder / "keys")
    (audited.home / "trust.json").unlink()
    assert "neither a key of yours" in audited("audit", "verify", code=3).stderr
    assert "the chain holds" in audited("audit", "verify", "--key", "key.pub").stdout


def test_what_is_asked_for_wrongly(audited: Cli) -> None:
    assert "--intent" in audited("run", "p.rtfs", "--intent", "x", code=2).stderr
    assert "no run 77" in audited("audit", "show", "--run", "77", code=3).stderr
    assert "no signed head" in audited("audit", "head", code=2).stderr
    audited("run", "p.rtfs", "--audit")
    bad = audited.file("bad.json", "{}")
    assert "no signed head" in audited("audit", "verify", "--head", bad, code=3).stderr


def test_without_a_key_nothing_runs_on_record(cli: Cli) -> None:
    cli.file("p.rtfs", PROGRAM)
    result = cli("run", "p.rtfs", "--audit", code=3)
    assert "make one with: rtfsc init --home" in result.stderr
    assert "hello" not in result.stdout + result.stderr


def test_the_file_is_lines_of_json(audited: Cli) -> None:
    audited("run", "p.rtfs", "--audit")
    for line in log_of(audited).splitlines():
        assert json.loads(line[65:])["kind"] in ("chain", "begin", "end", "head")


def test_a_run_is_replayed(audited: Cli) -> None:
    dice = audited.file(
        "dice.rtfs", "(defn roll [n] (map (fn [i] (call :ccos.system.random 1 1000)) (range n)))"
    )
    rolled = audited("run", dice, "roll", "5", "--record", "--allow", "ccos.system.random").stdout
    run = audited.json("audit", "show")[-1]
    assert rolled.strip() == "[" + " ".join(
        line.split()[-1]
        for line in audited("audit", "show", "--run", str(run["number"])).stdout.splitlines()
        if line.startswith("              ") and " out " in line
    ) + "]"  # fmt: skip
    for engine in ("wasm", "evaluator"):
        told = audited("replay", str(run["number"]), "--engine", engine).stdout
        assert f"the same on {engine}, 5 actions compared" in told
    loaded = audited.file("loaded.rtfs", dice.read_text().replace("1 1000", "6 6"))
    told = audited("replay", str(run["number"]), "--with", loaded, code=1).stdout
    assert "recorded: call ccos.system.random (1 1000)" in told
    assert "now:      call ccos.system.random (6 6)" in told
    found = audited.json("replay", str(run["number"]), "--with", loaded, code=1)
    assert not found["same"] and found["divergence"]["number"] == run["actions"][0]["number"]


def test_what_cannot_be_replayed(audited: Cli) -> None:
    audited("run", "p.rtfs", "--audit")
    number = str(audited.json("audit", "show")[-1]["number"])
    assert "error[T026]" in audited("replay", number, code=3).stderr
    assert "no run 99" in audited("replay", "99", code=3).stderr
    path = audited.home / "audit/actions.log"
    path.write_text(log_of(audited).replace("ccos.io.log", "ccos.io.lag"))
    assert "error[T024]" in audited("replay", number, code=3).stderr
