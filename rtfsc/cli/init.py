"""``rtfsc init``: a project with a store of its own, a local signing key, and trust in that key."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtfsc.cli.common import OK

_HELLO = """\
; Compile with: rtfsc build hello.rtfs
(defn greet
  "A greeting for a name.
   example: (greet \\"you\\") => \\"Hello, you!\\""
  [name : String] : String
  (str "Hello, " name "!"))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default=".", help="where (default: here)")
    parser.add_argument("--home", action="store_true", help="only make the key and trust it; no project")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import LOCAL_KEY, Runtime
    from runtime.store.paths import PROJECT_FOLDER
    from runtime.trust.keys import short

    if not options.home:
        _make_project(Path(options.folder), PROJECT_FOLDER)
    runtime = Runtime.init()
    key_id = runtime.keys.public(LOCAL_KEY).key_id
    print(f"key '{LOCAL_KEY}' {short(key_id)} in {runtime.paths.keys}, trusted in {runtime.paths.trust}")
    return OK


def _make_project(folder: Path, store: str) -> None:
    (folder / store).mkdir(parents=True, exist_ok=True)
    ignore = folder / store / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    hello = folder / "hello.rtfs"
    if not any(folder.glob("*.rtfs")):
        hello.write_text(_HELLO)
        print(f"wrote {hello}")
    print(f"project in {folder.resolve()}, its store in {folder / store}")
