"""NATS with JetStream, from Debian's package ``nats-server``."""

from __future__ import annotations

import secrets

from services.debian import unpacked
from services.process import Child, Server

_CONFIGURATION = """\
listen: 127.0.0.1:{port}
authorization: {{token: "{secret}"}}
jetstream: {{store_dir: "{folder}/data", max_mem: 64MB, max_file: 1GB}}
"""


class Nats(Server):
    """Keeps its streams in a folder of its own, over restarts, until it is closed."""

    def __init__(self) -> None:
        self._program = unpacked("nats-server", ["nats-server"], "nats-server$") / "usr/sbin/nats-server"
        super().__init__("nats")
        self._secret = secrets.token_urlsafe(18)
        configuration = self.folder / "nats.conf"
        configuration.touch(0o600)
        configuration.write_text(
            _CONFIGURATION.format(port=self.port, secret=self._secret, folder=self.folder)
        )

    @property
    def url(self) -> str:
        """Without the token, which is in the environment."""
        return f"nats://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        return {"RTFSC_TEST_NATS": self.url, "RTFSC_NATS_TOKEN": self._secret}

    def start(self) -> None:
        self._run(Child([self._program, "-c", self.folder / "nats.conf"], self.folder / "nats.log"))
