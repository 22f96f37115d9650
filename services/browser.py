"""Headless Chromium: the machine's own, or Debian's, unpacked into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import IO

from services import Unavailable
from services.debian import unpacked

_OWN = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PATIENCE_S = 300.0


class Chromium:
    """Where the program is, and what it needs of the environment. Raises `Unavailable`."""

    def __init__(self) -> None:
        own = os.environ.get("RTFSC_CHROMIUM") or next(filter(None, map(shutil.which, _OWN)), None)
        self.environment = dict(os.environ)
        if own is not None:
            self.program = own
        else:
            root = unpacked("chromium", ["chromium"], ".*")
            libraries = sorted({str(path.parent) for path in (root / "usr/lib").rglob("*.so*")})
            self.environment["LD_LIBRARY_PATH"] = ":".join(libraries)
            self.program = str(root / "usr/lib/chromium/chromium")

    def result_of(self, folder: Path, page: str) -> str:
        """What a page of ``folder`` posts to ``/result``. Raises `Unavailable` where the browser does not
        run, `TimeoutError` where it posts nothing."""
        # Not a pipe: nobody reads while the page runs, and a browser may have a lot to say.
        with (
            tempfile.TemporaryFile("w+", errors="replace") as said,
            _served(folder) as (url, results),
            _profile() as profile,
        ):
            command = [self.program, *_FLAGS, f"--user-data-dir={profile}", f"{url}/{page}"]
            process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=said)
            try:
                return self._wait(process, results, said)
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def screenshot(
        self, url: str, to: Path, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Takes a picture (PNG) of a page, without running scripts of its own. Raises `Unavailable`."""
        to.parent.mkdir(parents=True, exist_ok=True)
        to.unlink(missing_ok=True)
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        self._once(
            [*scheme, f"--window-size={width},{height}", "--hide-scrollbars", f"--screenshot={to}", url]
        )
        if not to.exists():
            raise Unavailable(f"{self.program} takes no pictures")

    def dom(self, url: str, *, width: int = 1280, height: int = 900) -> str:
        """The document as the browser has it after loading the page and running its scripts."""
        return self._once([f"--window-size={width},{height}", "--dump-dom", url])

    def _once(self, arguments: list[str]) -> str:
        with _profile() as profile:
            command = [self.program, *_FLAGS, f"--user-data-dir={profile}", *arguments]
            try:
                done = subprocess.run(
                    command, env=self.environment, capture_output=True, text=True, timeout=_PATIENCE_S
                )
            except OSError as error:
                raise Unavailable(f"{self.program} does not run: {error}") from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise Unavailable(f"{self.program} does not run: {said[-1] if said else 'no reason'}")
        return done.stdout

    def _wait(self, process: subprocess.Popen[bytes], results: Queue[str], said: IO[str]) -> str:
        for _ in range(int(_PATIENCE_S)):
            try:
                return results.get(timeout=1)
            except Empty:
                if process.poll() is not None:
                    said.seek(0)
                    lines = said.read().strip().splitlines()
                    raise Unavailable(
                        f"{self.program} does not run: {lines[-1] if lines else 'no reason'}"
                    ) from None
        raise TimeoutError(f"the page posted nothing in {_PATIENCE_S:.0f} s")


def _profile() -> tempfile.TemporaryDirectory[str]:
    """Processes of the browser that outlive the first one may still write there while it is deleted."""
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


class _Handler(SimpleHTTPRequestHandler):
    """Files of a folder; what is posted goes to the queue."""

    def __init__(self, results: Queue[str], *args: object, **options: object) -> None:
        self.results = results
        self.extensions_map = {**self.extensions_map, ".mjs": "text/javascript"}
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        self.results.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, Queue[str]]]:
    results: Queue[str] = Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, results, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", results
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
