"""``--allow``, the console, and the effects that ``inspect`` shows."""

from __future__ import annotations

import json

import pytest
from cli_runner import Cli


def test_the_console_is_there_without_being_allowed(cli: Cli) -> None:
    done = cli("eval", '(do (println "a" 1) (log :seen) 7)')
    assert done.stdout == "a 1\n7\n"
    assert done.stderr == ":seen\n"
    program = cli.file("p.rtfs", '(defn greet [name] (println "hi" name) (count name))')
    assert cli("run", program, "greet", '"you"', "--no-store").stdout == "hi you\n3\n"


@pytest.mark.parametrize("engine", ["evaluator", "wasm", "both"])
def test_allow(cli: Cli, engine: str) -> None:
    cli.file("text.txt", "content")
    read = '(call :ccos.io.read-file "text.txt")'
    refused = cli("eval", "--engine", engine, read, code=1)
    assert "R023" in refused.stderr
    allowed = cli("eval", "--engine", engine, "--allow", "ccos.io.read-file=.", read)
    assert allowed.stdout == '"content"\n'


def test_both_engines_act_once(cli: Cli) -> None:
    assert (
        cli("eval", "--engine", "both", '(do (println "once") (context/set :a 2) (get :a))').stdout
        == "once\n2\n"
    )


@pytest.mark.parametrize("grant", ["no.such", "ccos.system.get-env", "ccos.io.println=nowhere"])
def test_what_cannot_be_allowed(cli: Cli, grant: str) -> None:
    done = cli("eval", "--allow", grant, "1", code=2)
    assert "--allow" in done.stderr
    assert not done.stdout


def test_jsonl_keeps_its_stream(cli: Cli) -> None:
    request = json.dumps({"id": 1, "source": '(do (println "x") (get-env "HOME"))'}) + "\n"
    done = cli("eval", "--jsonl", "--engine", "both", input=request)
    answer = json.loads(done.stdout)
    assert answer["error"]["kind"] == "SecurityViolation"
    assert answer["engines_agree"] is True
    assert done.stderr == "x\n"


def test_inspect_shows_effects(cli: Cli) -> None:
    program = cli.file("p.rtfs", "(defn show [x] (println x))")
    cli("build", program, "-o", "p.wasm")
    shown = cli("inspect", "p.wasm").stdout
    assert "calls ccos.io.println" in shown
    assert "rtfs_host.host (function)" in shown


def test_a_module_without_a_manifest_gets_nothing(cli: Cli) -> None:
    program = cli.file("p.rtfs", "(defn show [x] (println x))")
    cli("build", program, "-o", "p.wasm")
    assert "R023" in cli("run", "p.wasm", "show", "1", code=1).stderr
