"""``rtfsc store`` beyond looking: versions, bundles, clean-up, and ``rtfsc why``."""

from __future__ import annotations

import json

import pytest
from cli_runner import Cli

PROGRAM = '(defn price "The price of x" [x : Int] : Int (+ x 1))\n'


@pytest.fixture
def shop(cli: Cli) -> Cli:
    cli("init", ".")
    for number in ("1", "2"):
        cli.file("shop.rtfs", PROGRAM.replace("1", number))
        cli("publish", "shop.rtfs")
    return cli


def test_history_rollback_and_pins(shop):
    rows = json.loads(shop("store", "history", "shop", "--json").stdout)
    assert [(row["version"], row["current"]) for row in rows] == [(2, True), (1, False)]
    done = shop("store", "rollback", "shop", "1", "--reason", "wrong")
    assert done.stdout.startswith("shop is version 1 again")
    assert "current" in shop("store", "history", "shop").stdout.splitlines()[1]
    assert shop("store", "pin", "shop").stdout.endswith("pinned\n")
    refused = shop("store", "rollback", "shop", "7", code=5)
    assert "there are 2, 1" in refused.stderr


@pytest.mark.parametrize("form", ["modules.zip", "modules.tar", "modules"])
def test_export_and_import(shop, form):
    assert shop("store", "export", form).stdout.count("written") == 2
    taken = shop("store", "import", form, "--store", "other")
    assert taken.stdout.count("taken in") == 2
    assert shop("store", "import", form, "--store", "other").stdout.count("was there") == 2
    shop.file("bad.zip", "PK")
    assert "ST020" in shop("store", "import", "bad.zip", code=5).stderr


def test_a_stranger_imports_nothing(shop):
    shop("store", "export", "modules.zip", "shop")
    shop.env["RTFSC_HOME"] = str(shop.home / "stranger")
    refused = shop("store", "import", "modules.zip", "--store", "other", code=3)
    assert "refused: T002" in refused.stdout


def test_why(shop):
    hit = shop("why", "hit", "shop.rtfs")
    assert hit.stdout.startswith("hit\n") and "signed by local" in hit.stdout
    assert shop("why", "miss", "shop.rtfs", code=1).stdout.startswith("hit\n")
    shop.file("shop.rtfs", PROGRAM.replace("1", "3"))
    miss = json.loads(shop("why", "miss", "shop.rtfs", "--json").stdout)
    assert miss["hit"] is False
    assert {d["field"] for d in miss["nearest"]["differences"]} == {"source_digest", "price: def_hash"}


def test_find(shop):
    declaration = '(declare f [x : Int] : Int "The price of x")'
    found = shop("find", declaration, "--example", "(f 1) => 3")
    assert found.stdout.splitlines()[-1].startswith("hit")
    missed = json.loads(shop("find", declaration, "--example", "(f 1) => 9", "--json", code=1).stdout)
    newest, *older = missed["candidates"]
    assert newest["verdict"] == "examples"
    assert all("was seen before" in candidate["reasons"][0] for candidate in older)
    assert "'(call) => value'" in shop("find", declaration, "--example", "f 1", code=2).stderr
    wrong = shop("find", declaration, "--example", "(f 1) => 9", code=1).stdout
    assert " 1): gave " in wrong and ", not 9" in wrong and "(1,)" not in wrong


def test_clean_up(shop):
    assert "1 modules" in shop("store", "gc", "--versions", "1", "--dry-run").stdout
    assert "1 modules" in shop("store", "gc", "--versions", "1").stdout
    assert json.loads(shop("store", "fsck", "--json").stdout)["damaged"] == []
    assert len(json.loads(shop("store", "ls", "--json").stdout)) == 1
    shop("run", "shop.rtfs")
    hits = json.loads(shop("store", "hits", "--json").stdout)
    assert (hits[0]["kind"], hits[0]["outcome"]) == ("text", "hit")
    assert shop("store", "embed").stdout.startswith("0 functions")
    assert "searched exactly" in shop("store", "index").stdout
