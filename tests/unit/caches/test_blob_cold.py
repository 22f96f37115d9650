"""Answers that lie in a folder or a bucket."""

from __future__ import annotations

import pytest
from scripted_model import ScriptedModel, question
from servers import running

from runtime.caches.cold import BlobCold, ColdError
from runtime.caches.inference import InferenceCache
from runtime.caches.manager import CacheManager
from runtime.store.errors import StoreError
from services.ceph import Ceph


@pytest.fixture(params=["memory:", "folder", "s3"])
def address(request, tmp_path):
    if request.param == "folder":
        return (tmp_path / "blobs").as_uri()
    return request.getfixturevalue("s3_url") if request.param == "s3" else request.param


@pytest.fixture
def cold(address):
    return BlobCold(address)


def manager(cold):
    return CacheManager(l2=InferenceCache(cold=cold))


def test_what_one_machine_was_answered_the_other_reads(cold, address):
    one = manager(cold)
    one.infer(ScriptedModel("first"), question())
    assert one.flush()
    other = manager(cold if address == "memory:" else BlobCold(address))
    found = other.answer(ScriptedModel("second"), question())
    assert (found.layer, found.response.text) == ("L2", "first")
    assert other.l2.cold_hits == 1
    other.answer(ScriptedModel("second"), question())
    assert other.l2.cold_hits == 1  # hot now
    assert other.forget(ScriptedModel(), question()) and other.flush()
    fresh = manager(cold if address == "memory:" else BlobCold(address))
    assert fresh.answer(ScriptedModel("third"), question()).layer == "model"


def test_tenants_are_apart_and_cleared_alone(cold):
    one = manager(cold)
    for tenant in ("acme", "globex"):
        one.infer(ScriptedModel(f"of {tenant}"), question(), tenant=tenant)
    one.flush()
    assert cold.size() == 2
    assert ask(cold, "own", "") == "own"
    one.clear("L2", "acme")
    assert ask(cold, "new", "globex") == "of globex"
    assert ask(cold, "new", "acme") == "new"
    one.clear()
    assert cold.size() == 0


def ask(cold, text, tenant):
    caches = manager(cold)
    answer = caches.infer(ScriptedModel(text), question(), tenant=tenant).text
    caches.flush()
    return answer


def test_what_was_damaged_is_written_anew(cold):
    one = manager(cold)
    one.infer(ScriptedModel("good"), question())
    one.flush()
    [(key, data)] = cold.newest(9)
    cold.write(key, data[:-9])
    other = manager(cold)
    assert other.answer(ScriptedModel("good"), question()).layer == "model"
    other.flush()
    assert cold.read(key) == data


def test_warming_reads_it(cold):
    one = manager(cold)
    for number in range(5):
        one.infer(ScriptedModel(str(number)), question(str(number)))
    one.flush()
    other = manager(cold)
    assert other.warm() == 5
    assert other.answer(ScriptedModel("x"), question("3")).response.text == "3"
    assert other.l2.cold_hits == 0


def test_a_bucket_that_goes_away_and_comes_back():
    with running(Ceph) as server:
        cold = BlobCold(server.settings()["RTFSC_TEST_S3"])
        one = manager(cold)
        one.infer(ScriptedModel("kept"), question())
        one.flush()
        server.stop_gateway()
        other = manager(cold)
        other.l2.cold_circuit._clock = lambda: 0.0  # no pause ends while the test runs
        for number in range(10):
            assert other.answer(ScriptedModel("asked"), question(str(number))).layer == "model"
        assert other.l2.cold_circuit.failures == 1  # one call waited, not ten
        assert not other.l2.cold_circuit.closed
        with pytest.raises(ColdError):
            other.clear("L2")
        other.flush()
        server.start_gateway()
        other.l2.cold_circuit._until = 0.0  # the pause is over, here and in the client
        cold._blobs._outage.ended()
        assert other.answer(ScriptedModel("asked"), question()).response.text == "kept"
        assert other.l2.cold_circuit.closed


@pytest.mark.parametrize("bad", ["s3://bucket?unknown=1", "s3://"])
def test_wrong_addresses(bad):
    with pytest.raises(StoreError):
        BlobCold(bad)
