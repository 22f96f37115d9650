"""Workers and submitters that are killed, and what must hold of their tickets then.

* Every ticket that a submitter told of exists; with its key it is the same one again.
* Every ticket comes to an end, with one result, and that is the value of its job.
* Whoever told that a result was taken told of the result that is there.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]

_SUBMITTER = """
import random, sys, time
from pathlib import Path
from runtime.tickets.opening import open_tickets
from runtime.tickets.ticket import TicketsUnavailable
place, who = open_tickets(sys.argv[1], Path("unused")), sys.argv[2]
print("up", flush=True)
n = 0
while True:
    key = f"{who}.{n}"
    try:
        print("told", key, place.submit(key.encode(), label=key, key=key), flush=True)
    except TicketsUnavailable:
        continue  # whether it got through or not: that is what the key is for
    n += 1
    time.sleep(random.uniform(0, 0.1))
"""
_WORKER = """
import random, signal, sys, time
from pathlib import Path
from runtime.tickets.opening import open_tickets
from runtime.tickets.worker import Worker
place, who = open_tickets(sys.argv[1], Path("unused")), sys.argv[2]
def perform(ticket):
    time.sleep(random.uniform(0, 0.01))
    return "done", b"%b by %b" % (ticket.job, f"{who}/{ticket.fence}".encode())
def told(ticket, state, seconds):
    print("told", ticket.id, state, f"{who}/{ticket.fence}", flush=True)
worker = Worker(place, perform, who, lease_s=float(sys.argv[3]), told=told)
signal.signal(signal.SIGTERM, lambda *_: worker.stop())
print("up", flush=True)
worker.run()
"""


@dataclass
class Tally:
    """``submitted``: tickets told of, by key; ``taken``: the worker and fence that told of a result, by
    ticket."""

    kills: int = 0
    submitted: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    stale: int = 0


class Crowd:
    """Processes at one place. ``lease_s``: how soon a dead worker is replaced."""

    def __init__(self, address: str, lease_s: float = 0.5) -> None:
        self.address, self.lease_s, self.tally = address, lease_s, Tally()
        self._count = 0
        self._heard: dict[subprocess.Popen[str], tuple[threading.Thread, list[str]]] = {}

    def start(self, code: str, kind: str) -> subprocess.Popen[str]:
        self._count += 1
        process = subprocess.Popen(
            [sys.executable, "-c", code, self.address, f"{kind}{self._count}", str(self.lease_s)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        lines: list[str] = []
        ear = threading.Thread(target=_hear, args=(process.stdout, lines), daemon=True)
        ear.start()
        self._heard[process] = ear, lines
        return process

    def await_news(self, process: subprocess.Popen[str], seconds: float = 120) -> None:
        """Waits until it tells of something more."""
        lines, end = self._heard[process][1], time.monotonic() + seconds
        before = len(lines)
        while len(lines) == before:
            assert process.poll() is None and time.monotonic() < end, "nothing happens"
            time.sleep(0.01)

    def round(self, dice: random.Random, submitters: int, workers: int, seconds: float) -> None:
        """Some work at once, and are killed one after the other within so many seconds."""
        crowd = [self.start(_SUBMITTER, "s") for _ in range(submitters)]
        crowd += [self.start(_WORKER, "w") for _ in range(workers)]
        dice.shuffle(crowd)
        for process in crowd:
            time.sleep(dice.uniform(0, seconds / len(crowd)))
            self.kill(process)

    def kill(self, process: subprocess.Popen[str], how: int = signal.SIGKILL) -> None:
        process.send_signal(how)
        ear, lines = self._heard.pop(process)
        process.wait(120)
        ear.join(120)
        self.tally.kills += 1
        self.listen("".join(lines))

    def listen(self, said: str) -> None:
        for line in said.splitlines(keepends=True):
            words = line.split()
            if not line.endswith("\n") or words[0] != "told":
                continue
            if len(words) == 3:
                self.tally.submitted[words[1]] = words[2]
            elif words[2] == "done":
                assert words[1] not in self.tally.taken, f"two results of {words[1]}"
                self.tally.taken[words[1]] = words[3]
            else:
                self.tally.stale += 1

    def settle(self, seconds: float = 600) -> None:
        """Lets workers that live finish what there is, and checks all of it."""
        from runtime.tickets.opening import open_tickets
        from runtime.tickets.ticket import ENDED, QUEUED, RUNNING

        place = open_tickets(self.address, Path("unused"))
        workers = [self.start(_WORKER, "last") for _ in range(3)]
        end = time.monotonic() + seconds
        while place.find([QUEUED, RUNNING], 1):
            assert time.monotonic() < end, f"{len(place.find([QUEUED, RUNNING], 10_000))} tickets do not end"
            time.sleep(0.1)
        for worker in workers:  # what a submitter left half done may have come up just now: they end it
            self.kill(worker, signal.SIGTERM)
            self.tally.kills -= 1
        found = {ticket.id: ticket for ticket in place.find(most=1_000_000)}
        for key, id in self.tally.submitted.items():
            assert id in found, f"ticket {id} is lost"
            assert place.submit(key.encode(), label=key, key=key) == id
        for ticket in found.values():
            assert ticket.state in ENDED and ticket.result is not None
            if ticket.state == "failed":  # too many workers were killed at it
                assert b"WorkerLost" in ticket.result and ticket.attempts >= 5
                assert ticket.id not in self.tally.taken
                continue
            job, by = ticket.result.split(b" by ")
            assert job == ticket.job, f"ticket {ticket.id} has the result of another one"
            assert self.tally.taken.get(ticket.id, by.decode()) == by.decode(), f"{ticket.id}: two results"
        assert set(self.tally.taken) <= set(found)
        place.close()


def _hear(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)


def random_kills(crowd: Crowd, kills: int, dice: random.Random, *, at_once: int = 3) -> Tally:
    """Half of them submitters, half workers."""
    while crowd.tally.kills < kills:
        crowd.round(dice, at_once, at_once, 0.4)
    crowd.settle()
    return crowd.tally
