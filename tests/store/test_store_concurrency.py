"""Many threads and processes at one store, on every pair of backends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from store_samples import sha
from team import artifact, child, key_in, open_place, publish

from runtime.store.blobs import KINDS

PUBLISH = """
key = team.key_in(Path(sys.argv[1]))
store = team.open_place(sys.argv[2], key)
import json
print("ready", flush=True)
sys.stdin.readline()
for salt in sys.argv[3].split(","):
    entry = team.publish(store, key, salt)
    found = store.find_by_definition(team.sha(f"retrieval{salt}"))
    assert [e.id for e in found] == [entry.id], salt
    assert store.fetch(found[0]).artifact == team.artifact(salt)
    print(json.dumps([salt, entry.id]), flush=True)
store.close()
"""


def place_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "team":
        return " ".join(request.getfixturevalue(name) for name in ("s3_url", "postgres_url"))
    return "memory:" if kind == "memory" else str(folder / "store")


@pytest.fixture(params=["folder", "team", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return place_of(request.param, request, tmp_path)


@pytest.fixture(params=["folder", "team"])
def shared_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return place_of(request.param, request, tmp_path)


def test_a_thousand_hits_from_eight_threads(place: str, tmp_path: Path) -> None:
    key = key_in(tmp_path)
    store = open_place(place, key, cache=tmp_path / "cache")
    for i in range(10):
        publish(store, key, str(i))

    def hit(n: int) -> bool:
        salt = str(n % 10)
        [entry] = store.find_by_definition(sha(f"retrieval{salt}"))
        store.touch(entry)
        return store.fetch(entry).artifact == artifact(salt)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(hit, range(1000))) == 1000
    store.flush()
    assert sum(entry.use_count for entry in store.list()) == 1000
    store.close()


def test_threads_that_publish_and_read_at_once(place: str, tmp_path: Path) -> None:
    key = key_in(tmp_path)
    store = open_place(place, key)

    def work(n: int) -> Any:
        entry = publish(store, key, str(n % 12))
        assert store.fetch(entry).artifact == artifact(str(n % 12))
        return entry.id

    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(work, range(48)))
    assert len(set(ids)) == 12 and len(store.list()) == 12
    assert sorted(e.serial for e in store.list()) == list(range(1, 13))
    store.close()


def test_processes_that_publish_the_same_and_different_modules(shared_place: str, tmp_path: Path) -> None:
    key = key_in(tmp_path)
    same = [f"same{i}" for i in range(4)]
    own = [[f"own{n}-{i}" for i in range(4)] for n in range(3)]
    children = [child(PUBLISH, tmp_path, shared_place, ",".join([*same, *mine])) for mine in own]
    for process in children:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told: dict[str, set[int]] = {}
    for process in children:
        output, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        for line in output.splitlines():
            salt, entry_id = json.loads(line)
            told.setdefault(salt, set()).add(entry_id)
    assert len(told) == 16 and all(len(ids) == 1 for ids in told.values()), "one row per action"
    store = open_place(shared_place, key)
    entries = store.list()
    assert {entry.id for entry in entries} == {i for ids in told.values() for i in ids}
    assert sorted(entry.serial for entry in entries) == list(range(1, 17))
    counts = {kind.name: len(list(store.blobs.digests(kind))) for kind in KINDS}
    assert counts["wasm"] == counts["source"] == 16 and counts["manifest"] >= 16
    assert all(store.fetch(entry) for entry in entries)
    store.close()
