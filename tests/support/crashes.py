"""Publishers that are killed, and what must hold afterwards.

A publisher is a forked process that publishes one module after the other and says so through a pipe after
each.  It dies by SIGKILL: at a random moment, or at a given step (`kill_at_every_step`).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from store_samples import ARTIFACT, IR, SOURCE, predicate, trusting

from runtime.store.blobs import KINDS, BlobStore
from runtime.store.folder import FolderBackend
from runtime.store.opening import open_blobs, open_index
from runtime.store.repair import repair
from runtime.store.sqlite import SqliteIndex
from runtime.store.store import ModuleStore
from runtime.trust.keys import SigningKey
from runtime.trust.policy import Policy
from runtime.trust.seen import Seen
from runtime.trust.verifier import Verifier


@dataclass(frozen=True)
class Site:
    """A store that each process opens for itself; ``folder`` keeps the user's memory of it, and the store
    too unless ``blobs`` and ``index`` are addresses of servers."""

    folder: Path
    key: SigningKey
    blobs: str = ""
    index: str = ""

    def open(self) -> ModuleStore:
        trust = trusting(self.key)._replace(policy=Policy(logged=True))
        verifier = Verifier(trust, seen=Seen(self.folder / "seen.sqlite"))
        if self.index:
            backend, index = open_blobs(self.blobs), open_index(self.index)
        else:
            backend, index = FolderBackend(self.folder / "blobs"), SqliteIndex(self.folder / "index.sqlite")
        return ModuleStore(BlobStore(backend), index, verifier, location="the site")

    def publish(self, store: ModuleStore, salt: str) -> str:
        """The digest.  Every module has a name of its own, so that serials say nothing about the others."""
        data = ARTIFACT + salt.encode()
        about = predicate(f"m.{salt}", salt)
        return store.publish(data, about, self.key, source=SOURCE + salt, ir=IR + salt.encode()).entry.digest


@dataclass
class Tally:
    """``after_the_first``: how many publishers died after their first publication; the others during it."""

    kills: int = 0
    told: int = 0
    found: int = 0
    after_the_first: int = 0


def random_kills(site: Site, kills: int, random_: random.Random) -> Tally:
    """Kills publishers at random moments of their first publications and checks the store after each.
    Raises AssertionError."""
    tally, longest_s = Tally(), 4 * apart(lambda: _typical_s(site))
    all_told: list[str] = []
    checked: list[str] = []
    for number in range(kills):
        salts = [f"{number}.{i}" for i in range(1000)]
        told = killed(site, salts, random_.uniform(0, longest_s))
        tally.kills += 1
        tally.told += len(told)
        tally.after_the_first += bool(told)
        all_told += told
        # What was whole once is read again at the end.
        checked = apart(partial(check, site, all_told, checked))
    tally.found = len(apart(partial(check, site, all_told)))
    return tally


def apart(work: Callable[[], Any]) -> Any:
    """What ``work`` returns (JSON), done in a process of its own: the client of an object store cannot be
    used in a forked process whose parent used it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, json.dumps(work()).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "see above"
    return json.loads(text)


def _typical_s(site: Site) -> float:
    """How long a publication takes here and now."""
    store, times = site.open(), []
    for i in range(5):
        start = time.perf_counter()
        site.publish(store, f"typical.{i}")
        times.append(time.perf_counter() - start)
    store.close()
    return sorted(times)[2]


def killed(site: Site, salts: list[str], after_s: float) -> list[str]:
    """Starts a publisher, kills it, and returns what it said it had published."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _publish_all(site, salts, writer)
    os.close(writer)
    with open(reader, encoding="utf-8") as lines:
        assert lines.readline() == "open\n"
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        told = [json.loads(line) for line in lines if line.endswith("\n")]
    os.waitpid(child, 0)
    return told


def _publish_all(site: Site, salts: list[str], writer: int) -> NoReturn:
    """Never returns into the tests of the parent."""
    status = 1
    try:
        store = site.open()
        store.index.log_size()
        os.write(writer, b"open\n")
        for salt in salts:
            os.write(writer, json.dumps(site.publish(store, salt)).encode() + b"\n")
        status = 0
    except BaseException as error:
        print(f"publisher: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def check(site: Site, told: Sequence[str], checked: Sequence[str] = ()) -> list[str]:
    """Nothing lost, nothing half-visible: what was told is there, and what is there is whole, verified and
    on record.  Returns the digests of all modules; those in ``checked`` are not read again."""
    store = site.open()
    entries = store.list()
    there = [entry.digest for entry in entries]
    assert set(told) <= set(there), f"lost: {set(told) - set(there)}"
    known = set(checked)
    for entry in entries:
        assert entry.status == "Verified"
        if entry.digest in known:
            continue
        salt = entry.name.removeprefix("m.")
        assert store.fetch_current(entry).artifact == ARTIFACT + salt.encode()
        assert store.source(entry) == SOURCE + salt and store.ir(entry) == IR + salt.encode()
    store.log.audit()
    store.close()
    return there


def recover(site: Site) -> None:
    """Without hand work: what is left over goes, what was published stays, and publishing goes on."""
    _settle(site)
    before = len(check(site, []))
    store = site.open()
    repaired = repair(store)
    assert (repaired.removed, repaired.restored) == (0, 0)
    again = repair(store)
    assert (again.orphans, again.removed) == (0, 0)
    site.publish(store, "after")
    sizes = {kind.name: len(list(store.blobs.digests(kind))) for kind in KINDS}
    store.close()
    assert len(check(site, [])) == before + 1
    assert set(sizes.values()) == {before + 1}, sizes


def _settle(site: Site) -> None:
    """The server may still be at what a publisher had asked for before it was killed."""
    if not site.index:
        return
    import psycopg

    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rtfsc' AND state <> 'idle'"
    with psycopg.connect(site.index.partition("?")[0], autocommit=True) as connection:
        while connection.execute(busy).fetchone() != (0,):
            time.sleep(0.02)


# -- at a given step

_SYSTEM_CALLS = ("open", "fsync", "replace", "link", "unlink", "mkdir")


@contextmanager
def dying_at(step: int, calls: list[str]) -> Iterator[None]:
    """Counts what reaches disk or server, and dies before number ``step`` of it (0: never)."""
    connect = sqlite3.connect

    def counted(name: str) -> None:
        calls.append(name)
        if len(calls) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            counted(name)
            return original(*args, **options)

        return call

    class Counted(sqlite3.Connection):
        def execute(self, *args: Any) -> Any:  # type: ignore[override]
            counted(f"sql {str(args[0]).split()[0]}")
            return super().execute(*args)

    real = {name: getattr(os, name) for name in _SYSTEM_CALLS}
    for name, original in real.items():
        setattr(os, name, wrapped(name, original))
    sqlite3.connect = lambda *args, **options: connect(*args, **{"factory": Counted, **options})  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect
        for name, original in real.items():
            setattr(os, name, original)


def die_at(site: Site, step: int, salt: str) -> tuple[bool, list[str]]:
    """Publishes one module in a process that dies at the step.  Whether it came to its end, and the steps."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        calls: list[str] = []
        with dying_at(step, calls):
            try:
                store = site.open()
                site.publish(store, salt)
                store.close()
                os.write(writer, json.dumps(calls).encode())
                os._exit(0)
            except BaseException as error:
                print(f"publisher: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(1)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        steps = json.loads(answer.read() or "[]")
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == 0, steps


def kill_at_every_step(site_for: Callable[[int], Site]) -> int:
    """Publishes one module, each time in a process that dies one step later, until one comes to its end.
    Checks the store after each; returns how many were killed.  Raises AssertionError."""
    step = 0
    while True:
        step += 1
        site = site_for(step)
        # A module of its own for each: else a publisher finds the work of the one before done.
        done, _ = die_at(site, step, f"step{step}")
        check(site, [])
        if done:
            return step - 1


__all__ = ["Site", "Tally", "apart", "check", "kill_at_every_step", "random_kills", "recover"]
