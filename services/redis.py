"""Redis, from Debian's package ``redis-server``."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import signal
import tempfile
from pathlib import Path

from services.debian import unpacked
from services.process import Child, answers, free_port

_WANTED = r"redis-(server|tools)|lib(lua|jemalloc|hiredis|lzf|atomic)|lua-"


class Redis:
    """Keeps nothing: what it holds is gone when it stops."""

    def __init__(self) -> None:
        self._root = unpacked("redis", ["redis-server", "redis-tools"], _WANTED)
        self.folder = Path(tempfile.mkdtemp(prefix="rtfsc-redis-"))
        self.port = free_port()
        self._secret = secrets.token_urlsafe(18)
        (self.folder / "redis.conf").write_text(f"requirepass {self._secret}\n")
        self._server: Child | None = None

    @property
    def url(self) -> str:
        """Without the password, which is in the environment."""
        return f"redis://127.0.0.1:{self.port}/0"

    def settings(self) -> dict[str, str]:
        return {"RTFSC_TEST_REDIS": self.url, "RTFSC_REDIS_PASSWORD": self._secret}

    def start(self) -> None:
        libraries = self._root / "usr/lib" / f"{platform.machine()}-linux-gnu"
        command = [self._root / "usr/bin/redis-server", self.folder / "redis.conf"]
        options = {"bind": "127.0.0.1", "port": self.port, "dir": self.folder, "save": "", "appendonly": "no"}
        self._server = Child(
            [*command, *(str(part) for name, value in options.items() for part in (f"--{name}", value))],
            self.folder / "redis.log",
            {**os.environ, "LD_LIBRARY_PATH": str(libraries)},
        )
        self._server.wait_until(lambda: answers(self.port), 180)

    def stop(self, how: int = signal.SIGKILL) -> None:
        """As in a crash; the next start is on the same port."""
        if self._server is not None:
            self._server.stop(how)
            self._server = None

    def freeze(self) -> None:
        """It takes connections and says nothing."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGCONT)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
