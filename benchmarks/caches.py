"""Caches: hits in process and against GPTCache, on Redis and S3 over loopback, and by meaning.

``RTFSC_BENCH_QUESTIONS``: how many texts the index of L3 has (default 100,000). The embedder is the lexical
one, and all-MiniLM-L6-v2 where `scripts/models/minilm.py` has made its GGUF file in build/models.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.meaning import embedded_texts, model_file, some_texts
from benchmarks.timing import bar, milliseconds, table

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = int(os.environ.get("RTFSC_BENCH_QUESTIONS", 100_000))
LOOKUPS = 2_000
ASKED = 300
ROUNDS = 5
_IN_PROCESS = ("cachebox", "cachetools")
_GPTCACHE = ("gptcache", "faiss-cpu", "sqlalchemy")


def caches() -> str:
    return "\n".join([_in_process(), _gptcache(), _stores(), _by_meaning()])


# -- in one process, in the interpreter of the peers


def _in_process() -> str:
    title = "Hits in process (10,000 entries, string keys)"
    try:
        times = _measured("in-process", _IN_PROCESS)
    except Exception as reason:
        return table(title, ["", ""], [["left out", str(reason)]])
    [ours, lru, ttl, slow] = times
    verdicts = {ours: "", lru: "to be approached"}
    for name in (ttl, slow):
        verdicts[name] = f"slower than ours: {bar(times[name], times[ours], at_least=True)}"
    rows = [
        [name, f"{seconds * 1e9:.0f} ns", f"{seconds / times[ours]:.2f}", verdicts[name]]
        for name, seconds in times.items()
    ]
    return table(title, ["cache", "hit", "to ours", "bar"], rows)


def _gptcache() -> str:
    title = "Hits of models' answers (1,000 questions; vectors made beforehand)"
    try:
        times = _measured("gptcache", (*_IN_PROCESS, *_GPTCACHE))
    except Exception as reason:
        return table(title, ["", ""], [["GPTCache is left out", str(reason)]])
    rows = []
    for kind in ("exact", "semantic"):
        ours, theirs = times[f"rtfsc {kind}"], times[f"GPTCache {kind}"]
        rows.append([kind, f"{ours * 1e6:.2f} µs", f"{theirs * 1e6:.1f} µs", f"{theirs / ours:.1f}",
                     f"≥ 10: {bar(theirs / ours, 10, at_least=True)}"])  # fmt: skip
    return table(title, ["hit", "rtfsc", "GPTCache", "ratio", "bar"], rows)


def _measured(what: str, packages: tuple[str, ...]) -> dict[str, float]:
    from benchmarks.ten.peers import interpreter

    command = [str(interpreter(*packages)), str(ROOT / "benchmarks" / "caches_peers.py"), what]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise RuntimeError(said[-1] if said else f"ended with {done.returncode}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


# -- stores of a team


def _stores() -> str:
    from services import Unavailable
    from services.ceph import Ceph
    from services.redis import Redis

    rows = []
    for what, kind, limit, open_ in (
        ("L2 hot, Redis", Redis, 2e-3, _on_redis),
        ("L2 cold, S3 (Ceph in memory)", Ceph, 10e-3, _on_s3),
    ):
        try:
            server = kind()
        except Unavailable as reason:
            rows.append([what, f"left out: {reason}", "", ""])
            continue
        try:
            server.start()
            os.environ.update(server.settings())
            found = _rounds(open_(server))
            rows.append([what, *found[0], f"< {limit * 1e3:.0f} ms: {bar(found[1], limit)}"])
        finally:
            server.close()
    return table("Stores of a team, loopback, whole look-ups", ["store", "median", "p99", "bar (p99)"], rows)


def _on_redis(server: Any) -> Callable[[int], None]:
    from runtime.caches.inference import InferenceCache, decode, encode
    from runtime.caches.shared import Redis, RedisCache

    cache = InferenceCache(hot=RedisCache(Redis(server.url), "l2", 3600.0, encode, decode))
    return _filled(cache)


def _on_s3(server: Any) -> Callable[[int], None]:
    from runtime.caches.cold import BlobCold
    from runtime.caches.inference import InferenceCache
    from runtime.caches.protocol import CacheConfig

    # A hot store of one entry: each look-up goes to the cold one.
    cache = InferenceCache(config=CacheConfig(1), cold=BlobCold(server.settings()["RTFSC_TEST_S3"]))
    return _filled(cache)


def _filled(cache: Any, count: int = 500) -> Callable[[int], None]:
    from runtime.providers.base import Message, Request, Response

    keys = [cache.key(Request("m", (Message("user", f"question {n}"),)), "1") for n in range(count)]
    for number, key in enumerate(keys):
        cache.put(key, Response(f"answer {number} " * 50, "m", "1"))
    cache.writer.flush(120)

    def look_up(number: int) -> None:
        found = cache.get(keys[number % count])
        assert found, found.reason

    return look_up


def _rounds(look_up: Callable[[int], None]) -> tuple[list[str], float]:
    """Median and p99 of each round; of these the median."""
    for number in range(100):
        look_up(number)
    return _quantiles([_times(look_up, LOOKUPS // ROUNDS, round) for round in range(ROUNDS)])


def _times(look_up: Callable[[int], None], count: int, seed: int) -> list[float]:
    chosen, times = random.Random(seed), []
    for _ in range(count):
        number = chosen.randrange(1 << 30)
        start = time.perf_counter()
        look_up(number)
        times.append(time.perf_counter() - start)
    return times


def _quantiles(rounds: list[list[float]]) -> tuple[list[str], float]:
    found = []
    for share in (0.5, 0.99):
        each = sorted(sorted(times)[int(len(times) * share)] for times in rounds)
        found.append(each[len(each) // 2])
    return [milliseconds(seconds) for seconds in found], found[1]


# -- by meaning


def _by_meaning() -> str:
    texts = some_texts(QUESTIONS)
    rows = []
    for tag, embedder in _embedders():
        vectors = embedded_texts(tag, texts)
        rows += list(_searches(tag, embedder, texts, vectors))
    return table(
        f"L3 among {len(texts):,} questions of one group, embedding included",
        ["embedder, index", "median", "p99", "bar (p99)"], rows,
    )  # fmt: skip


def _embedders() -> Iterator[tuple[str, Any]]:
    from runtime.meaning.embedding import Lexical
    from runtime.providers.gguf_embedder import GgufEmbedder

    yield Lexical.tag, Lexical()
    if model_file().exists():
        yield "minilm", GgufEmbedder(model_file())


def _searches(tag: str, embedder: Any, texts: list[str], vectors: Any) -> Iterator[list[str]]:
    from runtime.caches.semantic import SemanticCache
    from runtime.caches.vectors_file import FileVectors
    from runtime.providers.base import Message, Request, Response

    with tempfile.TemporaryDirectory() as folder:
        index = FileVectors(Path(folder) / "questions.sqlite", len(texts) + 1)
        cache = SemanticCache(embedder, index)
        group = cache.question(Request("m", (Message("user", "x"),)), "1", "", None, lambda _: "")
        assert group is not None
        rows = zip(texts, (array("f", vector.tobytes()) for vector in vectors), strict=True)
        index.add_many(group.group, embedder.tag, rows)
        asked = [text.replace(" the ", " every ", 1) for text in random.Random(1).sample(texts, ASKED)]

        def find(number: int) -> None:
            cache.forget_vectors()
            cache.find(group._replace(core=asked[number % ASKED]), lambda _: Response("a", "m", "1"))

        for name in ("numpy", "usearch"):
            if name == "usearch":
                index.prepare(len(texts) // 2)
            times, p99 = _quantiles([_times(find, ASKED, round) for round in range(ROUNDS)])
            yield [f"{tag}, {name}", *times, f"< 50 ms: {bar(p99, 50e-3)}"]
        index.close()
