"""Between a store and images: what of a module goes into one, and what is believed of one that comes.

The publisher's signed statement comes along and is verified again where the module arrives; the statement is
about the artifact, so nothing else of the image is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from runtime.store import blobs
from runtime.store.bundles import documents as oci
from runtime.store.bundles.documents import Descriptor, Image
from runtime.store.bundles.errors import BadBundle
from runtime.store.errors import StoreError
from runtime.store.index import Entry
from runtime.store.log_tree import read_record
from runtime.store.store import ModuleStore
from runtime.trust.errors import NotLogged, TrustError

_ARTIFACTS = {"wasm32": oci.WASM, "rtfs-ir": oci.IR}
RECORD_LIMIT = 1 << 20
_LIMITS = {
    oci.ENVELOPE: blobs.MANIFEST.limit,
    oci.WASM: blobs.WASM.limit,
    oci.IR: blobs.IR.limit,
    oci.SOURCE: blobs.SOURCE.limit,
    oci.RECORD: RECORD_LIMIT,
    oci.EMPTY: 2,
}

Fetch = Callable[[Descriptor, int], bytes]
"""The content of a descriptor, of at most so many bytes; hashed by the caller."""


class Packed(NamedTuple):
    """An image, and the contents it names by digest."""

    image: Image
    contents: dict[str, bytes]


class Taken(NamedTuple):
    """What became of a module: ``outcome`` is ``taken``, ``there`` (already) or ``refused``."""

    name: str
    digest: str
    outcome: str
    reason: str = ""


def pack(store: ModuleStore, entry: Entry) -> Packed:
    """Raises `TrustError`, `StoreError`: only what this store would run itself leaves it."""
    fetched = store.fetch(entry)
    contents: dict[str, bytes] = {}

    def put(media_type: str, data: bytes) -> Descriptor:
        descriptor = Descriptor.of(media_type, data)
        contents[descriptor.digest] = data
        return descriptor

    layers = [put(_ARTIFACTS[entry.description.target], fetched.artifact)]
    source, ir = store.source(entry), store.ir(entry)
    if source is not None:
        layers.append(put(oci.SOURCE, source.encode()))
    if ir is not None:
        layers.append(put(oci.IR, ir))
    with suppress(NotLogged):  # published before there was a log
        layers.append(put(oci.RECORD, store.log.record_of(fetched.verified)[1]))
    notes = {oci.TITLE: entry.name, oci.VERSION: str(entry.serial)}
    return Packed(Image(oci.MODULE, put(oci.ENVELOPE, store.manifest(entry)), tuple(layers), notes), contents)


def pack_records(store: ModuleStore) -> Packed | None:
    """Revocations and rotations travel with every copy; None where there are none."""
    leaves = [signed.leaf for signed in (*store.log.revocations(), *store.log.rotations())]
    if not leaves:
        return None
    contents = {Descriptor.of(oci.RECORD, leaf).digest: leaf for leaf in leaves}
    layers = tuple(Descriptor.of(oci.RECORD, leaf) for leaf in dict.fromkeys(leaves))
    empty = b"{}"
    config = Descriptor.of(oci.EMPTY, empty)
    return Packed(
        Image(oci.RECORDS, config, layers, {oci.TITLE: "records"}), {**contents, config.digest: empty}
    )


def take_records(store: ModuleStore, image: Image, fetch: Fetch) -> int:
    """Adopts the records of trusted keys; returns how many were new. Raises `BadBundle`, `StoreError`."""
    found = (read_record(content(fetch, layer)) for layer in image.layers if layer.media_type == oci.RECORD)
    trusted = [signed for signed in found if signed is not None and store.verifier.signers_of(signed)]
    return store.log.adopt(trusted)


def take(store: ModuleStore, image: Image, fetch: Fetch) -> Taken:
    """Verifies a module and puts it into the store. Raises `StoreError` where the store fails, or the image
    is none of ours; what is not trusted is refused, with the reason."""
    name = image.annotations.get(oci.TITLE, "")
    targets = [target for target, media_type in _ARTIFACTS.items() if image.layer(media_type)]
    if image.config.media_type != oci.ENVELOPE or not targets:
        raise BadBundle(f"{name or 'an image'} is no module")
    artifact_layer = image.layer(_ARTIFACTS[targets[0]])
    assert artifact_layer is not None
    manifest, artifact = content(fetch, image.config), content(fetch, artifact_layer)
    source_layer, record_layer = image.layer(oci.SOURCE), image.layer(oci.RECORD)
    ir_layer = image.layer(oci.IR) if targets[0] != "rtfs-ir" else None
    source = content(fetch, source_layer) if source_layer else None
    try:
        entry, created = store.accept(
            manifest,
            artifact,
            source=source.decode("utf-8", "strict") if source is not None else None,
            ir=content(fetch, ir_layer) if ir_layer else None,
            record=content(fetch, record_layer) if record_layer else None,
        )
    except UnicodeDecodeError:
        raise BadBundle(f"{name}: a source that is not UTF-8") from None
    except TrustError as error:
        return Taken(name, artifact_layer.digest, "refused", f"{error.code} {error.message}")
    return Taken(entry.name, entry.digest, "taken" if created else "there")


def content(fetch: Fetch, descriptor: Descriptor) -> bytes:
    """Hashed: what a container hands out is what the descriptor names. Raises `BadBundle`."""
    limit = _LIMITS.get(descriptor.media_type, oci.MANIFEST_LIMIT)
    if descriptor.size > limit:
        raise BadBundle(f"{descriptor.digest[:16]}: {descriptor.size} bytes, the limit is {limit}")
    data = fetch(descriptor, descriptor.size)
    if Descriptor.of(descriptor.media_type, data) != descriptor:
        raise BadBundle(f"{descriptor.digest[:16]}: the content does not fit its digest")
    return data


def take_all(store: ModuleStore, images: Iterable[Image], fetch: Fetch) -> Iterator[Taken]:
    """Records first: what is revoked must not come in. A module that cannot be read is refused alone."""
    modules = []
    for image in images:
        if image.kind == oci.RECORDS:
            take_records(store, image, fetch)
        elif image.kind == oci.MODULE:
            modules.append(image)
    for image in modules:
        try:
            yield take(store, image, fetch)
        except BadBundle as error:
            yield Taken(image.annotations.get(oci.TITLE, ""), "", "refused", f"{error.code} {error.message}")


__all__ = ["Packed", "StoreError", "Taken", "pack", "pack_records", "take", "take_all", "take_records"]
