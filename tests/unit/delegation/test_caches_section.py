"""``[caches]`` of a delegation.toml: what it says, what is wrong in it, and the caches that come of it."""

from __future__ import annotations

import pytest
from scripted import Scripted
from scripted_model import ScriptedModel, question

from runtime.caches.protocol import Eviction
from runtime.caches.semantic import LEAST
from runtime.delegation.context import Environment
from runtime.delegation.policy_file import PolicyError, parse
from runtime.delegation.setup import open_delegation
from runtime.engine import Runtime

FULL = """\
[defaults]
cache_ttl = 60

[caches]
folder = "kept"

[caches.l1]
capacity = 100
eviction = "lfu"

[caches.l2]
capacity = 200
ttl = 5.5
confidence = 0.5
sampled = true
hot = "redis://cache.example/0"
cold = "s3://bucket/prefix?endpoint=http://127.0.0.1:1"

[caches.l3]
threshold = 0.9
index = "postgresql://user@host/db"
embedder = "models/mini.gguf"
"""


def test_what_it_says():
    caches = parse(FULL).caches
    assert caches.folder == "kept"
    assert (caches.l1.table.capacity, caches.l1.table.eviction) == (100, Eviction.LFU)
    l2 = caches.l2
    assert (l2.table.capacity, l2.table.ttl, l2.table.confidence, l2.sampled) == (200, 5.5, 0.5, True)
    assert (l2.hot, l2.cold[:11]) == ("redis://cache.example/0", "s3://bucket")
    assert (caches.l3.threshold, caches.l3.index[:10]) == (0.9, "postgresql")


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "hint"),
    [
        ('folder = "kept"', "folder = 1", 5, "folder must be a text", None),
        ('folder = "kept"', 'foldr = "kept"', 5, "no key 'foldr'", "did you mean folder?"),
        ("[caches.l1]", "[caches.l4]", 7, "no key 'l4'", "l1"),
        ("capacity = 100", "capacity = 0", 8, "capacity must be at least 1, not 0", None),
        ("capacity = 100", "capacity = 1.5", 8, "capacity must be a whole number", None),
        ('"lfu"', '"lru "', 9, "no eviction 'lru '", "did you mean lru?"),
        ("ttl = 5.5", "ttl = 0", 13, "ttl must be at least 0.001, not 0", None),
        ("ttl = 5.5", 'ttl = "1h"', 13, "ttl must be a number", None),
        ("confidence = 0.5", "confidence = 1.5", 14, "confidence must be at most 1, not 1.5", None),
        ("sampled = true", "sampled = 1", 15, "sampled must be true or false", None),
        ("redis://cache.example/0", "http://cache", 16, "no place 'http://cache'", '"redis://…"'),
        ("redis://cache.example/0", "redis://:secret@cache/0", 16, "a password has no place", "environment"),
        ("redis://cache.example/0", "redis://cache/zero", 16, "the databases of Redis have numbers", None),
        ('cold = "s3:', 'cold = "postgresql:', 17, "no place 'postgresql://", '"sqlite", "none"'),
        ("threshold = 0.9", "threshold = 95", 20, "threshold must be at most 1, not 95", None),
        ("threshold = 0.9", "threshold = nan", 20, "threshold must be", None),
        ('"postgresql://user@host/db"', '"usearch"', 21, "no place 'usearch'", '"memory"'),
        ("models/mini.gguf", "minilm", 22, "no embedder 'minilm'", '"lexical"'),
        ("models/mini.gguf", "https://models.example/v1", 22, "no embedder 'https", "v1#MODEL"),
        ("[caches.l2]", "[caches.l3]\ncapacity = 1\n[caches.l2]", 11, "TOML", None),
        ("[caches.l1]\ncapacity = 100\neviction", "l1 = 3\nx", 7, "l1 is written as [caches.l1]", None),
    ],
)
def test_mistakes_have_a_place(old, new, line, message, hint):
    assert old in FULL
    with pytest.raises(PolicyError) as caught:
        parse(FULL.replace(old, new, 1).replace('x = "lfu"\n', ""), "delegation.toml")
    error = caught.value
    assert message in str(error)
    if "TOML" not in message:
        assert error.line == line
    if hint:
        assert hint in error.hint


def test_without_the_section_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("RTFSC_CACHE_DIR", str(tmp_path / "cache"))
    with open_delegation(text="") as delegating:
        assert [row.layer for row in delegating.manager.stats()] == ["L1", "L2 hot"]
        delegating.manager.infer(ScriptedModel("one"), question())
        assert delegating.manager.answer(ScriptedModel("two"), question()).layer == "L2"
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("patient")
def test_answers_outlive_the_process_where_a_file_says_so(tmp_path):
    path = tmp_path / "delegation.toml"
    path.write_text('[caches]\nfolder = "kept"\n[caches.l3]\n')
    asked, alike = "Convert a temperature from Celsius to Fahrenheit", (
        "Transform a temperature from Celsius to Fahrenheit"
    )  # fmt: skip
    with open_delegation(path) as delegating:
        rows = [row.layer for row in delegating.manager.stats()]
        assert rows == ["L1", "L2 hot", "L2 cold", "L3"]
        assert delegating.manager.l3.least == LEAST
        delegating.manager.infer(ScriptedModel("one"), question(asked))
    assert {p.name for p in (tmp_path / "kept").glob("*.sqlite")} == {"answers.sqlite", "questions.sqlite"}
    with open_delegation(path) as delegating:
        assert delegating.manager.answer(ScriptedModel("two"), question(asked)).layer == "L2"
        assert delegating.manager.answer(ScriptedModel("two"), question(alike)).layer == "L3"


def test_offline_leaves_servers_out(monkeypatch):
    monkeypatch.setenv("RTFSC_OFFLINE", "1")
    text = FULL.replace('embedder = "models/mini.gguf"', "").replace(
        "[caches.l2]", 'redis = "redis://cache.example/1"\n\n[caches.l2]'
    )
    with open_delegation(text=text) as delegating:
        stores = {row.layer: row.store for row in delegating.manager.stats()}
        assert stores == {"L1": "memory", "L2 hot": "memory", "L3": "memory, lexical-2"}
    text = '[caches]\n[caches.l3]\nindex = "memory"\nembedder = "https://models.example/v1#m"'
    with open_delegation(text=text) as delegating:
        assert delegating.manager.l3 is None


def test_servers_that_are_not_there_cost_no_answer(monkeypatch):
    """Redis, S3 and PostgreSQL at once."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    text = """
        [caches.l1]
        redis = "redis://127.0.0.1:1/0"
        [caches.l2]
        hot = "redis://127.0.0.1:1/0"
        cold = "s3://bucket?endpoint=http://127.0.0.1:1&region=x"
        [caches.l3]
        index = "postgresql://nobody@127.0.0.1:1/none"
    """
    with open_delegation(text=text) as delegating:
        for number in range(3):
            answered = delegating.manager.answer(ScriptedModel(f"{number}"), question())
            assert (answered.layer, answered.response.text) == ("model", f"{number}")
        delegating.manager.flush()
        rows = {row.layer: row for row in delegating.manager.stats()}
        assert not any(rows[layer].up for layer in ("L2 hot", "L2 cold", "L3"))


@pytest.mark.usefixtures("patient")
def test_a_team_on_its_servers(redis_url, s3_url, postgres_url):
    """Two machines, and one that comes when the hot store is empty."""
    redis_url += "&timeout_ms=60000"
    text = f"""
        [caches.l1]
        redis = "{redis_url}"
        [caches.l2]
        hot = "{redis_url}"
        cold = "{s3_url}"
        [caches.l3]
        index = "{postgres_url}"
    """
    asked, alike = ("Convert amounts from dollars to euros", "Transform amounts from dollars to euros")
    model = ScriptedModel("one")
    with open_delegation(text=text) as here, open_delegation(text=text) as there:
        assert [row.layer for row in here.manager.stats()] == ["L1", "L1 shared", "L2 hot", "L2 cold", "L3"]
        here.manager.infer(model, question(asked), tenant="acme")
        assert here.manager.flush()
        found = there.manager.answer(model, question(alike), tenant="acme")
        assert (found.layer, found.match, found.response.text) == ("L3", asked, "one")
        assert there.manager.answer(model, question(asked), tenant="acme").layer == "L2"
        for tenant in ("globex", ""):
            for one in (asked, alike):
                own = there.manager.answer(ScriptedModel(f"of {tenant}"), question(one), tenant=tenant)
                assert own.response.text == f"of {tenant}"
        there.manager.flush()
        here.manager.l2.hot.clear()
        assert there.manager.answer(model, question(alike), tenant="acme").layer == "L3"
        assert there.manager.l2.cold_hits == 1
        assert all(row.up and not row.failures for row in there.manager.stats())
        [hit, *_] = here.manager.l3.index.hits(1)
        assert (hit.tenant, hit.query, hit.match) == ("acme", alike, asked)
        here.manager.clear(tenant="acme")
        assert there.manager.answer(model, question(alike), tenant="acme").layer == "model"
        assert there.manager.answer(model, question(asked), tenant="globex").layer == "L2"


def test_the_store_of_modules_is_in_the_table(tmp_path):
    """L4: of the runtime that opened the file."""
    path = tmp_path / "delegation.toml"
    path.write_text("")
    with Runtime(store="memory:", delegation=path, home=tmp_path) as runtime:
        runtime.search('(declare f [x : Float] : Float "Twice the number")')
        l4 = runtime.delegation.manager.stats()[-1]
        assert (l4.layer, l4.stats.hits, l4.stats.misses) == ("L4", 0, 1)


ELSEWHERE = [
    '[caches.l2]\nhot = "redis://cache.example/0"\n',
    '[caches.l2]\ncold = "s3://bucket/prefix?endpoint=http://192.0.2.1:1"\n',
    '[caches.l2]\ncold = "none"\n[caches.l3]\nindex = "postgresql://user@192.0.2.1/db"\n',
    '[caches.l2]\ncold = "none"\n[caches.l3]\nindex = "memory"\nembedder = "https://models.example/v1#small"\n',
]
HERE = [
    '[caches.l2]\ncold = "none"\n',
    '[caches]\nfolder = "kept"\n[caches.l3]\nthreshold = 0.99\n',
    '[caches.l2]\nhot = "redis://localhost:1/0"\ncold = "none"\n',
]
RULE = '[[rule]]\nsymbol = "f"\ntarget = "local-m"\nretries = 0\n'


@pytest.mark.parametrize(("caches", "here"), [(c, False) for c in ELSEWHERE] + [(c, True) for c in HERE])
def test_private_data_are_told_to_no_store_elsewhere(tmp_path, caches, here, monkeypatch):
    file = tmp_path / "delegation.toml"
    file.write_text(RULE + caches)
    model = Scripted("1", id="m")
    with open_delegation(file, models=[model]) as asked:
        assert asked.manager.local is here
        if not here:
            monkeypatch.setattr(type(asked.manager), "infer", lambda *_, **__: pytest.fail("was told"))
        private = Environment(privacy="private")
        module = Runtime(delegation=asked, environment=private).compile('(defn f "d" [x : Int] : Int 0)')
        assert [module.f(7), module.f(7)] == [1, 1]
        away = not here or "redis" in caches  # there is none
        assert len(model.requests) == 1 + away
