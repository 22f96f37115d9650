"""Our caches and their peers in one interpreter, that of the peers; prints medians as JSON.

``python benchmarks/caches_peers.py in-process|gptcache``; `benchmarks.caches` installs what it needs.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.timing import Stopwatch, WallClock, interleaved  # noqa: E402

ENTRIES = 10_000
QUESTIONS = 1_000
ROUNDS = 9
EXACT_ROUNDS = 10
"""So that a run takes longer than it takes to get warm after the others."""


def in_process() -> dict[str, float]:
    """Seconds per hit: 10,000 entries, string keys in random order."""
    import cachebox
    import cachetools

    from runtime.caches.protocol import CacheConfig, table

    keys = [f"model:{number:08x}" for number in range(ENTRIES)]
    ours = table(CacheConfig(ENTRIES, ttl=3600))
    lru, ttl = cachebox.LRUCache(ENTRIES), cachebox.TTLCache(ENTRIES, 3600)
    slow = cachetools.TTLCache(ENTRIES, 3600)
    for key in keys:
        ours.put(key, key)
        lru[key] = ttl[key] = slow[key] = key
    random.Random(1).shuffle(keys)
    found = {
        "rtfsc, LRU and TTL": ours.get,
        "cachebox LRUCache": lru.get,
        "cachebox TTLCache": ttl.get,
        "cachetools TTLCache": slow.get,
    }
    assert ours.get(keys[0]).value == lru.get(keys[0]) == ttl.get(keys[0]) == slow.get(keys[0])
    loops = {name: _loop(get, keys) for name, get in found.items()}
    times = interleaved(loops, 21, stopwatch=Stopwatch)
    return {name: seconds / (10 * ENTRIES) for name, seconds in times.items()}


def _loop(get: Callable[[str], object], keys: list[str]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(10):
            for key in keys:
                get(key)

    return run


def gptcache() -> dict[str, float]:
    """Seconds per hit, exact and semantic, among 1,000 answers. Vectors are made beforehand."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        asked = [f"Convert amount number {number} from dollars to euros" for number in range(QUESTIONS)]
        alike = [text.replace("Convert", "Transform") for text in asked]
        vectors = _vectors(asked, alike)
        contenders = {
            "rtfsc exact": _ours_exact(asked),
            "GPTCache exact": _gptcache_exact(asked),
            "rtfsc semantic": _ours_semantic(folder, asked, alike, vectors),
            "GPTCache semantic": _gptcache_semantic(folder, asked, alike, vectors),
        }
        # Semantic hits of both read a database, so the wall clock it is.
        times = interleaved({name: hit for name, (hit, _) in contenders.items()}, ROUNDS, stopwatch=WallClock)
        return {name: times[name] / count for name, (_, count) in contenders.items()}


def _vectors(asked: list[str], alike: list[str]) -> dict[str, array[float]]:
    """A question and what is like it have almost the same one; all others are far away."""
    import numpy as np

    draw = np.random.default_rng(1)
    found = {}
    for one, other in zip(asked, alike, strict=True):
        vector = draw.normal(size=384)
        near = vector + draw.normal(size=384) * 0.02
        for text, values in ((one, vector), (other, near)):
            found[text] = array("f", (values / np.linalg.norm(values)).tolist())
    return found


class _Model:
    id, local, revision = "m", True, "1"

    def infer(self, request: Any, on_text: Any = None) -> Any:
        from runtime.providers.base import Response

        return Response(f"answer to {request.messages[-1].content}", "m", "1")


def _requests(texts: list[str]) -> list[Any]:
    from runtime.providers.base import Message, Request

    return [Request("m", (Message("user", text),)) for text in texts]


def _ours_exact(asked: list[str]) -> tuple[Callable[[], None], int]:
    from runtime.caches.manager import CacheManager

    manager, model = CacheManager(), _Model()
    for request in _requests(asked):
        manager.infer(model, request)
    # As a program asks that makes its requests anew each time.
    again = _requests([f"{text[:-5]}euros" for text in asked])
    assert all(manager.answer(model, request).layer == "L2" for request in again)

    def run() -> None:
        for _ in range(EXACT_ROUNDS):
            for request in again:
                manager.infer(model, request)

    return run, EXACT_ROUNDS * len(again)


def _ours_semantic(
    folder: str, asked: list[str], alike: list[str], vectors: dict[str, array[float]]
) -> tuple[Callable[[], None], int]:
    from runtime.caches.cold import SqliteCold
    from runtime.caches.inference import InferenceCache
    from runtime.caches.manager import CacheManager
    from runtime.caches.semantic import SemanticCache
    from runtime.caches.vectors_file import FileVectors

    class Known:
        tag = "known"

        def embed(self, texts: list[str]) -> list[array[float]]:
            return [vectors[text] for text in texts]

        def close(self) -> None:
            pass

    l2 = InferenceCache(cold=SqliteCold(Path(folder) / "answers.sqlite"))
    l3 = SemanticCache(Known(), FileVectors(Path(folder) / "questions.sqlite"), least=0.95)
    manager, model = CacheManager(l2=l2, l3=l3), _Model()
    for request in _requests(asked):
        manager.infer(model, request)
    manager.flush()
    again = _requests(alike[::5])
    assert all(manager.answer(model, request).layer == "L3" for request in again)

    def run() -> None:
        for request in again:
            manager.infer(model, request)

    return run, len(again)


def _gptcache_exact(asked: list[str]) -> tuple[Callable[[], None], int]:
    from gptcache import Cache
    from gptcache.adapter.api import get, put
    from gptcache.manager import manager_factory
    from gptcache.processor.pre import get_prompt

    cache = Cache()
    cache.init(pre_embedding_func=get_prompt, data_manager=manager_factory("map", data_dir="map"))
    for text in asked:
        put(text, f"answer to {text}", cache_obj=cache)
    again = [f"{text[:-5]}euros" for text in asked]
    assert all(get(text, cache_obj=cache) == f"answer to {text}" for text in again)

    def run() -> None:
        for _ in range(EXACT_ROUNDS):
            for text in again:
                get(text, cache_obj=cache)

    return run, EXACT_ROUNDS * len(again)


def _gptcache_semantic(
    folder: str, asked: list[str], alike: list[str], vectors: dict[str, array[float]]
) -> tuple[Callable[[], None], int]:
    import numpy as np
    from gptcache import Cache
    from gptcache.adapter.api import get, put
    from gptcache.manager import CacheBase, VectorBase, get_data_manager
    from gptcache.processor.pre import get_prompt
    from gptcache.similarity_evaluation import SearchDistanceEvaluation

    known = {text: np.array(vector, np.float32) for text, vector in vectors.items()}
    cache = Cache()
    cache.init(
        pre_embedding_func=get_prompt,
        embedding_func=lambda text, **_: known[text],
        data_manager=get_data_manager(
            CacheBase("sqlite", sql_url=f"sqlite:///{folder}/gptcache.db"),
            VectorBase("faiss", dimension=384, index_path=f"{folder}/faiss.index"),
        ),
        similarity_evaluation=SearchDistanceEvaluation(),
    )
    for text in asked:
        put(text, f"answer to {text}", cache_obj=cache)
    again = list(zip(alike, asked, strict=True))[:: len(asked) // 20]
    assert all(get(text, cache_obj=cache) == f"answer to {match}" for text, match in again)

    def run() -> None:
        for text, _ in again:
            get(text, cache_obj=cache)

    return run, len(again)


if __name__ == "__main__":
    print(json.dumps({"in-process": in_process, "gptcache": gptcache}[sys.argv[1]]()))
