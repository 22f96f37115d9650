"""The hot store of a team, and what happens when it goes away."""

from __future__ import annotations

import time

import pytest
from scripted_model import ScriptedModel, question
from servers import running

from runtime.caches.inference import InferenceCache, decode, encode, prefix
from runtime.caches.manager import CacheManager
from runtime.caches.protocol import UNAVAILABLE
from runtime.caches.shared import BadAddress, Redis, RedisCache, Unanswered
from services.redis import Redis as Server


def hot(url, ttl=60.0, **options):
    """Patient, unless the address says otherwise: this machine may be busy."""
    patient = url if "timeout_ms" in url else f"{url}{'&' if '?' in url else '?'}timeout_ms=60000"
    return RedisCache(Redis(patient, **options), "l2", ttl, encode, decode)


def caches(url, **options):
    return CacheManager(l2=InferenceCache(hot=hot(url), **options))


@pytest.fixture
def own_server():
    """One that a test may stop."""
    with running(Server, private=True) as server:
        yield server


def connected(server, **query):
    text = "".join(f"&{name}={value}" for name, value in query.items())
    return hot(f"{server.url}?prefix=test{text}", environ=server.settings())


def test_two_machines_share_answers(redis_url):
    one, other = caches(redis_url), caches(redis_url)
    model = ScriptedModel("first")
    assert one.answer(model, question()).layer == "model"
    found = other.answer(ScriptedModel("second"), question())
    assert (found.layer, found.response) == ("L2", one.infer(model, question()))
    [row] = other.stats()
    assert (row.layer, row.stats.hits, row.stats.size, row.up) == ("L2 hot", 1, 1, True)
    assert row.store.startswith("redis://127.0.0.1:")


def test_tenants_never_see_each_others_entries(redis_url):
    one = caches(redis_url)
    one.infer(ScriptedModel("of acme"), question(), tenant="acme")
    for tenant in ("globex", "", "acme:", "ACME"):
        assert caches(redis_url).infer(ScriptedModel("own"), question(), tenant=tenant).text == "own"
    one.clear(tenant="acme")
    assert one.answer(ScriptedModel(), question(), tenant="acme").layer == "model"
    assert one.answer(ScriptedModel(), question(), tenant="globex").layer == "L2"


def test_bytes_that_were_moved_or_damaged_are_misses(redis_url):
    cache = caches(redis_url)
    cache.infer(ScriptedModel("of acme"), question(), tenant="acme")
    redis, keys = cache.l2.hot.redis, cache.l2.key
    [name] = redis.keys(redis.prefix)
    other = keys(question(), "1", "globex")
    data = redis.ask(lambda client: client.get(name))
    for bad in (data, b"", b"\xff", b"{}", data[:-2], b"x" * (5 << 20)):
        redis.ask(lambda client, bad=bad: client.set(f"{redis.prefix}:l2:{other}", bad))
        assert not cache.l2.get(other)


def test_entries_expire(redis_url):
    cache, answer = hot(redis_url, 600.0), ScriptedModel("x").infer(question())
    key = prefix("") + "0" * 48
    cache.put(key, answer)
    assert cache.get(key).value == answer
    left_ms = cache.redis.ask(lambda client: client.pttl(f"{cache.redis.prefix}:l2:{key}"))
    assert 60_000 < left_ms <= 600_000
    cache.put(key, answer, ttl=0.05)
    end = time.monotonic() + 60
    while (found := cache.get(key)) and time.monotonic() < end:
        time.sleep(0.01)
    assert found.reason == "absent"


def test_clearing_takes_what_is_its_own(redis_url):
    cache, answer = hot(redis_url), ScriptedModel("x").infer(question())
    cache.redis.ask(lambda client: client.set(f"{cache.redis.prefix}x:l2:k", "of somebody else"))
    for number in range(2500):
        cache.put(f"{number:064x}", answer)
    assert cache.stats().size == 2500
    cache.clear(f"{0:050x}")
    assert cache.stats().size == 0
    assert cache.redis.ask(lambda client: client.get(f"{cache.redis.prefix}x:l2:k")) == b"of somebody else"


def test_redis_that_goes_away_is_a_miss_and_is_used_again_when_it_is_back(own_server):
    manager = CacheManager(l2=InferenceCache(hot=connected(own_server)))
    model = ScriptedModel("one")
    manager.infer(model, question())
    assert manager.answer(model, question()).layer == "L2"
    own_server.stop()
    stopped = time.monotonic()
    manager.l2.hot.circuit._clock = lambda: stopped  # however slow this machine is
    for _ in range(20):
        assert manager.answer(model, question()).layer == "model"
    [row] = manager.stats()
    assert not row.up
    assert row.failures == 1  # asked once, then left alone
    own_server.start()
    manager.l2.hot.circuit._until = 0.0  # the pause is over
    assert manager.answer(model, question()).layer == "model"
    assert manager.answer(model, question()).layer == "L2"
    assert manager.stats()[0].up


def test_redis_that_hangs_costs_one_timeout(own_server):
    cache = connected(own_server, timeout_ms=100)
    cache.put("k", ScriptedModel("x").infer(question()))
    cache.circuit._clock = lambda: 0.0  # no pause ends while the test runs
    own_server.freeze()
    try:
        for _ in range(50):
            assert cache.get("k") == UNAVAILABLE
        assert cache.circuit.failures == 1
    finally:
        own_server.thaw()


def test_redis_that_is_full_still_answers(own_server):
    cache, answer = connected(own_server), ScriptedModel("x").infer(question())
    cache.put("a", answer)
    cache.redis.ask(lambda client: client.config_set("maxmemory", 1))
    cache.put("b", answer)
    assert cache.circuit.closed
    assert cache.circuit.failures == 1
    assert cache.get("a").value == answer
    assert cache.get("b").reason == "absent"


def test_a_wrong_password_is_a_miss(own_server):
    cache = hot(own_server.url, environ={"RTFSC_REDIS_PASSWORD": "wrong"})
    cache.circuit._clock = lambda: 0.0  # no pause ends while the test runs
    assert cache.get("k") == UNAVAILABLE
    with pytest.raises(Unanswered):
        cache.clear()


@pytest.mark.parametrize(
    "address",
    ["", "redis://", "http://host/0", "redis://host:99999", "redis://host/zero", "redis://host?prefix=a:b",
     "redis://host?prefix=*", "redis://host?timeout_ms=0", "redis://host?timeout_ms=x", "redis://host?db=1",
     "redis://[", "redis://host:0"],
)  # fmt: skip
def test_wrong_addresses(address):
    with pytest.raises(BadAddress):
        Redis(address)


def test_the_name_has_no_secrets():
    assert Redis("redis://user:secret@host/1").name == "redis://host:6379/1"
    assert Redis("rediss://host:7000?prefix=team").name == "rediss://host:7000"
