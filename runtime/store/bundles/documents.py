"""The JSON documents of an OCI image layout, as we write them and as we read them.

Sources: the OCI image format and image layout specifications, 1.1.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from runtime.store.bundles.errors import BadBundle

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MODULE = "application/vnd.rtfsc.module.v1"
RECORDS = "application/vnd.rtfsc.records.v1"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
WASM = "application/wasm"
IR = "application/vnd.rtfsc.ir.v1"
SOURCE = "application/vnd.rtfsc.source.v1"
RECORD = "application/vnd.rtfsc.record.v1"
EMPTY = "application/vnd.oci.empty.v1+json"
TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
JSON_LIMIT = 64 << 20
MANIFEST_LIMIT = 4 << 20
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class Descriptor(NamedTuple):
    """``digest``: 64 hex digits of SHA-256."""

    media_type: str
    digest: str
    size: int

    @classmethod
    def of(cls, media_type: str, data: bytes) -> Descriptor:
        return cls(media_type, hashlib.sha256(data).hexdigest(), len(data))

    @property
    def name(self) -> str:
        return f"blobs/sha256/{self.digest}"

    def to_json(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": f"sha256:{self.digest}", "size": self.size}


class Image(NamedTuple):
    """A manifest: ``kind`` is its artifact type."""

    kind: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]

    def encode(self) -> bytes:
        return encode(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": self.kind,
                "config": self.config.to_json(),
                "layers": [layer.to_json() for layer in self.layers],
                "annotations": dict(self.annotations),
            }
        )

    def layer(self, media_type: str) -> Descriptor | None:
        """The one of this type. Raises `BadBundle` if there are several."""
        found = [layer for layer in self.layers if layer.media_type == media_type]
        if len(found) > 1:
            raise BadBundle(f"a manifest has {len(found)} layers of type {media_type}")
        return found[0] if found else None


def encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def index_of(images: Iterable[tuple[Descriptor, Mapping[str, str]]]) -> bytes:
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{**d.to_json(), "annotations": dict(notes)} for d, notes in images],
        }
    )


def read_index(data: bytes) -> list[Descriptor]:
    """The manifests of a layout or of a registry's index. Raises `BadBundle`."""
    document = parse(data, "index.json")
    manifests = document.get("manifests")
    if not isinstance(manifests, list):
        raise BadBundle("index.json lists no manifests")
    return [_descriptor(item, "index.json") for item in manifests]


def read_image(data: bytes) -> Image:
    """Raises `BadBundle`."""
    document = parse(data, "a manifest")
    layers, notes = document.get("layers"), document.get("annotations", {})
    if not isinstance(layers, list) or not isinstance(notes, dict):
        raise BadBundle("a manifest has no layers, or annotations that are none")
    kind = document.get("artifactType")
    if not isinstance(kind, str):
        raise BadBundle("a manifest says no artifact type")
    return Image(
        kind,
        _descriptor(document.get("config"), "a manifest"),
        tuple(_descriptor(layer, "a manifest") for layer in layers),
        {str(key): str(value) for key, value in notes.items()},
    )


def parse(data: bytes, what: str) -> dict[str, Any]:
    """Raises `BadBundle` for what is no JSON object, or has a field twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise BadBundle(f"{what} has a field twice")
        return found

    try:
        document = json.loads(data, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise BadBundle(f"{what} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadBundle(f"{what} is no JSON object")
    return document


def _descriptor(item: Any, what: str) -> Descriptor:
    if not isinstance(item, dict):
        raise BadBundle(f"{what} has a descriptor that is none")
    media_type, digest, size = item.get("mediaType"), item.get("digest"), item.get("size")
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if not isinstance(media_type, str) or match is None or type(size) is not int or size < 0:
        raise BadBundle(f"{what} has a descriptor without type, SHA-256 digest or size")
    return Descriptor(media_type, match[1], size)
