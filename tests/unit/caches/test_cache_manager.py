"""All layers behind one call."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from scripted_model import ScriptedModel, question

from runtime.caches.cold import MemoryCold
from runtime.caches.inference import InferenceCache
from runtime.caches.manager import CacheManager
from runtime.caches.protocol import CacheConfig, CacheStats, table
from runtime.caches.semantic import SemanticCache
from runtime.caches.vectors import MemoryVectors
from runtime.meaning.embedding import Lexical
from runtime.obs.events import Bus
from runtime.providers.base import Message
from runtime.providers.errors import TimedOut

ASKED = "Convert a temperature from Celsius to Fahrenheit"
ALIKE = "Transform a temperature from Celsius to Fahrenheit"
REVERSED = "Convert a temperature from Fahrenheit to Celsius"


def manager(**options):
    """With an L3 that finds what is said a little otherwise."""
    return CacheManager(l3=SemanticCache(Lexical(), MemoryVectors(), least=0.85), **options)


def test_a_model_is_asked_once():
    caches, model = CacheManager(), ScriptedModel("one")
    assert [caches.answer(model, question()).layer for _ in range(3)] == ["model", "L2", "L2"]
    assert caches.infer(model, question()).text == "one"
    assert len(model.asked) == 1


def test_failures_are_raised_and_not_kept():
    def slow(_):
        raise TimedOut("m", "slow")

    caches = CacheManager()
    with pytest.raises(TimedOut):
        caches.infer(ScriptedModel(slow), question())
    assert caches.infer(ScriptedModel("there"), question()).text == "there"


def test_concurrent_requests_ask_once_and_tenants_for_themselves():
    caches, barrier, texts = CacheManager(), threading.Barrier(8), []

    def slowly(_):
        threading.Event().wait(0.2)
        return f"answer {len(model.asked)}"

    model = ScriptedModel(slowly)

    def work(tenant):
        barrier.wait()
        texts.append((tenant, caches.infer(model, question(), tenant=tenant).text))

    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in ("a", "b") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.asked) == 2
    assert len(set(texts)) == 2


def test_the_caller_says_what_is_kept_and_forgets_what_was_wrong():
    caches, model = manager(), ScriptedModel("wrong")
    caches.infer(model, question(ASKED), keep=lambda response: response.text != "wrong")
    model.text = "right"
    assert caches.answer(model, question(ASKED)).layer == "model"
    caches.flush()
    assert caches.forget(model, question(ASKED))
    assert not caches.forget(model, question(ASKED))
    for text in (ASKED, ALIKE):  # neither is kept: it would answer the other as soon as it is in the index
        assert caches.answer(model, question(text), keep=lambda _: False).layer == "model"


def test_text_is_told_once_wherever_it_comes_from():
    caches, model, told = CacheManager(), ScriptedModel("one"), []
    for _ in range(3):
        caches.infer(model, question(), on_text=told.append)
    assert told == ["one"] * 3


def test_like_questions_have_one_answer():
    caches, model = manager(), ScriptedModel("(defn f …)")
    caches.infer(model, question(ASKED))
    caches.flush()
    found = caches.answer(model, question(ALIKE))
    assert (found.layer, found.match, found.response.text) == ("L3", ASKED, "(defn f …)")
    assert 0.95 <= found.score < 1.0001
    # Each time anew: nothing is kept under a question that was not asked of the model.
    assert caches.answer(model, question(ALIKE)).layer == "L3"
    assert caches.answer(model, question(REVERSED)).layer == "model"
    [hit, _] = caches.l3.index.hits(9)
    assert hit[2:] == ("lexical-2", ALIKE, ASKED, found.score, "m", "(defn f …)")


@pytest.mark.parametrize(
    "other",
    [{"tenant": "globex"}, {"revision": "2"}, {"max_tokens": 9}, {"schema": "{}"}, {"system": "be long"},
     {"temperature": 0.5}],
)  # fmt: skip
def test_like_questions_are_alike_in_all_else(other):
    caches = manager()
    caches.infer(ScriptedModel("one"), question(ASKED), tenant="acme")
    caches.flush()
    fields = {key: other[key] for key in other if key in ("max_tokens", "schema", "temperature")}
    request = question(ALIKE, **fields)
    if "system" in other:
        request = replace(request, messages=(Message("system", "be long"), *request.messages[1:]))
    model = ScriptedModel("two", revision=other.get("revision", "1"))
    assert caches.answer(model, request, tenant=other.get("tenant", "acme")).layer == "model"
    assert caches.answer(ScriptedModel(), question(ALIKE), tenant="acme").layer == "L3"


def test_the_part_that_may_be_said_otherwise_is_named():
    caches, model = manager(), ScriptedModel("one")

    def asks(task, data):
        return question(f"Task: {task}\nData: {data}")

    caches.infer(model, asks(ASKED, "12"), core=ASKED)
    caches.flush()
    assert caches.answer(model, asks(ALIKE, "12"), core=ALIKE).layer == "L3"
    assert caches.answer(model, asks(ALIKE, "13"), core=ALIKE).layer == "model"
    caches.infer(model, asks(ASKED, "14"), core="")
    caches.flush()
    assert caches.answer(model, asks(ALIKE, "14"), core=ALIKE).layer == "model"
    assert caches.answer(model, question("all else"), core="not in it").layer == "model"


def test_tenants_never_see_each_others_answers():
    cold = MemoryCold()
    caches = manager(l2=InferenceCache(cold=cold))
    caches.infer(ScriptedModel("of acme"), question(ASKED), tenant="acme")
    caches.flush()
    for text in (ASKED, ALIKE):
        for tenant in ("globex", "", "acme\0", "4:acme"):
            fresh = manager(l2=InferenceCache(cold=cold))
            fresh.l3 = caches.l3
            assert fresh.answer(ScriptedModel("own"), question(text), tenant=tenant).response.text == "own"


def test_warming_clearing_and_the_table():
    cold, l1 = MemoryCold(), table(CacheConfig(9))
    l1.put("decision", 1)
    first = manager(l2=InferenceCache(cold=cold))
    for tenant in ("a", "b"):
        first.infer(ScriptedModel(), question(ASKED), tenant=tenant)
    first.flush()
    caches = CacheManager(
        l1, InferenceCache(cold=cold), first.l3, l4=lambda: CacheStats(7, 3, 0, 0, 0, 0, 5, 0)
    )
    assert caches.warm() == 2
    assert caches.answer(ScriptedModel(), question(ASKED), tenant="a").layer == "L2"
    rows = {row.layer: row for row in caches.stats()}
    assert list(rows) == ["L1", "L2 hot", "L2 cold", "L3", "L4"]
    assert (rows["L2 hot"].stats.hits, rows["L2 cold"].stats.hits, rows["L3"].stats.size) == (1, 0, 2)
    assert rows["L4"].stats.hit_rate == 0.7
    assert all(row.up and not row.failures for row in rows.values())
    caches.clear(tenant="a")
    assert len(l1) == 0
    assert caches.answer(ScriptedModel(), question(ALIKE), tenant="a").layer == "model"
    assert caches.answer(ScriptedModel(), question(ALIKE), tenant="b").layer == "L3"
    caches.clear("L3")
    assert caches.answer(ScriptedModel(), question(ALIKE), tenant="b").layer == "model"
    assert caches.answer(ScriptedModel(), question(ASKED), tenant="b").layer == "L2"
    caches.close()


def test_an_embedder_that_fails_is_a_miss():
    class Broken(Lexical):
        def embed(self, texts):
            raise OSError("no model file")

    caches = CacheManager(l3=SemanticCache(Broken(), MemoryVectors()))
    assert caches.infer(ScriptedModel("one"), question(ASKED)).text == "one"
    assert caches.answer(ScriptedModel("two"), question(ASKED)).layer == "L2"
    [row] = [row for row in caches.stats() if row.layer == "L3"]
    assert row.failures == 1
    assert not row.up


def test_what_happens_is_told():
    bus, events = Bus(), []
    bus.subscribe(events.append)
    caches = manager(emit=bus)
    caches.infer(ScriptedModel(), question(ASKED))
    caches.flush()
    caches.infer(ScriptedModel(), question(ASKED))
    caches.infer(ScriptedModel(), question(ALIKE))
    caches.clear("L3")
    told = [(e.name, e.attributes["layer"], e.attributes.get("store", "")) for e in events]
    assert told == [
        ("cache.miss", "L2", ""), ("cache.miss", "L3", ""), ("cache.put", "L2", ""),
        ("cache.hit", "L2", "hot"), ("cache.miss", "L2", ""), ("cache.hit", "L3", ""),
        ("cache.cleared", "L3", ""),
    ]  # fmt: skip
    assert (events[5].attributes["query"], events[5].attributes["match"]) == (ALIKE, ASKED)
