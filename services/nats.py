"""NATS with JetStream, from Debian's package ``nats-server``."""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
from pathlib import Path

from services.debian import unpacked
from services.process import Child, answers, free_port

_CONFIGURATION = """\
listen: 127.0.0.1:{port}
authorization: {{token: "{secret}"}}
jetstream: {{store_dir: "{folder}/data", max_mem: 64MB, max_file: 1GB}}
"""


class Nats:
    """Keeps its streams in a folder of its own, over restarts, until it is closed."""

    def __init__(self) -> None:
        self._program = unpacked("nats-server", ["nats-server"], "nats-server$") / "usr/sbin/nats-server"
        self.folder = Path(tempfile.mkdtemp(prefix="rtfsc-nats-"))
        self.port = free_port()
        self._secret = secrets.token_urlsafe(18)
        configuration = self.folder / "nats.conf"
        configuration.touch(0o600)
        configuration.write_text(
            _CONFIGURATION.format(port=self.port, secret=self._secret, folder=self.folder)
        )
        self._server: Child | None = None

    @property
    def url(self) -> str:
        """Without the token, which is in the environment."""
        return f"nats://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        return {"RTFSC_TEST_NATS": self.url, "RTFSC_NATS_TOKEN": self._secret}

    def start(self) -> None:
        self._server = Child([self._program, "-c", self.folder / "nats.conf"], self.folder / "nats.log")
        self._server.wait_until(lambda: answers(self.port), 180)

    def stop(self, how: int = signal.SIGKILL) -> None:
        """As in a crash; the next start is on the same port, with what was there."""
        if self._server is not None:
            self._server.stop(how)
            self._server = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
