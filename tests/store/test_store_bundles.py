"""Bundles: what goes out comes in elsewhere; what is not of the one form is refused, whatever it tries."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from contextlib import suppress
from hashlib import sha256
from random import Random

import pytest

from rtfsc import Runtime
from rtfsc.source import SourceFile
from runtime.store.bundles.errors import BadBundle
from runtime.store.bundles.transfer import export, import_bundle
from runtime.store.errors import StoreError

FORMS = ["modules.zip", "modules.tar", "modules"]


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin")
    with Runtime.init(store=folder / "store", home=folder / "home") as runtime:
        for name, body in (("shop", "(* 2 x)"), ("bank", "(+ 1 x)")):
            source = SourceFile(f"{name}.rtfs", f'(defn f "What {name} does" [x : Int] : Int {body})')
            runtime.publish(source, name=name, inputs=2)
        yield runtime


def elsewhere(origin, tmp_path, name="there"):
    """Another store of a user who trusts the same keys."""
    return Runtime(store=tmp_path / name, home=origin.paths.home)


@pytest.fixture
def bundle(origin, tmp_path):
    path = tmp_path / "good.zip"
    export(origin.store, origin.store.list(), path)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_what_goes_out_comes_in_elsewhere(origin, tmp_path, form):
    path = tmp_path / form
    assert [t.outcome for t in export(origin.store, origin.store.list(), path)] == ["taken"] * 2
    with elsewhere(origin, tmp_path) as there:
        assert [(t.name, t.outcome) for t in import_bundle(there.store, path)] == [
            ("bank", "taken"),
            ("shop", "taken"),
        ]
        assert [t.outcome for t in import_bundle(there.store, path)] == ["there"] * 2
        entry = there.store.get("shop")
        assert there.get(entry).f(21) == 42
        assert there.store.source(entry) == origin.store.source(origin.store.get("shop"))
        proof = there.store.log.record_of(there.store.fetch(entry).verified)
        assert (
            proof[1] == origin.store.log.record_of(origin.store.fetch(origin.store.get("shop")).verified)[1]
        )


@pytest.mark.parametrize("form", FORMS[:2])
def test_the_same_modules_give_the_same_file(origin, tmp_path, form):
    first, second = tmp_path / form, tmp_path / f"again-{form}"
    for path in (first, second):
        export(origin.store, origin.store.list(), path)
    assert first.read_bytes() == second.read_bytes()


def test_a_layout_is_one_that_other_tools_read(origin, tmp_path):
    path = tmp_path / "layout"
    export(origin.store, origin.store.list(), path)
    assert json.loads((path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((path / "index.json").read_text())
    for descriptor in index["manifests"]:
        kind, _, digest = descriptor["digest"].partition(":")
        data = (path / "blobs" / kind / digest).read_bytes()
        assert (sha256(data).hexdigest(), len(data)) == (digest, descriptor["size"])
        manifest = json.loads(data)
        for part in (manifest["config"], *manifest["layers"]):
            assert (path / "blobs/sha256" / part["digest"][7:]).stat().st_size == part["size"]


def test_strangers_get_nothing(origin, bundle, tmp_path):
    with Runtime(store=tmp_path / "s", home=tmp_path / "stranger") as stranger:
        taken = import_bundle(stranger.store, bundle)
        assert [(t.outcome, t.reason[:4]) for t in taken] == [("refused", "T002")] * 2
        assert stranger.store.list() == []


def test_revocations_travel_along(origin, tmp_path):
    from runtime.store.signing import withdraw

    with Runtime.init(store=tmp_path / "a", home=tmp_path / "home") as mine:
        for name in ("good", "bad"):
            mine.publish(
                SourceFile("x", f"(defn {name} [x : Int] : Int (+ x {len(name)}))"), name=name, inputs=1
            )
        export(mine.store, mine.store.list(), tmp_path / "before.zip")
        withdraw(mine.store, mine.store.get("bad"), "wrong", mine.keys.load("local", None))
        export(mine.store, [mine.store.get("good")], tmp_path / "after.zip")
        with Runtime(store=tmp_path / "b", home=tmp_path / "home") as there:
            import_bundle(there.store, tmp_path / "after.zip")
            taken = {
                t.name: (t.outcome, t.reason[:4]) for t in import_bundle(there.store, tmp_path / "before.zip")
            }
            assert taken == {"good": ("there", ""), "bad": ("refused", "T008")}


# --- attacks


def rewritten(bundle, path, change):
    """The zip with its members, as [(name or ZipInfo, data)], changed."""
    with zipfile.ZipFile(bundle) as old:
        members = [(member.filename, old.read(member)) for member in old.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in change(members):
            new.writestr(name, data)
    return path


def refused(origin, tmp_path, path, match):
    with elsewhere(origin, tmp_path) as there:
        with pytest.raises(BadBundle, match=match):
            import_bundle(there.store, path)
        assert there.store.list() == []


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "blobs/sha256/../../evil", "blobs\\evil", "evil", "blobs/sha256/" + "A" * 64],
)
def test_attack_path_traversal(origin, bundle, tmp_path, name):
    path = rewritten(bundle, tmp_path / "bad.zip", lambda members: [*members, (name, b"evil")])
    refused(origin, tmp_path, path, "has no place in a bundle")
    assert not (tmp_path.parent / "evil").exists()


def test_attack_symlink_in_a_zip(origin, bundle, tmp_path):
    link = zipfile.ZipInfo("blobs/sha256/" + "0" * 64)
    link.external_attr = 0o120777 << 16
    path = rewritten(bundle, tmp_path / "bad.zip", lambda members: [*members, (link, b"/etc/passwd")])
    refused(origin, tmp_path, path, "is a link")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_attack_links_and_devices_in_a_tar(origin, tmp_path, kind):
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("index.json")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(origin, tmp_path, path, "is a link or a device")


@pytest.mark.parametrize("place", ["index.json", "blobs"])
def test_attack_symlink_in_a_folder(origin, tmp_path, place):
    path = tmp_path / "layout"
    export(origin.store, origin.store.list(), path)
    os.rename(path / place, tmp_path / "outside")
    os.symlink(tmp_path / "outside", path / place)
    refused(origin, tmp_path, path, "cannot be read|is a link")


def test_attack_pipe_in_a_folder(origin, tmp_path):
    path = tmp_path / "layout"
    export(origin.store, origin.store.list(), path)
    (path / "index.json").unlink()
    os.mkfifo(path / "index.json")
    refused(origin, tmp_path, path, "is no file")


def test_attack_zip_bomb(origin, bundle, tmp_path):
    name = "blobs/sha256/" + "0" * 64
    path = rewritten(bundle, tmp_path / "bad.zip", lambda members: [*members, (name, bytes(300 << 20))])
    assert path.stat().st_size < 1 << 20
    refused(origin, tmp_path, path, "unpacks to")


def test_attack_zip_that_lies_about_its_size(origin, bundle, tmp_path):
    """The directory says that the index is small; unpacking stops where a reader would believe no more."""
    path = rewritten(
        bundle, tmp_path / "bad.zip",
        lambda members: [(n, b" " * (70 << 20) if n == "index.json" else d) for n, d in members],
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02", data.rindex(b"index.json") - 60)
    data[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    refused(origin, tmp_path, path, "index.json")


def test_attack_duplicate_entries(origin, bundle, tmp_path):
    def twice(members):
        return [*members, next(m for m in members if m[0] == "index.json")]

    with pytest.warns(UserWarning, match="Duplicate"):
        path = rewritten(bundle, tmp_path / "bad.zip", twice)
    refused(origin, tmp_path, path, "there twice")
    tar = tmp_path / "bad.tar"
    with tarfile.open(tar, "w") as archive:
        for name in ("./index.json", "index.json"):
            member = tarfile.TarInfo(name)
            archive.addfile(member, io.BytesIO())
    refused(origin, tmp_path, tar, "there twice")


def test_attack_duplicate_fields_in_the_index(origin, bundle, tmp_path):
    path = rewritten(
        bundle, tmp_path / "bad.zip",
        lambda members: [(n, b'{"manifests":[],' + d[1:] if n == "index.json" else d) for n, d in members],
    )  # fmt: skip
    refused(origin, tmp_path, path, "a field twice")


def test_attack_content_that_does_not_fit_its_digest(origin, bundle, tmp_path):
    """A manifest that was changed makes the whole bundle void; a module that was changed is refused alone."""
    wasm = {entry.digest for entry in origin.store.list()}

    def flip(chosen):
        def change(members):
            for name, data in members:
                if name.startswith("blobs/") and chosen(name[-64:], data):
                    data = bytes([data[0] ^ 1]) + data[1:]
                yield name, data

        return change

    manifests = rewritten(bundle, tmp_path / "m.zip", flip(lambda digest, data: b"artifactType" in data))
    refused(origin, tmp_path, manifests, "does not fit its digest")
    modules = rewritten(bundle, tmp_path / "w.zip", flip(lambda digest, data: digest in wasm))
    with elsewhere(origin, tmp_path) as there:
        taken = import_bundle(there.store, modules)
        assert [(t.outcome, t.reason[:5]) for t in taken] == [("refused", "ST020")] * 2
        assert there.store.list() == []


def test_attack_swapped_artifacts(origin, bundle, tmp_path):
    """Two modules with each other's code: every digest fits, the signatures do not."""
    first, second = (f"sha256:{entry.digest}".encode() for entry in origin.store.list())
    sizes = {
        d: len(origin.store.fetch(e).artifact)
        for d, e in zip((first, second), origin.store.list(), strict=True)
    }

    def swap(members):
        renamed, found = {}, dict(members)
        for name, data in list(found.items()):
            if b"artifactType" in data:
                mine, other = (first, second) if first in data else (second, first)
                document = json.loads(data)
                for layer in document["layers"]:
                    if layer["digest"].encode() == mine:
                        layer["digest"], layer["size"] = other.decode(), sizes[other]
                new = json.dumps(document).encode()
                renamed[name] = f"blobs/sha256/{sha256(new).hexdigest()}"
                found[renamed[name]] = new
                index = json.loads(found["index.json"])
                for descriptor in index["manifests"]:
                    if descriptor["digest"][7:] == name[-64:]:
                        descriptor["digest"], descriptor["size"] = f"sha256:{renamed[name][-64:]}", len(new)
                found["index.json"] = json.dumps(index).encode()
        return found.items()

    with elsewhere(origin, tmp_path) as there:
        taken = import_bundle(there.store, rewritten(bundle, tmp_path / "bad.zip", swap))
        assert [(t.outcome, t.reason[:4]) for t in taken] == [("refused", "T004")] * 2
        assert there.store.list() == []


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "neither"),
        (b"PK\x03\x04junk", "neither"),
        (b"junk" * 300, "neither"),
        (b"\0" * 10240, "missing"),
    ],
)
def test_what_is_no_bundle(origin, tmp_path, data, match):
    path = tmp_path / "bad"
    path.write_bytes(data)
    refused(origin, tmp_path, path, match)


def test_a_bundle_that_is_not_there(origin, tmp_path):
    refused(origin, tmp_path, tmp_path / "none.zip", "No such file")
    (tmp_path / "empty").mkdir()
    refused(origin, tmp_path, tmp_path / "empty", "cannot be read")


@pytest.mark.parametrize("cut", [10, 200, 3000, -30])
def test_a_bundle_that_was_cut_off(origin, bundle, tmp_path, cut):
    path = tmp_path / "cut.zip"
    path.write_bytes(bundle.read_bytes()[:cut])
    refused(origin, tmp_path, path, "neither|missing|JSON")
    tar = tmp_path / "cut.tar"
    export(origin.store, origin.store.list(), tar)
    tar.write_bytes(tar.read_bytes()[:-12000])
    refused(origin, tmp_path, tar, "neither|missing|cut|end of")


@pytest.mark.parametrize("damage", ["deflate", "version", "method", "name"])
def test_attack_zip_that_its_reader_does_not_expect(origin, bundle, tmp_path, damage):
    data = bytearray(bundle.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    if damage == "deflate":
        start = data.index(b"index.json") + len("index.json")
        data[start : start + 40] = b"\xff" * 40
    elif damage == "version":
        data[entry + 6] = 180
    elif damage == "method":
        data[entry + 10] = 14  # LZMA, which this is not
        data[data.rindex(b"PK\x03\x04") + 8] = 14
    else:
        data[entry + 28 : entry + 30] = bytes(2)
    path = tmp_path / "bad.zip"
    path.write_bytes(data)
    refused(origin, tmp_path, path, None)


def test_attack_random_damage(origin, bundle, tmp_path):
    """Whatever the readers of zip and tar files make of it, it is a module that is taken or a refusal."""
    tar = tmp_path / "good.tar"
    export(origin.store, origin.store.list(), tar)
    random, path = Random(5), tmp_path / "bad"
    with elsewhere(origin, tmp_path) as there:
        for number in range(300):
            data = bytearray((bundle, tar)[number % 2].read_bytes())
            for _ in range(random.choice([1, 3, 20])):
                near = random.randrange(min(900, len(data)))
                data[random.choice([near, len(data) - 1 - near])] = random.randrange(256)
            path.write_bytes(data)
            with suppress(StoreError):
                assert {t.outcome for t in import_bundle(there.store, path)} <= {"taken", "there", "refused"}


def test_an_older_version_that_comes_later_does_not_stand_for_the_name(tmp_path):
    """Nor does the order in a bundle decide."""
    with Runtime.init(store=tmp_path / "store", home=tmp_path / "home") as runtime:

        def publish(body):
            return runtime.publish(
                SourceFile("m.rtfs", f"(defn f [x : Int] : Int {body})"), name="m", inputs=1
            )

        old = publish("(+ x 1)").entry
        export(runtime.store, [old], tmp_path / "old.zip")
        new = publish("(+ x 2)").entry
        runtime.store.index.remove(old.id)
        assert [t.outcome for t in import_bundle(runtime.store, tmp_path / "old.zip")] == ["taken"]
        assert runtime.store.get("m").digest == new.digest
        assert runtime.get(runtime.store.get("m")).f(1) == 3
        export(runtime.store, runtime.store.list(), tmp_path / "both.zip")
        newest = publish("(+ x 3)").entry
        assert runtime.store.get("m").digest == newest.digest
        with Runtime(store=tmp_path / "other", home=tmp_path / "home") as other:
            assert {t.outcome for t in import_bundle(other.store, tmp_path / "both.zip")} == {"taken"}
            assert other.get(other.store.get("m")).f(1) == 3
