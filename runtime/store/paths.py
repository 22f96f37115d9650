"""Where things are kept by default.

Keys and trust are the user's: they are never taken from a project, since a folder that somebody cloned
must not be able to declare itself trusted.  The store may be the project's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PROJECT_FOLDER = ".rtfsc"


class Paths(NamedTuple):
    """``home``: the user's data folder; ``store``: the folder of the store in use."""

    home: Path
    store: Path

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def trust(self) -> Path:
        return self.home / "trust.json"

    @property
    def seen(self) -> Path:
        """What was seen of stores, so that nothing can be taken from them unnoticed."""
        return self.home / "seen.sqlite"

    @property
    def chain(self) -> Path:
        """The folder of the causal chain."""
        return self.home / "audit"

    @property
    def tickets(self) -> Path:
        """The database of tickets."""
        return self.home / "tickets.sqlite"


def user_home(environ: Mapping[str, str] = os.environ) -> Path:
    """``$RTFSC_HOME``, else ``$XDG_DATA_HOME/rtfsc``, else ``~/.local/share/rtfsc``."""
    if environ.get("RTFSC_HOME"):
        return Path(environ["RTFSC_HOME"]).absolute()
    base = environ.get("XDG_DATA_HOME") or ""
    if os.path.isabs(base):  # the XDG specification says to ignore a relative one
        return Path(base) / "rtfsc"
    return Path.home() / ".local" / "share" / "rtfsc"


def project_folder(start: Path) -> Path | None:
    """The nearest ``.rtfsc`` folder at or above ``start``."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FOLDER).is_dir():
            return folder / PROJECT_FOLDER
    return None


def default_paths(start: Path | None = None, environ: Mapping[str, str] = os.environ) -> Paths:
    """The project's store where there is a project, else the user's."""
    home = user_home(environ)
    project = project_folder((start or Path.cwd()).absolute())
    return Paths(home, (project or home) / "store")
