"""``rtfsc cache``."""

from __future__ import annotations

import pytest
from cli_runner import runner
from scripted_model import ScriptedModel, question

from runtime.delegation.setup import open_delegation
from runtime.obs.events import Bus
from runtime.obs.statistics import FILE, Statistics

ASKED = "Convert a temperature from Celsius to Fahrenheit"
ALIKE = "Transform a temperature from Celsius to Fahrenheit"


@pytest.fixture
def cli(tmp_path):
    run = runner(tmp_path, tmp_path / "cache")
    run.env["RTFSC_DELEGATION"] = "delegation.toml"
    return run


def use(cli, path):
    """One process that asks three times: the model, L2 and L3 answer. Then another one: the cold store."""
    bus = Bus()
    statistics = Statistics(cli.home / FILE)
    bus.subscribe(statistics)
    with open_delegation(path, emit=bus) as delegating:
        manager = delegating.manager
        manager.infer(ScriptedModel("line 1\nline\x1b[31m 2"), question(ASKED), tenant="acme")
        assert manager.flush(120)
        for text in (ASKED, ALIKE):
            manager.infer(ScriptedModel("other"), question(text), tenant="acme")
    with open_delegation(path, emit=bus) as delegating:
        assert delegating.manager.answer(ScriptedModel("other"), question(ASKED), tenant="acme").layer == "L2"
    statistics.close()


def test_stats_hits_and_clear(cli):
    use(cli, cli.file("delegation.toml", '[caches]\nfolder = "kept"\n[caches.l3]\n'))
    rows = {row["layer"]: row for row in cli.json("cache", "stats")}
    counted = {layer: (row["hits"], row["misses"], row["entries"]) for layer, row in rows.items()}
    assert counted == {"L2 hot": (1, 3, None), "L2 cold": (1, 2, 1), "L3": (1, 1, 1)}
    table = cli("cache", "stats").stdout.splitlines()
    assert table[0].split() == ["layer", "store", "hits", "misses", "rate", "entries", "state"]
    assert [line.split()[-5:] for line in table[1:]] == [
        ["1", "3", "25.0%", "-", "up"], ["1", "2", "33.3%", "1", "up"], ["1", "1", "50.0%", "1", "up"],
    ]  # fmt: skip

    [hit] = cli.json("cache", "hits")
    assert (hit["tenant"], hit["query"], hit["match"], hit["model"]) == ("acme", ALIKE, ASKED, "m")
    shown = cli("cache", "hits").stdout
    assert "lexical-2  tenant acme" in shown
    assert "  answer line 1 line\ufffd[31m 2\n" in shown

    assert cli("cache", "clear", "--tenant", "globex").stdout == "cleared L2, L3 of the tenant 'globex'\n"
    assert [row["entries"] for row in cli.json("cache", "stats")] == [None, 1, 1]
    assert cli("cache", "clear", "--layer", "L3").stdout == "cleared L3\n"
    assert [row["entries"] for row in cli.json("cache", "stats")] == [None, 1, 0]
    assert cli.json("cache", "clear", "--tenant", "acme") == {"cleared": ["L2", "L3"], "tenant": "acme"}
    assert [row["entries"] for row in cli.json("cache", "stats")] == [None, 0, 0]


def test_warming_a_shared_hot_store(cli, redis_server, redis_url):
    hot = f"{redis_url}&timeout_ms=60000"
    path = cli.file("delegation.toml", f'[caches]\nfolder = "kept"\n[caches.l2]\nhot = "{hot}"\n')
    use(cli, path)
    cli.env |= redis_server.settings()
    cli("cache", "clear", "--layer", "L1")
    assert cli.json("cache", "stats")[0]["entries"] == 2
    with open_delegation(path) as delegating:
        delegating.manager.l2.hot.clear()
    assert cli.json("cache", "stats")[0]["entries"] == 0
    assert "2 answers are hot now in redis://127.0.0.1" in cli("cache", "warm").stdout
    assert cli.json("cache", "stats")[0]["entries"] == 2
    assert cli.json("cache", "warm", "--limit", "1")["answers"] == 1


def test_servers_that_do_not_answer_are_named(cli):
    nobody = '"redis://127.0.0.1:1/0"'
    l1, l2 = f"[caches.l1]\nredis = {nobody}\n", f'[caches.l2]\nhot = {nobody}\ncold = "none"\n'
    cli.file("delegation.toml", l1 + l2)
    assert [row["up"] for row in cli.json("cache", "stats")] == [False, False]
    assert "does not answer" in cli("cache", "stats").stdout
    for layer in ("L1", "L2"):
        assert f"{layer} cannot be cleared" in cli("cache", "clear", "--layer", layer, code=5).stderr


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (None, ["stats"], "RTFSC_DELEGATION: No such file or directory: delegation.toml"),
        ("", ["stats"], "has no section [caches]"),
        ("[caches]\nx = 1", ["stats"], "delegation.toml:2: no key 'x'"),
        ("[caches", ["stats"], "delegation.toml:1: no TOML"),
        ("[caches]", ["hits"], "there is no section [caches.l3]"),
        ("[caches]", ["clear", "--layer", "L1", "--tenant", "a"], "leave --tenant out"),
        ("[caches]", ["clear", "--layer", "L4"], "invalid choice: 'L4'"),
        ("[caches]", ["warm", "--limit", "0"], "above zero"),
        (b"\xff", ["stats"], "no text in UTF-8"),
    ],
)
def test_wrong_uses(cli, text, arguments, message):
    if text is not None:
        cli.file("delegation.toml", text)
    assert message in cli("cache", *arguments, code=2).stderr


def test_a_file_that_lies_here_is_not_taken_by_itself(cli):
    cli.file("delegation.toml", '[caches]\nfolder = "kept"\n')
    del cli.env["RTFSC_DELEGATION"]
    assert "says which caches" in cli("cache", "stats", code=2).stderr
    assert cli.json("cache", "stats", "--delegation", "delegation.toml")


def test_a_file_that_is_no_database(cli):
    cli.file("delegation.toml", '[caches]\nfolder = "."\n[caches.l3]\n')
    cli.file("answers.sqlite", b"no database" * 100)
    cli.file("questions.sqlite", b"no database" * 100)
    assert [row["up"] for row in cli.json("cache", "stats")] == [True, False, False]
    for action in (["clear"], ["warm"], ["hits"]):
        assert "cannot be" in cli("cache", *action, code=5).stderr
