"""Several processes at one store, and processes that die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from store_samples import ARTIFACT, IR, SOURCE, open_shop, predicate, sha, trusting, verifier

from runtime.store.blobs import KINDS
from runtime.store.repair import repair
from runtime.store.store import open_folder
from runtime.trust.keys import KeyRing

SUPPORT = str(Path(__file__).parents[1] / "support")

PUBLISH = f"""
import json, sys
sys.path.insert(0, {SUPPORT!r})
from pathlib import Path
from store_samples import *
from runtime.trust.keys import KeyRing
folder, salt = Path(sys.argv[1]), sys.argv[2]
key = KeyRing(folder / "keys").load("local")
store = open_folder(folder / "store", verifier(trusting(key)))
print("ready", flush=True)
sys.stdin.readline()
count = int(sys.argv[3])
for i in range(count):
    published = store.publish(ARTIFACT + b"%d" % i, predicate(salt=salt + str(i)), key, source=SOURCE, ir=IR)
    print(json.dumps([published.entry.id, published.created]), flush=True)
store.close()
"""


def start(folder: Path, salt: str, count: int) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", PUBLISH, folder, salt, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_two_processes_publishing_the_same_modules_agree_on_one_row_and_one_blob(tmp_path: Path) -> None:
    key_info = KeyRing(tmp_path / "keys").new("local")
    children = [start(tmp_path, "same", 5) for _ in range(3)]
    for child in children:
        go(child)
    outputs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    answers = [[json.loads(line) for line in output.splitlines()] for output in outputs]
    for i in range(5):
        assert len({answer[i][0] for answer in answers}) == 1, "all got the same row"
        assert sum(answer[i][1] for answer in answers) == 1, "one of them made it"
    key = KeyRing(tmp_path / "keys").load("local")
    assert key.public == key_info.public
    store = open_folder(tmp_path / "store", verifier(trusting(key)))
    assert len(store.list()) == 5
    counts = {kind.name: len(list(store.blobs.digests(kind))) for kind in KINDS}
    assert counts == {"wasm": 5, "ir": 1, "source": 1, "manifest": 5}
    assert list((tmp_path / "store" / "blobs" / "tmp").iterdir()) == []


def test_a_killed_publisher_leaves_nothing_half_visible(tmp_path: Path) -> None:
    KeyRing(tmp_path / "keys").new("local")
    key = KeyRing(tmp_path / "keys").load("local")
    rng = random.Random(1)
    for round_number in range(20):
        child = start(tmp_path, f"round{round_number}-", 1000)
        go(child)
        assert child.stdout is not None
        before_kill = [child.stdout.readline() for _ in range(rng.randrange(3))]
        time.sleep(rng.uniform(0.0, 0.08))
        os.kill(child.pid, signal.SIGKILL)
        told = [*before_kill, *child.communicate()[0].splitlines()]
        told = [line for line in told if line.strip().endswith("]")]
        store = open_folder(tmp_path / "store", verifier(trusting(key)))
        entries = store.list()
        by_id = {entry.id for entry in entries}
        assert {json.loads(line)[0] for line in told} <= by_id, "what was reported as published is there"
        for entry in entries:
            assert store.fetch(entry).artifact.startswith(ARTIFACT)
            assert store.source(entry) == SOURCE and store.ir(entry) == IR
        store.close()
    store = open_folder(tmp_path / "store", verifier(trusting(key)))
    before = store.list()
    assert before, "some publishing succeeded"
    repaired = repair(store)
    assert repaired.removed == repaired.restored == 0
    assert store.list() == before
    assert [store.fetch(entry).entry for entry in before] == before
    assert repair(store).orphans == 0


def test_the_next_process_finds_and_verifies(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "store")
    shop.store.close()
    code = f"""
import sys
sys.path.insert(0, {SUPPORT!r})
from pathlib import Path
from store_samples import *
from runtime.trust.keys import PublicKey
from runtime.trust.store import TrustedKey, TrustStore
trust = TrustStore().with_key(TrustedKey(PublicKey(bytes.fromhex(sys.argv[2])), "k"))
store = open_folder(Path(sys.argv[1]), verifier(trust))
[entry] = store.find_by_definition(sha("retrieval"))
assert store.fetch(entry).artifact == ARTIFACT
assert "zstandard" not in sys.modules, "the hit path needs no decompression"
store.touch(entry)  # written when the process ends
"""
    command = [sys.executable, "-c", code, tmp_path / "store", shop.key.public.raw.hex()]
    assert subprocess.run(command, check=False).returncode == 0
    assert shop.reopened().list()[0].use_count == 1


def test_a_forked_child_uses_its_own_connection(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "store")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            shop.store.publish(ARTIFACT + b"!", predicate(salt="child"), shop.key)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert len(shop.store.list()) == 2
    assert shop.store.find_by_definition(sha("retrievalchild"))
