"""Export to and import from a folder, a zip or a tar file: a whole store, or some of its modules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runtime.store.bundles import containers
from runtime.store.bundles import documents as oci
from runtime.store.bundles.documents import Descriptor, Image
from runtime.store.bundles.errors import BadBundle
from runtime.store.bundles.images import Packed, Taken, content, pack, pack_records, take_all
from runtime.store.errors import StoreError
from runtime.store.index import Entry
from runtime.store.store import ModuleStore
from runtime.trust.errors import TrustError


def export(store: ModuleStore, entries: Iterable[Entry], path: Path) -> list[Taken]:
    """Writes modules as an OCI image layout; ``x.zip`` and ``x.tar`` are files, all else is a folder. The
    outcome of each: ``taken`` or ``refused`` (nothing leaves that this store would not run)."""
    outcomes: list[Taken] = []
    images: list[tuple[Descriptor, dict[str, str]]] = []
    written: set[str] = set()
    with containers.created(path) as sink:

        def write(packed: Packed) -> None:
            manifest = packed.image.encode()
            descriptor = Descriptor.of(oci.MANIFEST, manifest)
            for digest, data in {**packed.contents, descriptor.digest: manifest}.items():
                if digest not in written:
                    written.add(digest)
                    sink.write(f"blobs/sha256/{digest}", data)
            images.append((descriptor, dict(packed.image.annotations)))

        records = pack_records(store)
        if records is not None:
            write(records)
        for entry in sorted(entries, key=lambda entry: (entry.name, entry.serial, entry.digest)):
            try:
                write(pack(store, entry))
                outcomes.append(Taken(entry.name, entry.digest, "taken"))
            except (TrustError, StoreError) as error:
                if isinstance(error, StoreError) and error.passing:
                    raise
                outcomes.append(Taken(entry.name, entry.digest, "refused", f"{error.code} {error.message}"))
        sink.write("oci-layout", oci.LAYOUT)
        sink.write("index.json", oci.index_of(images))
    return outcomes


def import_bundle(store: ModuleStore, path: Path) -> list[Taken]:
    """Takes in what is trusted. Raises `BadBundle` for what is no bundle, `StoreError`."""
    with containers.opened(path) as container:

        def fetch(descriptor: Descriptor, limit: int) -> bytes:
            return container.read(descriptor.name, limit)

        layout = oci.parse(container.read("oci-layout", 4096), "oci-layout")
        if not str(layout.get("imageLayoutVersion", "")).startswith("1."):
            raise BadBundle(f"{path}: not an image layout of version 1")
        images: list[Image] = []
        for descriptor in oci.read_index(container.read("index.json", oci.JSON_LIMIT)):
            if descriptor.media_type == oci.MANIFEST:
                images.append(oci.read_image(content(fetch, descriptor)))
        return list(take_all(store, images, fetch))
