"""Push to and pull from an OCI registry.

A reference is ``registry.example/team/modules:tag`` (``http://…`` for a registry without TLS, on this machine
only). The tag names an image index whose manifests are those of the modules.  Credentials come from
``RTFSC_REGISTRY_USER`` and ``RTFSC_REGISTRY_PASSWORD``.

Source: the OCI distribution specification, 1.1, and the token protocol that registries share.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from runtime.store.bundles import documents as oci
from runtime.store.bundles.documents import Descriptor
from runtime.store.bundles.errors import RegistryError, RegistryUnreachable
from runtime.store.bundles.images import Packed, Taken, content, pack, pack_records, take_all
from runtime.store.errors import StoreError
from runtime.store.index import Entry
from runtime.store.store import ModuleStore
from runtime.trust.errors import TrustError

if TYPE_CHECKING:
    import urllib3

_REFERENCE = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)/"
    r"(?P<name>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_TIMEOUT_S = 30.0
_ATTEMPTS = 3


class Reference(NamedTuple):
    """``base``: address of the registry; ``name``: of the repository."""

    base: str
    name: str
    tag: str


def parse_reference(text: str) -> Reference:
    """Raises `RegistryError`."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise RegistryError(f"{text!r} names no repository", hint="host/path:tag, in lower case")
    host, scheme = match["host"], match["scheme"] or "https"
    if scheme == "http" and _host(host) not in _LOCAL:
        raise RegistryError(f"{text!r}: without TLS only a registry on this machine is used")
    return Reference(f"{scheme}://{host}", match["name"], match["tag"] or "latest")


def push(store: ModuleStore, entries: Iterable[Entry], reference: str) -> list[Taken]:
    """Uploads modules, and the index of all of them under the tag, last: who pulls meanwhile sees the former
    one. Raises `RegistryError`, `StoreError`."""
    registry = _Registry(parse_reference(reference))
    outcomes: list[Taken] = []
    images: list[tuple[Descriptor, dict[str, str]]] = []

    def send(packed: Packed) -> None:
        for data in packed.contents.values():
            registry.put_blob(data)
        manifest = packed.image.encode()
        descriptor = Descriptor.of(oci.MANIFEST, manifest)
        registry.put_manifest(f"sha256:{descriptor.digest}", oci.MANIFEST, manifest)
        images.append((descriptor, dict(packed.image.annotations)))

    records = pack_records(store)
    if records is not None:
        send(records)
    for entry in sorted(entries, key=lambda entry: (entry.name, entry.serial, entry.digest)):
        try:
            packed = pack(store, entry)
        except (TrustError, StoreError) as error:
            outcomes.append(Taken(entry.name, entry.digest, "refused", f"{error.code} {error.message}"))
            continue
        send(packed)
        outcomes.append(Taken(entry.name, entry.digest, "taken"))
    registry.put_manifest(registry.reference.tag, oci.INDEX, oci.index_of(images))
    return outcomes


def pull(store: ModuleStore, reference: str) -> list[Taken]:
    """Takes in what is trusted. Raises `RegistryError`, `BadBundle`, `StoreError`."""
    registry = _Registry(parse_reference(reference))
    images = []
    for descriptor in oci.read_index(registry.manifest(registry.reference.tag, oci.INDEX, oci.JSON_LIMIT)):
        if descriptor.media_type == oci.MANIFEST:
            images.append(oci.read_image(content(registry.image, descriptor)))
    return list(take_all(store, images, registry.blob))


class _Registry:
    """One repository. Requests are tried again where the registry is overloaded or a connection breaks."""

    def __init__(self, reference: Reference) -> None:
        try:
            import urllib3
        except ImportError:
            raise RegistryError(
                "registries need the package urllib3", hint="pip install 'rtfsc[team]'"
            ) from None

        self.reference = reference
        self._http = urllib3
        retries = urllib3.Retry(
            _ATTEMPTS, redirect=3, status_forcelist=(429, 502, 503, 504), allowed_methods=None,
            backoff_factor=0.2, raise_on_status=False, remove_headers_on_redirect=["authorization", "cookie"],
        )  # fmt: skip
        self._pool = urllib3.PoolManager(retries=retries, timeout=_TIMEOUT_S)
        self._authorization: str | None = None

    # -- what a store needs

    def put_blob(self, data: bytes) -> None:
        digest = f"sha256:{Descriptor.of('', data).digest}"
        if self._request("HEAD", f"blobs/{digest}", accepted=(200, 404)).status == 200:
            return
        start = self._request("POST", "blobs/uploads/", accepted=(202,))
        where = self._upload_address(start.headers.get("location", ""))
        separator = "&" if urlsplit(where).query else "?"
        self._request(
            "PUT", f"{where}{separator}{urlencode({'digest': digest})}", body=data, accepted=(201,),
            content_type="application/octet-stream",
        )  # fmt: skip

    def put_manifest(self, name: str, media_type: str, data: bytes) -> None:
        self._request("PUT", f"manifests/{name}", body=data, accepted=(201,), content_type=media_type)

    def manifest(self, name: str, accept: str, limit: int) -> bytes:
        return self._read(self._request("GET", f"manifests/{name}", accepted=(200,), accept=accept), limit)

    def image(self, descriptor: Descriptor, limit: int) -> bytes:
        return self.manifest(f"sha256:{descriptor.digest}", descriptor.media_type, limit)

    def blob(self, descriptor: Descriptor, limit: int) -> bytes:
        return self._read(self._request("GET", f"blobs/sha256:{descriptor.digest}", accepted=(200,)), limit)

    # -- requests

    def _upload_address(self, location: str) -> str:
        """Uploads may be sent to another path, never to another host: they carry the credentials."""
        try:
            address = urljoin(f"{self.reference.base}/", location)
            here = urlsplit(address)[:2] == urlsplit(self.reference.base)[:2]
        except ValueError:
            here = False
        if not here:
            raise RegistryError(f"{self.reference.base} sends uploads elsewhere")
        return address

    def _request(
        self,
        method: str,
        path: str,
        *,
        accepted: tuple[int, ...],
        body: bytes | None = None,
        accept: str = "*/*",
        content_type: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = path if "://" in path else f"{self.reference.base}/v2/{self.reference.name}/{path}"
        for first in (True, False):
            headers = {"accept": accept}
            if content_type is not None:
                headers["content-type"] = content_type
            if self._authorization is not None:
                headers["authorization"] = self._authorization
            answer = self._send(method, url, headers, body)
            if answer.status != 401 or not first:
                break
            answer.drain_conn()
            if not self._is_registry(answer.url or url):
                raise RegistryError(f"{self.reference.base} sends elsewhere, where credentials are asked for")
            self._authorization = self._authorized(answer.headers.get("www-authenticate", ""))
        if answer.status not in accepted:
            raise self._refusal(answer, f"{method} {path.partition('?')[0]}")
        if method != "GET":
            answer.drain_conn()
        return answer

    def _is_registry(self, url: str) -> bool:
        return "://" not in url or urlsplit(url)[:2] == urlsplit(self.reference.base)[:2]

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, url, headers=headers, body=body, preload_content=False)
        except (self._http.exceptions.HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise RegistryUnreachable(f"{self.reference.base} cannot be reached ({reason})") from error

    def _authorized(self, challenge: str) -> str:
        kind, _, rest = challenge.partition(" ")
        user, password = os.environ.get("RTFSC_REGISTRY_USER"), os.environ.get("RTFSC_REGISTRY_PASSWORD")
        basic = None
        if user and password:
            basic = self._http.make_headers(basic_auth=f"{user}:{password}")["authorization"]
        if kind.lower() == "basic":
            if basic is None:
                raise RegistryError(
                    f"{self.reference.base} asks who you are",
                    hint="set RTFSC_REGISTRY_USER and RTFSC_REGISTRY_PASSWORD",
                )
            return basic
        said = dict(_CHALLENGE.findall(rest))
        realm = said.get("realm", "")
        if kind.lower() != "bearer" or not _is_safe(realm):
            raise RegistryError(f"{self.reference.base} asks for credentials in a way that is not known")
        query = {key: said[key] for key in ("service", "scope") if key in said}
        headers = {"authorization": basic} if basic is not None else {}
        answer = self._send("GET", f"{realm}?{urlencode(query)}", headers, None)
        if answer.status != 200:
            raise self._refusal(answer, "the token")
        token = self._json(self._read(answer, 1 << 20))
        found = token.get("token") or token.get("access_token")
        if not isinstance(found, str):
            raise RegistryError(f"{self.reference.base} gives no token")
        return f"Bearer {found}"

    def _read(self, answer: urllib3.BaseHTTPResponse, limit: int) -> bytes:
        try:
            data = answer.read(limit + 1)
        except (self._http.exceptions.HTTPError, OSError) as error:
            raise RegistryUnreachable(f"{self.reference.base}: the answer broke off ({error})") from error
        finally:
            answer.close()
        if len(data) > limit:
            raise RegistryError(f"{self.reference.base}: an answer of more than {limit} bytes")
        return data

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}

    def _refusal(self, answer: urllib3.BaseHTTPResponse, doing: str) -> RegistryError:
        errors = self._json(self._read(answer, 1 << 20)).get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        said = first.get("message") if isinstance(first, dict) else None
        message = f"{self.reference.base}: {doing}: HTTP {answer.status}"
        if isinstance(said, str):
            message = f"{message} {said[:300]}".rstrip()
        if answer.status >= 500 or answer.status == 429:
            return RegistryUnreachable(message)
        hint = "are user and password right?" if answer.status in (401, 403) else None
        return RegistryError(message, hint=hint)


def _is_safe(realm: str) -> bool:
    """Whether credentials may be sent there: by TLS, or within this machine."""
    try:
        parts = urlsplit(realm)
        return parts.scheme == "https" or (parts.scheme == "http" and _host(parts.netloc) in _LOCAL)
    except ValueError:
        return False


def _host(place: str) -> str:
    """Without the port."""
    return place if place in _LOCAL else place.rpartition(":")[0]
