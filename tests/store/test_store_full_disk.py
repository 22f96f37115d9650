"""A disk that is really full: a small tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "support"

SCRIPT = """
import sys
from pathlib import Path
from store_samples import ARTIFACT, IR, SOURCE, predicate, trusting, verifier
from runtime.store.errors import StoreFull
from runtime.store.repair import repair
from runtime.store.store import open_folder
from runtime.trust.keys import SigningKey
from runtime.trust.seen import Seen

disk = Path(sys.argv[1])
reserve = disk / "reserve"
reserve.write_bytes(bytes(200_000))
key, seen = SigningKey.generate(), Seen(disk / "home" / "seen.sqlite")


def opened():
    return open_folder(disk / "store", verifier(trusting(key), seen=seen))


def digests(store):
    # In the order of publication, whatever the clock said.
    return [store.fetch(entry).entry.digest for entry in sorted(store.list(), key=lambda entry: entry.id)]


def publish(store, number):
    about = predicate(name=f"m{number}")
    return store.publish(ARTIFACT + b"%d" % number, about, key, source=SOURCE, ir=IR).entry.digest


published = []
with opened() as store:
    try:
        for number in range(1000):
            published.append(publish(store, number))
    except StoreFull as error:
        print("full:", error.message)
    else:
        sys.exit("the disk never was full")
with opened() as store:
    assert digests(store) == published
    assert store.log.audit().size >= len(published)
reserve.unlink()
with opened() as store:
    published.append(publish(store, len(published)))
    done = repair(store)
    assert (done.restored, done.removed, done.waiting) == (0, 0, 0), done
    assert digests(store) == published
print("whole:", len(published))
"""


def in_a_small_disk(command: list[str], folder: Path) -> list[str]:
    """The command with a tmpfs of 1 MB over ``folder``, which nobody else sees and which ends with it."""
    users = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    mount = f'mount -t tmpfs -o size=1m tmpfs "{folder}" && exec "$@"'
    return ["unshare", *users, "--mount", "sh", "-c", mount, "sh", *command]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    probe = in_a_small_disk(["true"], disk)
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("this machine mounts no tmpfs in a namespace")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{SUPPORT}"}
    command = in_a_small_disk([sys.executable, "-c", SCRIPT, str(disk)], disk)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    full, whole = done.stdout.splitlines()
    assert full.startswith("full: ") and int(whole.removeprefix("whole: ")) >= 2
    assert not list(disk.iterdir())
