"""Blobs as in Azure: Azurite, Microsoft's emulator, from npm."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import urllib.request
from datetime import UTC, datetime

from services import Unavailable
from services.npm import installed
from services.process import Child, Server

VERSION = "3.37.0"
ACCOUNT, CONTAINER = "rtfsc", "modules"
_API = "2021-08-06"
_OPTIONS = ("--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent")


class Azure(Server):
    """Keeps its blobs in memory: they are gone when it stops."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise Unavailable("azurite runs in Node, and there is no node here")
        self._command = [node, str(installed("azurite", VERSION) / "azurite/dist/src/blob/main.js")]
        super().__init__("azure")
        self._key = secrets.token_bytes(64)

    @property
    def url(self) -> str:
        """Of the account."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def settings(self) -> dict[str, str]:
        """With the location of an empty container."""
        return {
            "RTFSC_TEST_AZURE": f"az://{CONTAINER}?account={ACCOUNT}&endpoint={self.url}",
            "AZURE_STORAGE_ACCOUNT_KEY": self._secret,
        }

    @property
    def _secret(self) -> str:
        return base64.b64encode(self._key).decode()

    def start(self) -> None:
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), *_OPTIONS]
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{self._secret}"}
        log = self.folder / "azurite.log"
        self._run(Child([*self._command, *options], log, environment, self.folder))
        self._make_container()

    def _make_container(self) -> None:
        """Signed by the account's key, as Azure's REST reference says under "Authorize with Shared Key"."""
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"x-ms-date": date, "x-ms-version": _API}
        shown = "".join(f"{name}:{value}\n" for name, value in headers.items())
        text = "PUT" + "\n" * 12 + shown + f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
        signature = base64.b64encode(hmac.digest(self._key, text.encode(), hashlib.sha256)).decode()
        headers |= {"Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"}
        address = f"{self.url}/{CONTAINER}?restype=container"
        request = urllib.request.Request(address, method="PUT", headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=300).close()
        except OSError as error:
            raise Unavailable(f"azurite made no container: {error}") from error
