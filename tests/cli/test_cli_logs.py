"""Logs and statistics of commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runner import Cli

from runtime.obs.statistics import FILE, read

TWICE = '(defn twice "Doubles a number." [n : Int] : Int (* 2 n))'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "twice.rtfs"
    path.write_text(TWICE)
    return path


def test_every_hit_in_the_store_is_logged(cli: Cli, program: Path) -> None:
    cli("init", "--home")
    cli("publish", program)
    found = cli("run", program, "twice", "5", "--log-format", "json")
    assert found.stdout == "10\n"
    (hit,) = map(json.loads, found.stderr.splitlines())
    assert (hit["event"], hit["level"], hit["by"], hit["module"]) == ("store.hit", "info", "text", "twice")
    assert len(hit["digest"]) == 64 and hit["signer"]


def test_people_read_another_format(cli: Cli, program: Path) -> None:
    found = cli("run", program, "twice", "5", "--log-level", "debug")
    assert found.stdout == "10\n"
    assert "store.miss by=program" in found.stderr and "call.done function=twice target=wasm" in found.stderr


def test_arguments_and_results_are_not_logged(cli: Cli, tmp_path: Path) -> None:
    program = tmp_path / "p.rtfs"
    program.write_text('(defn greet [name] (do (println "hello" name) (str "hello " name)))')
    found = cli("run", program, "greet", '"hunter2"', "--log-level", "debug", "--log-format", "json")
    assert "hunter2" in found.stdout and "hunter2" not in found.stderr
    assert {"call.done", "capability.called"} <= {json.loads(x)["event"] for x in found.stderr.splitlines()}


def test_a_log_file_is_appended_to(cli: Cli, program: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for _ in range(2):
        found = cli("run", program, "twice", "5", "--log-file", log, "--log-level", "debug")
        assert found.stderr == ""
    assert log.read_text().count("call.done") == 2
    refused = cli("run", program, "--log-file", tmp_path / "no" / "log", code=2)
    assert "--log-file: No such file or directory" in refused.stderr


def test_failures_are_warnings(cli: Cli, tmp_path: Path) -> None:
    program = tmp_path / "p.rtfs"
    program.write_text("(defn f [n] (/ 1 n))")
    found = cli("run", program, "f", "0", "--log-file", tmp_path / "log", code=1)
    assert "warning call.failed" in (tmp_path / "log").read_text()
    assert "error=DivisionByZero" in (tmp_path / "log").read_text()
    assert "call.failed" not in found.stderr


def test_statistics_are_kept_in_the_home(cli: Cli, program: Path) -> None:
    cli("run", program, "twice", "5")
    cli("run", program, "twice", "6")
    kept = read(cli.home / FILE)
    assert kept.total.values["rtfsc_calls_total", ("wasm", "ok")] == 2
    cli("check", program)
    assert read(cli.home / FILE).total.values["rtfsc_calls_total", ("wasm", "ok")] == 2


def test_statistics_can_be_switched_off(cli: Cli, program: Path) -> None:
    cli.env["RTFSC_STATISTICS"] = "0"
    cli("run", program, "twice", "5")
    assert not (cli.home / FILE).exists()


def test_spans_go_to_a_file(cli: Cli, program: Path, tmp_path: Path) -> None:
    cli("run", program, "twice", "5", "--trace", tmp_path / "spans")
    (call,) = (
        s for s in map(json.loads, (tmp_path / "spans").read_text().splitlines()) if s["name"] == "call twice"
    )
    assert (
        call["attributes"]["rtfsc.target"] == "wasm"
        and call["resource"]["attributes"]["service.name"] == "rtfsc"
    )
    assert "--trace: " in cli("run", program, "--trace", tmp_path / "no" / "spans", code=2).stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
@pytest.mark.parametrize("option", ["--log-file", "--trace"])
def test_a_full_disk_ends_the_log_and_not_the_program(cli: Cli, program: Path, option: str) -> None:
    found = cli("run", program, "twice", "5", option, "/dev/full", "--log-level", "debug")
    assert found.stdout == "10\n"
    assert found.stderr.count("No space left on device") == 1, found.stderr


def test_a_question_to_a_model_is_told_of(cli: Cli) -> None:
    policy = cli.file("d.toml", "[models.moods]\nprovider = \"rules\"\ntext = '''default = '\"flat\"' '''\n")
    ask = ("ask", "The mood of a text.", "--call", '(f "a day")', "--signature", "[text : String] : String")
    found = cli(*ask, "--model", "moods", "--delegation", policy, "--log-format", "json")
    assert found.stdout == '"flat"\n'
    (asked,) = (e for e in map(json.loads, found.stderr.splitlines()) if e["event"] == "model.asked")
    assert asked["model"] == "moods"
    assert read(cli.home / FILE).total.values["rtfsc_model_requests_total", ("moods", "ok")] == 1
