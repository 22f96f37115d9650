"""The tables against a slow, obviously right twin."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.caches.protocol import ABSENT, EXPIRED, CacheConfig, Eviction, Hit, Miss, table


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Twin:
    """Entries as a list of dicts, newest last; every rule by sorting."""

    def __init__(self, config: CacheConfig, clock: Clock) -> None:
        self.config, self.clock, self.tick, self.entries = config, clock, 0, []

    def find(self, key):
        return next((e for e in self.entries if e["key"] == key), None)

    def get(self, key):
        entry = self.find(key)
        if entry is None:
            return ABSENT
        if self.clock() >= entry["expires"]:
            self.entries.remove(entry)
            return EXPIRED
        self.tick += 1
        entry["uses"] += 1
        entry["used"] = self.tick
        return entry["value"]

    def put(self, key, value, ttl):
        self.invalidate(key)
        if len(self.entries) >= self.config.capacity:
            self.entries.remove(min(self.entries, key=self.rank))
        self.tick += 1
        lives = ttl if ttl is not None else self.config.ttl or math.inf
        self.entries.append(
            {"key": key, "value": value, "expires": self.clock() + lives, "uses": 0, "used": self.tick,
             "made": self.tick}
        )  # fmt: skip

    def rank(self, entry):
        match self.config.eviction:
            case Eviction.LRU:
                return entry["used"]
            case Eviction.LFU:
                return entry["uses"], entry["used"]
            case Eviction.FIFO:
                return entry["made"]
            case _:
                return entry["expires"], entry["made"]

    def invalidate(self, key):
        self.entries = [e for e in self.entries if e["key"] != key]


KEYS = st.sampled_from("abcdefgh")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("put"), KEYS, st.one_of(st.none(), st.integers(1, 9))),
        st.tuples(st.just("invalidate"), KEYS),
        st.tuples(st.just("wait"), st.integers(1, 4)),
    ),
    max_size=80,
)


@pytest.mark.parametrize("eviction", [e for e in Eviction if e is not Eviction.RANDOM])
@given(steps=STEPS, capacity=st.integers(1, 5), ttl=st.one_of(st.none(), st.integers(1, 6)))
@settings(max_examples=150, deadline=None)
def test_as_the_twin(eviction, steps, capacity, ttl):
    clock = Clock()
    config = CacheConfig(capacity, ttl, eviction)
    cache, twin = table(config, clock=clock), Twin(config, clock)
    for number, (what, *args) in enumerate(steps):
        if what == "get":
            found, expected = cache.get(args[0]), twin.get(args[0])
            assert (found.value if found else found) == expected
        elif what == "put":
            cache.put(args[0], number, args[1])
            twin.put(args[0], number, args[1])
        elif what == "invalidate":
            assert cache.invalidate(args[0]) == (twin.find(args[0]) is not None)
            twin.invalidate(args[0])
        else:
            clock.now += args[0]
        assert len(cache) == len(twin.entries) <= capacity
    live = sorted((e["key"], e["value"]) for e in twin.entries if clock() < e["expires"])
    assert sorted(cache.items()) == live


def test_random_eviction_is_bounded_and_repeatable():
    def run(seed):
        cache = table(CacheConfig(10, eviction=Eviction.RANDOM), seed=seed)
        for i in range(200):
            cache.put(i, i)
            assert len(cache) <= 10
            assert cache.get(i)
            cache.invalidate(i - 30)
        return cache.items()

    assert run(7) == run(7) != run(8)


def test_hit_tells_its_history():
    clock = Clock()
    cache = table(CacheConfig(3, ttl=60), clock=clock)
    cache.put("k", "v")
    clock.now += 5
    hit = cache.get("k")
    assert isinstance(hit, Hit)
    assert hit
    assert (hit.value, hit.created, hit.expires, hit.used, hit.uses) == ("v", 100, 160, 105, 1)
    assert cache.peek("k").uses == 1
    clock.now += 60
    miss = cache.get("k")
    assert isinstance(miss, Miss)
    assert not miss
    assert miss.reason == "expired"
    assert cache.get("k").reason == "absent"


def test_stats_count_everything():
    clock = Clock()
    cache = table(CacheConfig(2, ttl=10), clock=clock)
    for key in "abc":
        cache.put(key, key)
    assert not cache.get("a")
    assert cache.get("b")
    cache.invalidate("b")
    clock.now += 10
    assert not cache.get("c")
    stats = cache.stats()
    assert stats == (1, 2, 3, 1, 1, 1, 0, 2)
    assert stats.hit_rate == 1 / 3


def test_sweep_removes_what_expired():
    clock = Clock()
    cache = table(CacheConfig(9, ttl=10), clock=clock)
    cache.put("short", 1, 2)
    cache.put("long", 2, 20)
    clock.now += 5
    assert cache.sweep() == 1
    assert cache.items() == [("long", 2)]


def test_least_used_with_a_gap_between_the_counts():
    cache = table(CacheConfig(2, eviction=Eviction.LFU))
    cache.put("often", 1)
    for _ in range(1000):
        cache.get("often")
    cache.put("once", 2)
    cache.invalidate("once")
    cache.put("x", 3)
    cache.get("x")
    cache.put("y", 4)
    assert sorted(key for key, _ in cache.items()) == ["often", "y"]


@pytest.mark.parametrize("ttl", [0, -1.0, math.nan])
def test_a_time_to_live_is_above_zero(ttl):
    with pytest.raises(ValueError, match="time to live"):
        CacheConfig(ttl=ttl)
    with pytest.raises(ValueError, match="time to live"):
        table(CacheConfig()).put("k", 1, ttl)


def test_wrong_configurations():
    with pytest.raises(ValueError, match="at least one entry"):
        CacheConfig(0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        CacheConfig(confidence=1.5)
    with pytest.raises(TypeError, match="unhashable"):
        table(CacheConfig()).get([])


@pytest.mark.parametrize("eviction", Eviction)
def test_threads(eviction):
    cache = table(CacheConfig(50, ttl=60, eviction=eviction))
    failures = []

    def work(seed):
        try:
            for i in range(3000):
                key = f"k{(i * 7 + seed * 13) % 120}"
                if hit := cache.get(key):
                    assert hit.value == key
                else:
                    cache.put(key, key)
                if i % 17 == 0:
                    cache.invalidate(key)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(cache) <= 50
    stats = cache.stats()
    assert stats.hits + stats.misses == 18000
    # Two threads that both miss a key both put it.
    assert stats.puts >= stats.invalidations + stats.evictions + stats.size
