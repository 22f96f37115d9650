"""``rtfsc distil`` and what ``rtfsc run`` records for it, against a scripted server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cli_runner import Cli
from model_server import ModelServer, model_server, say

PROGRAM = """\
(defn ^:delegation :local-model "grader" grade "The grade of some points" [points : Int] : String "nobody")
(defn grades [all : [:vector :int]] : [:vector :string] (vec (map grade all)))
"""
RIGHT = '(defn grade [points : Int] : String (if (>= points 50) "pass" "fail"))'
MODEL = '[models.{name}]\nprovider = "openai_compat"\nurl = "{url}"\nattempts = 1\n'


def grader_and_writer(writer: str) -> Any:
    def script(handler: Any, body: dict[str, Any]) -> None:
        if body["model"] == "writer":
            say(writer)(handler, body)
            return
        (points,) = re.findall(r"points = (-?\d+)", body["messages"][-1]["content"])
        say('"pass"' if int(points) >= 50 else '"fail"')(handler, body)

    return script


def asked(server: ModelServer, model: str) -> int:
    return sum(body["model"] == model for _, _, body in server.requests)


@pytest.fixture
def ready(cli: Cli) -> Cli:
    cli("init", "--home")
    cli.file("p.rtfs", PROGRAM)
    return cli


def configure(cli: Cli, server: ModelServer, *, auto: bool = False) -> tuple[str, ...]:
    models = "".join(MODEL.format(name=name, url=server.url) for name in ("grader", "writer"))
    section = f'[distil]\npairs = 10\ncheck = 0\nmodel = "writer"\nauto = {str(auto).lower()}\n'
    cli.file("delegation.toml", section + models)
    return ("--delegation", "delegation.toml")


POINTS = f"[{' '.join(map(str, range(0, 100, 8)))}]"
GRADES = '["fail" "fail" "fail" "fail" "fail" "fail" "fail" "pass" "pass" "pass" "pass" "pass" "pass"]\n'


def test_record_list_distil_use_withdraw_forget(ready: Cli) -> None:
    with model_server(grader_and_writer(RIGHT)) as server:
        options = configure(ready, server)
        assert ready("run", "p.rtfs", "grades", POINTS, *options).stdout == GRADES
        assert asked(server, "grader") == 13
        listed = ready("distil", "list").stdout
        assert listed.split()[1:5] == ["recording", "grade", "by", "grader,"] and "13 calls" in listed

        made = ready("distil", "run", *options)
        assert made.stdout.startswith("grade: distilled, sha256 ")
        assert asked(server, "writer") == 1
        assert ready("run", "p.rtfs", "grades", "[33 66 77]", *options).stdout == '["fail" "pass" "pass"]\n'
        assert asked(server, "grader") == 13
        assert ready("run", "p.rtfs", "grades", "[97]", *options).stdout == '["pass"]\n'
        assert asked(server, "grader") == 14

        shown = ready("distil", "show", "grade").stdout
        assert "argument 1: int 0 to 96" in shown and '[8] => "fail"' in shown
        assert "answers again" in ready("distil", "withdraw", "grade", "--reason", "too coarse").stdout
        (facts,) = ready.json("distil", "list")
        assert (facts["state"], facts["reason"], facts["pairs"]) == ("withdrawn", "too coarse", 14)
        ready("run", "p.rtfs", "grades", "[34]", *options)
        assert asked(server, "grader") == 15

        assert "15 recorded calls removed" in ready("distil", "forget", "1").stdout
        assert "nothing is recorded" in ready("distil", "list").stdout


def test_by_itself_in_a_run(ready: Cli) -> None:
    with model_server(grader_and_writer(RIGHT)) as server:
        options = configure(ready, server, auto=True)
        assert ready("run", "p.rtfs", "grades", POINTS, *options).stdout == GRADES
    assert ready.json("distil", "list")[0]["state"] == "distilled"


def test_what_is_not_accepted_is_said(ready: Cli) -> None:
    with model_server(grader_and_writer(RIGHT.replace("50", "90"))) as server:
        options = configure(ready, server)
        ready("run", "p.rtfs", "grades", POINTS, *options)
        failed = ready("distil", "run", "grade", *options, "--rounds", "2", code=1)
        assert "SV003" in failed.stderr and asked(server, "writer") == 2
        # Not due before there are twice as many.
        assert "no function waits" in ready("distil", "run", *options).stdout
    assert ready.json("distil", "list")[0]["state"] == "refused"


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (("show", "nothing"), 2, "nothing is recorded of nothing"),
    (("withdraw", "nothing"), 2, "nothing is recorded of nothing"),
    (("forget", "7"), 2, "nothing is recorded of 7"),
    ((), 2, "required"),
    (("run", "--pairs", "0"), 2, "above zero"),
    (("run", "--delegation", "missing.toml"), 2, "missing.toml"),
])  # fmt: skip
def test_what_is_wrong_is_said(ready: Cli, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in ready("distil", *arguments, code=code).stderr


@pytest.mark.parametrize(("section", "told"), [
    ("pairs = 1", "delegation.toml:2: pairs must be at least 5, not 1"),
    ("pairs = 7.5", "pairs must be a whole number"),
    ("check = 2", "check must be at most 1, not 2"),
    ('model = "nobody"', "no model 'nobody'"),
    ("auto = 1", "auto must be true or false"),
    ("pears = 20", "did you mean pairs?"),
])  # fmt: skip
def test_a_section_with_a_mistake_is_refused_with_its_place(ready: Cli, section: str, told: str) -> None:
    ready.file("delegation.toml", f'[distil]\n{section}\n[models.m]\nprovider = "echo"\n')
    assert told in ready("run", "p.rtfs", "grades", "[1]", "--delegation", "delegation.toml", code=2).stderr


def test_a_file_that_is_none_is_said(ready: Cli) -> None:
    (ready.home / "distil.sqlite").write_bytes(b"this is no database, but long enough to look like one" * 30)
    assert "cannot be read" in ready("distil", "list", code=2).stderr
