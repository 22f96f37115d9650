"""Colleagues with homes of their own solve in one store: real PostgreSQL and S3, a scripted model."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Cli, runner
from model_server import model_server, say

TASK = ("solve", "Take ten percent off the price", "--signature", "(declare discount [price : Int] : Int)",
        "--example", "(discount 100) => 90")  # fmt: skip
RIGHT = "(defn discount [price : Int] : Int (quot (* price 9) 10))"


@pytest.fixture
def colleagues(tmp_path: Path, s3_url: str, postgres_url: str) -> tuple[Cli, Cli]:
    """Who trust each other's keys."""
    secrets = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PG"))}
    both = (
        runner(tmp_path / "zoe", tmp_path / "zoe/cache"),
        runner(tmp_path / "max", tmp_path / "max/cache"),
    )
    for cli in both:
        cli.env |= {**secrets, "RTFSC_STORE": f"{s3_url} {postgres_url}"}
        cli("init", "--home")
    for one, other in (both, both[::-1]):
        other("trust", "add", one.file("key.pem", one("keys", "export", "local").stdout))
    return both


def test_what_one_had_written_the_other_finds(colleagues: tuple[Cli, Cli]) -> None:
    zoe, max = colleagues
    with model_server(say(RIGHT)) as server:
        zoe.file("delegation.toml", f'[models.writer]\nprovider = "openai_compat"\nurl = "{server.url}"\n')
        assert zoe(*TASK, "--delegation", "delegation.toml", "--call", "(discount 250)").stdout == "225\n"
    found = max.json(*TASK, "--call", "(discount 50)")
    assert (found["generated"], found["value"]) == (False, "45")


def test_who_comes_later_takes_what_is_there(colleagues: tuple[Cli, Cli]) -> None:
    """On two machines both ask; there is one module in the end."""
    both_asked, one_done = threading.Event(), threading.Event()

    def in_order(handler: Any, body: Any) -> None:
        late = len(server.requests) > 1
        if late:
            both_asked.set()
        assert (one_done if late else both_asked).wait(90)
        say(RIGHT.replace("(* price 9) 10", "(* 9 price) 10") if late else RIGHT)(handler, body)

    with model_server(in_order) as server, ThreadPoolExecutor(2) as pool:
        table = f'[models.writer]\nprovider = "openai_compat"\nurl = "{server.url}"\nattempts = 1\n'
        runs = []
        for cli in colleagues:
            cli.file("delegation.toml", table)
            runs.append(pool.submit(cli.json, *TASK, "--delegation", "delegation.toml"))
        for run in runs:
            run.add_done_callback(lambda _: one_done.set())
        made = [run.result() for run in runs]
    assert len(server.requests) == 2
    assert len({facts["module"] for facts in made}) == 1
    assert sorted(facts["generated"] for facts in made) == [False, True]
