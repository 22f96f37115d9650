"""A real S3 that is slow, fails, breaks off, refuses, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from relay import Relay
from store_samples import sha, trusting, verifier
from team import artifact, key_in, publish

from runtime.store import objects, opening, outage
from runtime.store.blobs import WASM, BlobStore
from runtime.store.cache import BlobCache
from runtime.store.errors import MissingBlob, ReadOnlyStore, StoreError, StoreUnreachable
from runtime.store.memory import MemoryIndex
from runtime.store.objects import ObjectBackend
from runtime.store.store import ModuleStore
from runtime.trust.keys import SigningKey
from services.ceph import Ceph


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same retries with shorter pauses; a server on a busy machine takes its time."""
    backoff = {"init_backoff": timedelta(milliseconds=20), "max_backoff": timedelta(seconds=1), "base": 2}
    retry = {"max_retries": 3, "retry_timeout": timedelta(seconds=120), "backoff": backoff}
    monkeypatch.setattr(objects, "RETRY", retry)
    monkeypatch.setattr(
        objects, "CLIENT", dict.fromkeys(("connect_timeout", "read_timeout", "timeout"), "60s")
    )
    monkeypatch.setattr(outage, "PAUSE_S", 0.0)


@pytest.fixture
def relay(s3_server: Ceph) -> Iterator[Relay]:
    relay = Relay(s3_server.port)
    yield relay
    relay.close()


@pytest.fixture
def backend(s3_url: str, s3_server: Ceph, relay: Relay) -> ObjectBackend:
    return backend_at(s3_url, s3_server, relay)


def backend_at(s3_url: str, s3_server: Ceph, relay: Relay) -> ObjectBackend:
    backend = opening.open_blobs(s3_url.replace(str(s3_server.port), str(relay.port)))
    assert isinstance(backend, ObjectBackend)
    return backend


def store_over(backend: ObjectBackend, key: SigningKey, cache: BlobCache | None = None) -> ModuleStore:
    return ModuleStore(BlobStore(backend, cache), MemoryIndex(), verifier(trusting(key)))


def test_errors_of_the_server_that_pass_are_not_seen(backend: ObjectBackend, relay: Relay) -> None:
    blobs = BlobStore(backend)
    relay.fail(2)
    digest = blobs.put(WASM, b"data")
    relay.fail(2, "503 Slow Down")
    assert blobs.get(WASM, digest) == b"data"
    assert not relay.answers, "both were met"


def test_errors_of_the_server_that_stay_are_told(backend: ObjectBackend, relay: Relay) -> None:
    digest = BlobStore(backend).put(WASM, b"data")
    relay.fail(100)
    with pytest.raises(StoreUnreachable, match=r"cannot read wasm/.*500 Internal Server Error"):
        BlobStore(backend).get(WASM, digest)
    assert backend.probe() is not None and "500" in backend.probe()  # type: ignore[operator]
    relay.answers.clear()
    assert BlobStore(backend).get(WASM, digest) == b"data" and backend.probe() is None


def test_a_slow_server_is_waited_for(backend: ObjectBackend, relay: Relay) -> None:
    relay.delay = 0.2
    blobs = BlobStore(backend)
    assert blobs.get(WASM, blobs.put(WASM, b"data")) == b"data"


def test_a_silent_server_is_given_up(
    backend: ObjectBackend, s3_url: str, s3_server: Ceph, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = BlobStore(backend).put(WASM, b"data")
    monkeypatch.setattr(
        objects, "CLIENT", {"connect_timeout": "1s", "read_timeout": "500ms", "timeout": "2s"}
    )
    hasty = BlobStore(backend_at(s3_url, s3_server, relay))
    relay.silence()
    with pytest.raises(StoreUnreachable):
        hasty.get(WASM, digest)
    relay.silence(False)
    assert BlobStore(backend).get(WASM, digest) == b"data"
    for _ in range(60):  # it comes back for the hasty one too, as soon as it answers in time
        with suppress(StoreUnreachable):
            assert hasty.get(WASM, digest) == b"data"
            break
    else:
        pytest.fail("the server is never used again")


@pytest.mark.parametrize("after", [10, 400, 5000])
def test_an_answer_that_breaks_off_is_asked_for_again(
    backend: ObjectBackend, relay: Relay, after: int
) -> None:
    data = bytes(range(256)) * 100
    digest = BlobStore(backend).put(WASM, data)
    relay.cut_after = after
    assert BlobStore(backend).get(WASM, digest) == data
    assert relay.cut_after is None, "it was met"


def test_a_wrong_secret(s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = key_in(tmp_path)
    good = opening.open_blobs(s3_url)
    assert isinstance(good, ObjectBackend)
    entry = publish(store_over(good, key), key, "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    bad = opening.open_blobs(s3_url)
    assert isinstance(bad, ObjectBackend)
    with pytest.raises(StoreUnreachable, match=r"403 Forbidden \(SignatureDoesNotMatch\)"):
        store_over(bad, key).fetch(entry)
    with pytest.raises(ReadOnlyStore, match="403") as refused:
        publish(store_over(bad, key), key, "2")
    assert "wrong" not in str(refused.value) and "AWS_" in (refused.value.hint or "")
    health = store_over(bad, key).check()
    assert not health.writable and "403" in (health.reason or "")
    with pytest.raises(StoreUnreachable):
        list(bad.names("wasm"))


def test_a_bucket_that_is_not_there_says_nothing_about_modules(s3_url: str) -> None:
    backend = opening.open_blobs(s3_url.replace("s3://rtfsc/", "s3://absent/"))
    for request in (lambda: backend.read("wasm/ab/cd", 9), lambda: backend.write("wasm/ab/cd", b"")):
        with pytest.raises(StoreError, match="NoSuchBucket") as refused:
            request()
        assert not isinstance(refused.value, MissingBlob) and refused.value.hint


def test_a_server_that_is_restarted_while_modules_are_published(
    backend: ObjectBackend, s3_server: Ceph, tmp_path: Path
) -> None:
    key = key_in(tmp_path)
    store = store_over(backend, key)
    failed: list[str] = []
    done: list[str] = []

    def work() -> None:
        for i in range(60):
            try:
                publish(store, key, str(i))
                done.append(str(i))
            except StoreError as error:
                failed.append(error.code)
            except BaseException as error:
                failed.append(repr(error))
                raise

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(3):
        time.sleep(0.15)
        s3_server.stop_gateway()
        time.sleep(0.05)
        s3_server.start_gateway()
    thread.join()
    assert set(failed) <= {"ST012"}
    entries = store.list()
    assert len(entries) == len(done), "nothing is half visible"
    for salt in done:
        [entry] = store.find_by_definition(sha(f"retrieval{salt}"))
        assert store.fetch(entry).artifact == artifact(salt), "nothing is lost"


def test_an_outage_says_nothing_about_a_module(backend: ObjectBackend, relay: Relay, tmp_path: Path) -> None:
    key = key_in(tmp_path)
    store = store_over(backend, key)
    entry = publish(store, key, "1")
    relay.fail(100)
    with pytest.raises(StoreUnreachable) as failed:
        store.fetch(entry)
    store.quarantine(entry, failed.value)
    with pytest.raises(StoreUnreachable):
        publish(store, key, "1")
    assert store.find_by_definition(sha("retrieval1")) == [entry]
    relay.answers.clear()
    assert store.fetch(entry).artifact == artifact("1")
    assert publish(store, key, "1") == entry


def test_nobody_waits_twice_in_a_row(
    backend: ObjectBackend, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PAUSE_S", 3600.0)
    digest = BlobStore(backend).put(WASM, b"data")
    relay.fail(4)  # the request and its three repetitions
    for _ in range(3):
        with pytest.raises(StoreUnreachable, match="500"):
            BlobStore(backend).get(WASM, digest)
    assert not relay.answers, "the first asked the server, the others did not"
    monkeypatch.setattr(backend._outage, "_until", 0.0)
    assert BlobStore(backend).get(WASM, digest) == b"data"


def test_copies_are_used_while_the_server_is_away(
    backend: ObjectBackend, relay: Relay, tmp_path: Path
) -> None:
    key = key_in(tmp_path)
    store = store_over(backend, key, BlobCache(tmp_path / "cache"))
    entry = publish(store, key, "1")
    relay.close()
    assert store.fetch(entry).artifact == artifact("1")


def test_one_of_several_creators_wins(s3_url: str) -> None:
    from contract import together

    backends = [opening.open_blobs(s3_url) for _ in range(8)]
    together([lambda b=b, i=i: b.write("wasm/ab/cd", b"%d" % i) for i, b in enumerate(backends)])
    assert backends[0].read("wasm/ab/cd", 9) in {b"%d" % i for i in range(8)}
    together([lambda b=b: b.write("wasm/ab/ce", b"same") for b in backends])
    assert backends[0].read("wasm/ab/ce", 9) == b"same"
