"""An OCI registry, from Debian's package ``docker-registry``."""

from __future__ import annotations

import secrets

from services.debian import unpacked
from services.folder import new_folder, remove
from services.process import Child, answers, free_port

_CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:{port}
  secret: {secret}
{auth}"""
_AUTH = """\
auth:
  htpasswd: {{realm: rtfsc, path: {folder}/users}}
"""


class Registry:
    """Keeps its data in a folder of its own, gone when it is closed. ``users``: lines of an htpasswd file
    with bcrypt, who alone may use it; none for an open one."""

    def __init__(self, users: str = "") -> None:
        self._program = (
            unpacked("docker-registry", ["docker-registry"], "docker-registry$") / "usr/bin/docker-registry"
        )
        self.folder = new_folder("registry")
        self.port = free_port()
        (self.folder / "users").write_text(users)
        (self.folder / "config.yml").write_text(
            _CONFIGURATION.format(
                folder=self.folder,
                port=self.port,
                secret=secrets.token_urlsafe(18),
                auth=_AUTH.format(folder=self.folder) if users else "",
            )
        )
        self._server: Child | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        log = self.folder / "registry.log"
        self._server = Child([self._program, "serve", self.folder / "config.yml"], log)
        self._server.wait_until(lambda: answers(self.port), 180)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def close(self) -> None:
        self.stop()
        remove(self.folder)
