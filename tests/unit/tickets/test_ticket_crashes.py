"""Workers and submitters that are killed at random moments: nothing is lost, one result per ticket.

A few here; ``scripts/crash --tickets`` kills hundreds.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from servers import running
from ticket_crashes import _SUBMITTER, _WORKER, Crowd, random_kills

from services.nats import Nats

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("place", ["sqlite", "redis", "nats"])
def test_nothing_is_lost(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    address = str(tmp_path / "tickets.sqlite")
    if place != "sqlite":
        address = request.getfixturevalue(f"{place}_url")
    tally = random_kills(Crowd(address), 12, random.Random(3))
    assert tally.kills >= 12 and tally.submitted and tally.taken


@pytest.mark.usefixtures("unhurried")
def test_nothing_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """NATS keeps its streams in files."""
    with running(Nats) as server:
        crowd = Crowd(f"{server.url}?prefix=crash")
        workers = [crowd.start(_WORKER, "w"), crowd.start(_SUBMITTER, "s")]
        for up in range(3):
            for worker in workers * 3:
                crowd.await_news(worker)
            if up < 2:
                server.stop()
                server.start()
        for worker in workers:
            crowd.kill(worker)
        crowd.settle()
        assert crowd.tally.submitted and crowd.tally.taken
