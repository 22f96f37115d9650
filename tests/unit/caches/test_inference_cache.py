from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import fields, replace

import pytest
from scripted_model import ScriptedModel

from runtime.caches.cold import ColdError, MemoryCold, SqliteCold
from runtime.caches.inference import InferenceCache, decode, encode
from runtime.caches.manager import CacheManager
from runtime.caches.protocol import LOW_CONFIDENCE, UNAVAILABLE, CacheConfig
from runtime.caches.writer import Writer
from runtime.providers.base import Message, Request, Response

REQUEST = Request("m", (Message("user", "hi"),))
CHANGED = {
    "model": "n", "messages": (Message("user", "ho"),), "temperature": 0.5, "max_tokens": 9, "top_p": 0.5,
    "seed": 1, "stop": (".",), "grammar": "g", "schema": "{}", "tools": ("t",), "timeout": 1.0, "core": "c",
    "accept": bool,
}  # fmt: skip


def response(text="hello", **fields):
    return Response(text, "m", "1", **fields)


def asked(cache, text="hello", request=REQUEST, revision="1", tenant="", **fields):
    """The answer, and whether it was kept; the model would say ``text``."""
    manager = CacheManager(l2=cache)
    found = manager.answer(ScriptedModel(text, revision=revision, **fields), request, tenant=tenant)
    return found.response.text, found.layer == "L2"


def test_the_second_time_no_model_is_asked():
    cache = InferenceCache()
    assert asked(cache, "one") == ("one", False)
    assert asked(cache, "two") == ("one", True)
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.puts, stats.hit_rate) == (1, 1, 1, 0.5)


@pytest.mark.parametrize(
    "other",
    [{"revision": "2"}, {"tenant": "acme"}, {"request": Request("m", (Message("user", "ho"),))},
     {"request": Request("n", REQUEST.messages)}, {"request": Request("m", REQUEST.messages, max_tokens=1)}],
)  # fmt: skip
def test_whatever_decides_the_answer_is_in_the_key(other):
    cache = InferenceCache()
    asked(cache, "one")
    assert asked(cache, "two", **other) == ("two", False)


def test_each_field_that_makes_requests_different_makes_another_key():
    """Also where keys are remembered: nothing that decides the answer may be left out there."""
    cache, other = InferenceCache(), InferenceCache()
    key = cache.key(REQUEST, "1")
    for field in fields(Request):
        changed = replace(REQUEST, **{field.name: CHANGED[field.name]})
        expected = other.key(changed, "1")
        assert (cache.key(changed, "1") == expected != key) if field.compare else expected == key
    assert cache.key(Request("m", (Message("user", "hi"),)), "1") == key


def test_keys_that_were_forgotten_are_made_again(monkeypatch):
    monkeypatch.setattr("runtime.caches.inference._REMEMBERED", 3)
    cache = InferenceCache()
    requests = [Request("m", (Message("user", f"{n}"),)) for n in range(10)]
    keys = [cache.key(request, "1") for request in requests]
    assert [cache.key(request, "1") for request in requests] == keys and len(set(keys)) == 10


def test_sampled_answers_are_kept_only_on_demand():
    request = Request("m", REQUEST.messages, temperature=0.7)
    cache = InferenceCache()
    asked(cache, "one", request)
    assert asked(cache, "two", request) == ("two", False)
    cache = InferenceCache(sampled=True)
    asked(cache, "one", request)
    assert asked(cache, "two", request) == ("one", True)


@pytest.mark.parametrize("stop", ["length", "refusal", "tool"])
def test_what_is_no_whole_answer_is_not_kept(stop):
    cache = InferenceCache()
    asked(cache, "one", stop_reason=stop)
    assert asked(cache, "two") == ("two", False)


def test_unsure_answers_are_removed_when_found():
    cold = MemoryCold()
    InferenceCache(cold=cold).put(key := InferenceCache().key(REQUEST, "1"), response(confidence=0.4))
    cold.write(key, encode(response(confidence=0.4), key))
    cache = InferenceCache(config=CacheConfig(confidence=0.5), cold=cold)
    assert cache.get(key) == LOW_CONFIDENCE
    cache.writer.flush()
    assert cold.read(key) is None
    assert asked(cache, confidence=0.3) == ("hello", False)
    assert asked(cache, "two", confidence=0.9) == ("two", False)
    assert asked(cache, "three") == ("two", True)


@pytest.fixture(params=["memory", "sqlite"])
def cold(request, tmp_path):
    store = MemoryCold() if request.param == "memory" else SqliteCold(tmp_path / "deep" / "cold.sqlite")
    yield store
    store.close()


def test_cold_answers_outlive_the_process_and_are_promoted(cold):
    first = InferenceCache(cold=cold)
    asked(first, "one")
    assert first.writer.flush()
    second = InferenceCache(cold=cold)
    assert asked(second, "two") == ("one", True)
    assert asked(second, "two") == ("one", True)
    assert (second.cold_hits, second.hot.stats().hits) == (1, 1)
    second.clear()
    assert asked(InferenceCache(cold=cold), "three") == ("three", False)


GOOD = json.loads(encode(response(), "KEY"))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b" " * (5 << 20), {"v": 1}, {"v": 2}, {"text": 3},
     {"extra": 1}, {"key": "0" * 64}, {"key": None}, {"stop_reason": "length"}, {"seconds": "1"},
     {"confidence": [1]}, {"seconds": float("nan")}, {"input_tokens": True},
     {"confidence": 5}, {"confidence": -0.5}, {"output_tokens": -1}],
    ids=lambda data: str(data)[:30],
)  # fmt: skip
def test_damaged_cold_answers_are_misses(data):
    cold = MemoryCold()
    cache = InferenceCache(cold=cold)
    key = cache.key(REQUEST, "1")
    if isinstance(data, dict):
        data = json.dumps({**GOOD, "key": key, **data} if data != {"v": 2} else data).encode()
    cold.write(key, data)
    assert asked(cache, "new") == ("new", False)


def test_a_good_cold_answer_is_one():
    cold = MemoryCold()
    cache = InferenceCache(cold=cold)
    key = cache.key(REQUEST, "1")
    cold.write(key, json.dumps({**GOOD, "key": key}).encode())
    assert asked(cache, "new") == ("hello", True)


def test_tenants_have_keys_of_their_own_and_are_cleared_alone(cold):
    cache = InferenceCache(cold=cold)
    for tenant in ("acme", "globex", ""):
        asked(cache, f"of {tenant}", tenant=tenant)
    keys = {tenant: cache.key(REQUEST, "1", tenant) for tenant in ("acme", "globex", "")}
    assert len({key[:16] for key in keys.values()}) == 3
    cache.clear("acme")
    assert asked(cache, "new", tenant="globex") == ("of globex", True)
    assert asked(InferenceCache(cold=cold), "new", tenant="globex") == ("of globex", True)
    assert asked(InferenceCache(cold=cold), "new", tenant="acme") == ("new", False)


def test_what_is_moved_to_another_tenant_answers_for_nothing_there():
    cold = MemoryCold()
    first = InferenceCache(cold=cold)
    asked(first, "secret", tenant="acme")
    first.writer.flush()
    data = cold.read(first.key(REQUEST, "1", "acme"))
    cold.write(first.key(REQUEST, "1", "globex"), data)
    assert asked(InferenceCache(cold=cold), "own", tenant="globex") == ("own", False)


def test_warming_reads_the_newest(cold):
    first = InferenceCache(cold=cold)
    for number in range(20):
        asked(first, str(number), Request("m", (Message("user", str(number)),)))
    first.writer.flush()
    assert cold.size() == 20
    second = InferenceCache(config=CacheConfig(capacity=5), cold=cold)
    assert second.warm() == 5
    assert second.hot.peek(second.key(Request("m", (Message("user", "19"),)), "1")).value.text == "19"
    assert second.warm(2) == 2


def test_a_cold_store_that_fails_is_left_alone_for_a_while():
    reads = []

    class Broken(MemoryCold):
        def read(self, key):
            reads.append(key)
            raise ColdError("gone")

    cache = InferenceCache(cold=Broken())
    cache.cold_circuit._clock = lambda: 0.0  # the while does not end
    for _ in range(10):
        assert cache.get("k" * 64) == UNAVAILABLE
    assert len(reads) == 1
    assert not cache.cold_circuit.closed


def test_a_cold_store_that_fails_is_a_miss():
    class Broken(MemoryCold):
        def read(self, key):
            raise ColdError("gone")

        def write(self, key, data):
            raise ColdError("gone")

    cache = InferenceCache(cold=Broken())
    assert cache.get("k" * 64) == UNAVAILABLE
    assert asked(cache, "one") == ("one", False)
    assert asked(cache, "two") == ("one", True)
    cache.writer.flush()
    assert cache.writer.stats().failed == 1


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "cold.sqlite"
    path.write_bytes(b"no database" * 100)
    cache = InferenceCache(cold=SqliteCold(path))
    assert asked(cache) == ("hello", False)


def test_answers_are_read_as_they_were_written():
    full = Response('a\u2028"', "m", "r", "stop", 3, 4, 0.25, 1.5)
    assert decode(encode(full, "k"), "k") == full
    assert decode(encode(full, "k"), "j") is None


def test_a_slow_store_never_slows_a_caller():
    release, writer = threading.Event(), Writer(capacity=2)
    assert writer.submit(release.wait)
    while writer.stats().waiting:
        pass
    taken = [writer.submit(lambda: None) for _ in range(5)]
    assert taken == [True, True, False, False, False]
    release.set()
    assert writer.flush()
    assert writer.stats()[:3] == (3, 0, 3)
    writer.close()
    assert writer.submit(lambda: None)
    writer.close()


def test_what_waits_when_the_process_ends_is_written(tmp_path):
    program = """
import sys, time
from runtime.caches import writer
from runtime.caches.cold import SqliteCold
from runtime.caches.writer import Writer
writer._LAST_S = 60.0  # this machine may be busy
writer, cold = Writer(), SqliteCold(sys.argv[1])
writer.submit(lambda: time.sleep(0.2))
for number in range(50):
    writer.submit(lambda n=number: cold.write(str(n), b"x"))
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "cold.sqlite")], check=True)
    assert SqliteCold(tmp_path / "cold.sqlite").size() == 50
