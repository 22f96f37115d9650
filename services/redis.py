"""Redis, from Debian's package ``redis-server``."""

from __future__ import annotations

import os
import platform
import secrets
import signal

from services.debian import unpacked
from services.process import Child, Server

_WANTED = r"redis-(server|tools)|lib(lua|jemalloc|hiredis|lzf|atomic)|lua-"


class Redis(Server):
    """Keeps nothing: what it holds is gone when it stops."""

    def __init__(self) -> None:
        self._root = unpacked("redis", ["redis-server", "redis-tools"], _WANTED)
        super().__init__("redis")
        self._secret = secrets.token_urlsafe(18)
        (self.folder / "redis.conf").write_text(f"requirepass {self._secret}\n")

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
        self._run(
            Child(
                [*command, *(str(part) for name, value in options.items() for part in (f"--{name}", value))],
                self.folder / "redis.log",
                {**os.environ, "LD_LIBRARY_PATH": str(libraries)},
            )
        )

    def freeze(self) -> None:
        """It takes connections and says nothing."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGCONT)
