"""Recorded answers: kept, compared, and apart for each tenant and model."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from runtime.solving import samples as module
from runtime.solving.samples import Identity, Samples

ONE = Identity("", "grade", "(declare grade [n : Int] : Int)", "aa", "Grade it", "m")


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    return Samples(tmp_path / "home" / "distil.sqlite")


def test_answers_are_counted_once(samples: Samples) -> None:
    assert samples.add(ONE, "1", "[1]", "10").pairs == 1
    assert samples.add(ONE, "1", "[1]", "10").pairs == 1
    found = samples.add(ONE, "1", "[2]", "20")
    assert (found.pairs, found.state) == (2, "recording")
    assert [pair[1:] for pair in samples.pairs(found.id)] == [("[1]", "10"), ("[2]", "20")]


def test_two_answers_to_one_call_are_inconsistent_for_good(samples: Samples) -> None:
    samples.add(ONE, "1", "[1]", "10")
    found = samples.add(ONE, "1", "[1]", "11")
    assert (found.state, found.reason) == ("inconsistent", "[1] had the answers 10 and 11")
    assert not samples.distilled(found.id, "d", "f", 9)
    samples.put_off(found.id, "refused", "no", 5)
    assert samples.add(ONE, "1", "[2]", "20").state == "inconsistent"


def test_another_revision_of_the_model_starts_anew(samples: Samples) -> None:
    found = samples.add(ONE, "1", "[1]", "10")
    samples.distilled(found.id, "d", "f", 1)
    found = samples.add(ONE, "2", "[1]", "11")
    assert (found.state, found.pairs, found.digest, found.revision) == ("recording", 1, "", "2")


@pytest.mark.parametrize("other", [
    ONE._replace(tenant="acme"), ONE._replace(model="n"), ONE._replace(doc="Grade them"),
    ONE._replace(interface_hash="bb"),
])  # fmt: skip
def test_tenants_models_docs_and_interfaces_are_apart(samples: Samples, other: Identity) -> None:
    samples.add(ONE, "1", "[1]", "10")
    found = samples.add(other, "1", "[1]", "11")
    assert (found.state, found.pairs) == ("recording", 1)
    assert len(samples.all()) == 2


def test_what_is_forgotten_is_gone(samples: Samples) -> None:
    found = samples.add(ONE, "1", "[1]", "10")
    samples.forget(found.id)
    assert samples.find(ONE) is None and samples.all() == [] and samples.pairs(found.id) == []


def test_only_so_many_pairs_and_none_that_are_long(samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 2)
    for n in range(4):
        found = samples.add(ONE, "1", f"[{n}]", "0")
    assert found.pairs == 2
    assert samples.add(ONE, "1", "[0]", "1").state == "inconsistent"
    assert samples.add(ONE._replace(name="long"), "1", f'["{"x" * 3000}"]', "0").pairs == 0


def test_nobody_else_can_read_them(samples: Samples) -> None:
    samples.add(ONE, "1", "[1]", "10")
    assert stat.S_IMODE(os.stat(samples.path).st_mode) == 0o600


def test_looking_makes_no_file(samples: Samples) -> None:
    assert samples.all() == [] and not samples.path.exists()


def test_threads_and_other_connections_lose_nothing(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BUSY_S", 60.0)  # the disk may be slow

    def work(own: Samples, base: int) -> None:
        for n in range(20):
            own.add(ONE, "1", f"[{base + n}]", "0")

    parts = [samples, samples, Samples(samples.path), Samples(samples.path)]
    threads = [threading.Thread(target=work, args=(part, 100 * at)) for at, part in enumerate(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = samples.find(ONE)
    assert found is not None and found.pairs == 80
