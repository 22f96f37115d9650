"""Which store is in use: what the caller says, else ``RTFSC_STORE``, else the project's ``rtfsc.toml``, else
its ``.rtfsc`` folder, else the user's ``config.toml``, else the user's own folder.

A project's file comes with the project, which may be anybody's. It cannot make this user talk to servers
that the user has not agreed to: a remote store named there must be allowed first (``rtfsc store allow``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runtime.store.errors import StoreError
from runtime.store.location import BadLocation, Location, has_password
from runtime.store.paths import Paths, project_folder

PROJECT_FILE = "rtfsc.toml"
USER_FILE = "config.toml"
VARIABLE = "RTFSC_STORE"
CALLER = "the caller"
_ALLOWED = "allowed-stores"
_KEYS = ("blobs", "index", "folder", "cache_mb")


class NotAllowed(StoreError):
    """A project names a remote store to which the user has not agreed."""

    code = "ST014"


class Choice(NamedTuple):
    """``origin``: who chose it, for messages; ``project``: whether it comes from a project's file;
    ``left_out``: the remote store that an offline process does without."""

    location: Location
    origin: str
    cache_bytes: int | None = None
    project: bool = False
    left_out: Location | None = None

    def require_reachable(self) -> None:
        """Raises `StoreError` where the configured store was left out."""
        if self.left_out is not None:
            raise StoreError(
                f"Offline, and the store {self.left_out} is remote", hint="'--store FOLDER' takes a folder"
            )

    def offline(self, paths: Paths) -> Choice:
        """Without network: the folder, where a remote store was configured.

        Raises `BadLocation` where the caller asked for a remote one.
        """
        if not self.location.remote:
            return self
        if self.origin == CALLER:
            raise BadLocation(f"The store {self.location} is remote, and this is offline")
        folder = Location.in_folder(paths.store)
        return Choice(folder, "the default, offline", self.cache_bytes, left_out=self.location)


def chosen(
    given: Location | None, paths: Paths, start: Path, environ: Mapping[str, str] = os.environ
) -> Choice:
    """Raises `BadLocation`, and `StoreError` for a file that cannot be read."""
    user = _read(paths.home / USER_FILE)
    cache = _cache_bytes(user, paths.home / USER_FILE)
    if given is not None:
        return Choice(given, CALLER, cache)
    if environ.get(VARIABLE):
        return Choice(Location.parse(environ[VARIABLE]), VARIABLE, cache)
    own, file = project_folder(start), project_file(start)
    if file is not None and (own is None or file.parent not in own.parent.parents):  # the nearer one counts
        location = _location(_read(file), file)
        if location is not None:
            return Choice(location, str(file), cache, project=True)
    if own is None:
        location = _location(user, paths.home / USER_FILE)
        if location is not None:
            return Choice(location, str(paths.home / USER_FILE), cache)
    return Choice(Location.in_folder(paths.store), "the default", cache)


def project_file(start: Path) -> Path | None:
    """The nearest ``rtfsc.toml`` at or above ``start``."""
    files = (folder / PROJECT_FILE for folder in (start, *start.parents))
    return next((file for file in files if file.is_file()), None)


def require_allowed(choice: Choice, home: Path) -> None:
    """Raises `NotAllowed` for a project's remote store to which the user has not agreed."""
    if choice.project and choice.location.remote and _line(choice.location) not in _allowed(home):
        raise NotAllowed(
            f"The store {choice.location} is named by {choice.origin} and not allowed yet",
            hint="'rtfsc store allow' does, if you trust that project with these servers",
        )


def allow(choice: Choice, home: Path) -> None:
    """Agrees to a project's store, for good."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / _ALLOWED).open("a", encoding="utf-8") as file:
        file.write(_line(choice.location) + "\n")


def _line(location: Location) -> str:
    return f"{location.blobs} {location.index}"


def _allowed(home: Path) -> set[str]:
    try:
        return set((home / _ALLOWED).read_text("utf-8").splitlines())
    except FileNotFoundError:
        return set()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{home / _ALLOWED}: cannot be read: {error}") from error


def _read(file: Path) -> dict[str, Any]:
    """The table ``store``, empty where there is none."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{file}: cannot be read: {error}") from error
    import tomllib

    try:
        table = tomllib.loads(text).get("store", {})
    except tomllib.TOMLDecodeError as error:
        raise BadLocation(f"{file}: {error}") from error
    if not isinstance(table, dict):
        raise BadLocation(f"{file}: store must be a table")
    for name, value in table.items():
        if name not in _KEYS:
            raise BadLocation(f"{file}: unknown key {name} in [store]", hint=f"known are: {', '.join(_KEYS)}")
        if type(value) is not (int if name == "cache_mb" else str):
            wanted = "a whole number" if name == "cache_mb" else "a text"
            raise BadLocation(f"{file}: {name} in [store] must be {wanted}")
    return table


def _location(table: Mapping[str, Any], file: Path) -> Location | None:
    """Paths of folders are relative to the file."""
    if "folder" in table:
        if "blobs" in table or "index" in table:
            raise BadLocation(f"{file}: [store] has a folder, or blobs and an index")
        return Location.in_folder(file.parent / Path(table["folder"]).expanduser())
    if "blobs" not in table and "index" not in table:
        return None
    if "blobs" not in table or "index" not in table:
        raise BadLocation(f"{file}: [store] needs both blobs and index")
    for address in (table["blobs"], table["index"]):
        if has_password(address):
            raise BadLocation(f"{file}: a password has no place in a file: it comes from the environment",
                              hint="PGPASSWORD, or a password file named by PGPASSFILE")  # fmt: skip
    return Location.of(table["blobs"], table["index"])


def _cache_bytes(table: Mapping[str, Any], file: Path) -> int | None:
    most = table.get("cache_mb")
    if most is None:
        return None
    if most < 0:
        raise BadLocation(f"{file}: cache_mb in [store] is below zero")
    return int(most) << 20
