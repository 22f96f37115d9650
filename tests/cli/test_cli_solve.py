"""``rtfsc solve`` against a server of the chat-completions protocol whose answers are scripted."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Cli
from model_server import ModelServer, fail, model_server, say

SIGNATURE = "(declare discount [price : Int] : Int)"
TASK = (
    "solve",
    "Take ten percent off the price",
    "--signature",
    SIGNATURE,
    "--example",
    "(discount 100) => 90",
)
RIGHT = "```rtfs\n(defn discount [price : Int] : Int (quot (* price 9) 10))\n```"
WRONG = "(defn discount [price : Int] : Int price)"


def configure(cli: Cli, server: ModelServer) -> tuple[str, ...]:
    (cli.folder / "delegation.toml").write_text(
        f'[models.writer]\nprovider = "openai_compat"\nurl = "{server.url}"\nattempts = 1\n'
    )
    return ("--delegation", "delegation.toml")


@pytest.fixture
def ready(cli: Cli) -> Cli:
    cli("init", "--home")
    return cli


def test_solve_then_hit_without_any_model(ready: Cli) -> None:
    with model_server(say(WRONG), say(RIGHT)) as server:
        made = ready(*TASK, *configure(ready, server), "--call", "(discount 250)")
        assert made.stdout == "225\n"
        assert len(server.requests) == 2
    path, _, body = server.requests[0]
    said = "\n".join(message["content"] for message in body["messages"])
    assert path.endswith("/chat/completions") and "Take ten percent off the price" in said
    assert "(discount 100) => 90" in said and SIGNATURE in said
    other = ("Take 10 percent off the price", "--signature", "[p : Int] : Int", "--example", "(f 100) => 90")
    again = ready("solve", *other, "--call", "(discount 50)")
    assert again.stdout == "45\n"


def test_what_it_shows(ready: Cli) -> None:
    with model_server(say(RIGHT)) as server:
        made = ready(*TASK, *configure(ready, server))
        hit = ready(*TASK, *configure(ready, server))
    state, digest, *_ = made.stdout.split()
    assert state == "generated" and len(digest) == 16
    evidence = Path(made.stdout.splitlines()[1].removeprefix("evidence: "))
    assert (evidence / "1-answer.txt").read_text() == RIGHT
    assert hit.stdout.split()[:2] == ["hit", digest]
    assert digest in ready("store", "verify", digest).stdout


def test_json_has_the_whole_evidence(ready: Cli) -> None:
    with model_server(say(WRONG), say(RIGHT)) as server:
        made = ready(
            *TASK, *configure(ready, server), "--json", "--call", "(discount 10)", "--evidence", "kept"
        )
    facts = json.loads(made.stdout)
    assert (facts["generated"], facts["function"], facts["value"]) == (True, "discount", "9")
    assert [step["name"] for step in facts["evidence"]["steps"]] == [
        "look-up", "ask", "check", "ask", "check", "publish",
    ]  # fmt: skip
    assert (
        json.loads((ready.folder / "kept" / "evidence.json").read_text())["steps"]
        == facts["evidence"]["steps"]
    )


def test_what_is_never_right_is_refused_and_not_stored(ready: Cli) -> None:
    with model_server(say(WRONG)) as server:
        refused = ready(*TASK, *configure(ready, server), "--rounds", "2", code=1)
        assert len(server.requests) == 2
    assert "SV003" in refused.stderr and "asked 2 times" in refused.stderr and "hint" in refused.stderr
    assert "discount" not in ready("store", "ls").stdout


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (("--no-generate",), 1, "SV002"),
    ((), 1, "no model is named"),
    (("--model", "nobody"), 1, "LM001"),
    (("--example", "(discount 100) => 91"), 1, "two examples of (discount 100) differ"),
    (("--example", "(discount \"x\") => 91"), 1, "does not fit the signature"),
    (("--example", "(discount"), 2, "an example is written"),
    (("--example", "(discount 1) =>"), 2, "an example is written"),
    (("--call", "250", "--model", "echo-model"), 2, "a call is written"),
    (("--call", "(f \"x\")", "--model", "echo-model"), 2, "expected :int, got string"),
    (("--call", "(f)", "--model", "echo-model"), 2, "takes 1 argument, not 0"),
    (("--rounds", "0"), 2, "above zero"),
    (("--timeout", "never"), 2, "seconds above zero"),
    (("--delegation", "missing.toml"), 2, "missing.toml"),
    (("--model", "echo-model", "--key", "other"), 1, "no key 'other'"),
])  # fmt: skip
def test_what_is_wrong_is_said(ready: Cli, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in ready(*TASK, *arguments, code=code).stderr


def test_without_init_it_says_what_is_missing(cli: Cli) -> None:
    failed = cli(*TASK, "--model", "echo-model", code=1)
    assert "no key 'local'" in failed.stderr and "rtfsc init" in failed.stderr


def test_a_signature_that_is_none(ready: Cli) -> None:
    failed = ready("solve", "Do it", "--signature", "(declare f [x : Nope] : Int)", code=1)
    assert "Unknown type Nope" in failed.stderr


def test_a_server_that_fails_is_said_and_nothing_is_stored(ready: Cli) -> None:
    with model_server(fail(503)) as server:
        failed = ready(*TASK, *configure(ready, server), code=1)
    assert "LM003" in failed.stderr
    assert "discount" not in ready("store", "ls").stdout


def test_a_server_that_is_silent_runs_into_the_timeout(ready: Cli) -> None:
    given_up = threading.Event()
    with model_server(lambda handler, body: given_up.wait(120)) as server:
        failed = ready(*TASK, *configure(ready, server), "--timeout", "0.3", code=1)
        given_up.set()
    assert "LM004" in failed.stderr


def test_offline_a_hit_works_and_a_miss_says_so(ready: Cli) -> None:
    with model_server(say(RIGHT)) as server:
        options = configure(ready, server)
        ready(*TASK, *options)
    assert ready(*TASK, "--offline", "--call", "(discount 20)").stdout == "18\n"
    missed = ready(
        "solve", "Add one", "--signature", "[n : Int] : Int", "--offline", "--model", "echo-model", code=1
    )
    assert "SV003" in missed.stderr  # the echo is on this machine, and no programmer


def test_two_processes_at_once_make_one_module_with_one_question(ready: Cli) -> None:
    def slowly(handler: Any, body: Any) -> None:
        time.sleep(1.0)
        say(RIGHT)(handler, body)

    with model_server(slowly) as server:
        options = configure(ready, server)
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda _: json.loads(ready(*TASK, *options, "--json").stdout), range(3)))
        assert len(server.requests) == 1
    assert len({facts["module"] for facts in made}) == 1
    assert sorted(facts["generated"] for facts in made) == [False, False, True]


def test_a_kill_while_the_model_thinks_leaves_evidence_and_no_lock(ready: Cli) -> None:
    thinking, gone = threading.Event(), threading.Event()

    def think(handler: Any, body: Any) -> None:
        thinking.set()
        gone.wait(120)

    with model_server(think, say(RIGHT)) as server:
        options = configure(ready, server)
        killed = ready.start(*TASK, *options, "--evidence", "kept")
        assert thinking.wait(60)
        killed.kill()
        killed.communicate()
        gone.set()
        steps = json.loads((ready.folder / "kept" / "evidence.json").read_text())["steps"]
        assert [step["outcome"] for step in steps] == ["miss"]
        assert ready(*TASK, *options, "--call", "(discount 30)").stdout == "27\n"
