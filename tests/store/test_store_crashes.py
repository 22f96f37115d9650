"""kill -9 while publishing, a small sample of what scripts/crash does."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from crashes import Site, kill_at_every_step, random_kills, recover

from runtime.trust.keys import SigningKey

ROOT = Path(__file__).resolve().parents[2]


def test_publishers_killed_at_random(tmp_path: Path) -> None:
    site = Site(tmp_path, SigningKey.generate())
    tally = random_kills(site, 12, random.Random(2))
    assert tally.kills == 12 and tally.found >= tally.told
    recover(site)


def test_a_publisher_killed_at_every_step(tmp_path: Path) -> None:
    site = Site(tmp_path, SigningKey.generate())
    site.publish(store := site.open(), "before")
    store.close()
    assert kill_at_every_step(lambda step: site) > 25
    recover(site)


def test_publishers_killed_at_random_at_servers(s3_url: str, postgres_url: str) -> None:
    command = [sys.executable, ROOT / "scripts/crash.py", "--kills", "8", "--at", s3_url, postgres_url]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "8 publishers killed" in done.stdout and "all of them whole" in done.stdout
