"""Child processes that are stopped by their ids, and waiting for them."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from services import Unavailable
from services.folder import new_folder, remove

STOP_AFTER_S = 60.0
_PORTS = (20_000, 30_000)
_held: list[socket.socket] = []


def as_user(user: pwd.struct_passwd | None, *options: str) -> list[str]:
    """What to put before a command so that it runs as another user, which only root can do."""
    if user is not None:
        options = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *options)
    return ["setpriv", *options, "--"] if options and shutil.which("setpriv") else []


def free_port() -> int:
    """One that nothing uses, nor takes as long as this process lives: not another server that looks for one,
    nor a connection while the server has not started yet or is stopped for a moment."""
    while True:
        port, held = random.SystemRandom().randrange(*_PORTS), socket.socket()
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        # From here on servers may listen there (all of ours set this too), and nobody else.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _held.append(held)
        return port


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    input: str | None = None,
    timeout: float = 300,
    folder: str | Path = "/",
) -> str:
    """The output. Raises `Unavailable` with the last line of what the command said, which ends with this
    process at the latest."""
    try:
        done = subprocess.run(
            [*as_user(None, "--pdeathsig=KILL"), *(str(part) for part in command)],
            input=input,
            capture_output=True,
            text=True,
            errors="replace",
            env=None if environment is None else dict(environment),
            timeout=timeout,
            check=False,
            cwd=folder,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{command[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout


class Child:
    """A server process with its output in a file, in a group of its own so that Ctrl-C does not reach it.
    It gets the signal ``orphaned`` when the thread that started it has ended: no server outlives a test run
    that was killed."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: str | Path = "/",
        user: pwd.struct_passwd | None = None,
        orphaned: str = "KILL",
    ) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*as_user(user, f"--pdeathsig={orphaned}"), *(str(part) for part in command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=None if environment is None else dict(environment),
                start_new_session=True,
                cwd=folder,
            )
        self.log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Waits until it has ended; after a while it is killed."""
        if self.running():
            os.kill(self.pid, how)
            try:
                self._process.wait(STOP_AFTER_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Raises `Unavailable` if the process ends or takes too long."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.running() or time.monotonic() > end:
                said = self.log.read_text(errors="replace").strip().splitlines()
                raise Unavailable(f"{self.log.stem} did not start: {said[-1] if said else 'no output'}")
            time.sleep(0.02)


class Server:
    """One child process on a port of its own, with a folder that goes when it is closed. ``start`` is the
    subclass's."""

    def __init__(self, name: str) -> None:
        self.folder = new_folder(name)
        self.port = free_port()
        self._server: Child | None = None

    def _run(self, child: Child) -> None:
        """Waits until it answers on the port."""
        self._server = child
        child.wait_until(lambda: answers(self.port), 180)

    def stop(self, how: int = signal.SIGKILL) -> None:
        """As in a crash; the next start is on the same port, with what is in the folder."""
        if self._server is not None:
            self._server.stop(how)
            self._server = None

    def close(self) -> None:
        self.stop()
        remove(self.folder)


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
