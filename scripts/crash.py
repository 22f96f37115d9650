"""Kills publishers and checks the store after each: see tests/support/crashes.py for what must hold. With
``--tickets`` kills those who submit tickets and those who run them: see tests/support/ticket_crashes.py.

Prints what was counted. The exit code is 1 where something was lost or half-visible.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from crashes import Site, apart, kill_at_every_step, random_kills, recover  # noqa: E402

from runtime.trust.keys import SigningKey  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--team", action="store_true", help="PostgreSQL and S3 in place of SQLite and a folder"
    )
    parser.add_argument("--at", nargs=2, metavar=("BLOBS", "INDEX"), help="on servers that run already")
    parser.add_argument(
        "--tickets", choices=["sqlite", "redis", "nats"], help="tickets at such a place, not publications"
    )
    options = parser.parse_args()
    if options.tickets:
        return tickets(options)
    with tempfile.TemporaryDirectory() as folder, addresses(options) as (blobs, index):
        site = Site(Path(folder), SigningKey.generate(), blobs, index)
        try:
            tally = random_kills(site, options.kills, random.Random(options.seed))
            apart(lambda: recover(site))
            print(f"{tally.kills} publishers killed at random, {tally.after_the_first} after their first")
            print(f"publication; {tally.told} publications told, {tally.found} found, all of them whole")
            if not index:
                steps = kill_at_every_step(lambda step: Site(Path(folder) / str(step), site.key))
                print(f"{steps} publishers killed at one step each of a first publication")
        except AssertionError as error:
            print(f"seed {options.seed}: {error}", file=sys.stderr)
            return 1
    return 0


def tickets(options: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from servers import running
    from ticket_crashes import Crowd
    from ticket_crashes import random_kills as kill_some

    from services.nats import Nats
    from services.redis import Redis

    kinds = {"redis": Redis, "nats": Nats}
    with tempfile.TemporaryDirectory() as folder:
        kind = kinds.get(options.tickets)
        with running(kind) if kind else nullcontext() as server:
            address = f"{folder}/tickets.sqlite" if server is None else f"{server.url}?prefix=crash"
            try:
                tally = kill_some(Crowd(address), options.kills, random.Random(options.seed))
            except AssertionError as error:
                print(f"seed {options.seed}: {error}", file=sys.stderr)
                return 1
    print(f"{tally.kills} submitters and workers killed at random; {len(tally.submitted)} tickets told of,")
    print(f"all there; {len(tally.taken)} results told of, one per ticket; {tally.stale} late ones refused")
    return 0


@contextmanager
def addresses(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Of servers, by default such as live as long as this; empty for a folder."""
    if options.at or not options.team:
        yield tuple(options.at or ("", ""))
        return
    from servers import running

    from services.ceph import Ceph
    from services.postgres import Postgres

    with running(Postgres) as postgres, running(Ceph) as s3:
        name = uuid.uuid4().hex
        yield f"s3://rtfsc/{name}?endpoint={s3.url}", f"{postgres.url}?schema=crash_{name}"


if __name__ == "__main__":
    sys.exit(main())
