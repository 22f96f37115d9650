"""Push to and pull from a real OCI registry."""

from __future__ import annotations

import pytest
from servers import running

from rtfsc import Runtime
from rtfsc.source import SourceFile
from runtime.store.bundles.errors import BadBundle, RegistryError, RegistryUnreachable
from runtime.store.bundles.registry import parse_reference, pull, push
from services.registry import Registry

# "team" with the password "secret", as htpasswd -B writes it.
USERS = "team:$2y$05$h5WixhZE3Xrke9oXaUoqje5rsaOqCxiWjJf9Pvcq6NWzg6GsmEBtm\n"


@pytest.fixture(scope="module")
def registry():
    with running(Registry) as server:
        yield server


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin")
    with Runtime.init(store=folder / "store", home=folder / "home") as runtime:
        source = SourceFile("shop.rtfs", "(defn twice [x : Int] : Int (* 2 x))")
        runtime.publish(source, name="shop", inputs=2)
        yield runtime


def test_what_is_pushed_is_pulled_elsewhere(origin, registry, tmp_path):
    reference = f"{registry.address}/team/modules:v1"
    assert [t.outcome for t in push(origin.store, origin.store.list(), reference)] == ["taken"]
    assert [t.outcome for t in push(origin.store, origin.store.list(), reference)] == ["taken"]
    with Runtime(store=tmp_path / "there", home=origin.paths.home) as there:
        assert [(t.name, t.outcome) for t in pull(there.store, reference)] == [("shop", "taken")]
        assert there.get(there.store.get("shop")).twice(21) == 42
    with Runtime(store=tmp_path / "stranger", home=tmp_path / "home") as stranger:
        assert [(t.outcome, t.reason[:4]) for t in pull(stranger.store, reference)] == [("refused", "T002")]


def test_what_is_not_there(origin, registry, tmp_path):
    with pytest.raises(RegistryError, match="404"):
        pull(origin.store, f"{registry.address}/team/none:v1")


def test_what_is_no_index(origin, registry):
    import urllib3

    reference = parse_reference(f"{registry.address}/team/odd:v1")
    body = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    url = f"{reference.base}/v2/{reference.name}/manifests/v1"
    headers = {"content-type": "application/vnd.oci.image.index.v1+json"}
    assert urllib3.request("PUT", url, body=body, headers=headers).status == 201
    assert pull(origin.store, f"{registry.address}/team/odd:v1") == []


def test_a_registry_that_asks_who_you_are(origin, tmp_path, monkeypatch):
    monkeypatch.delenv("RTFSC_REGISTRY_USER", raising=False)
    with running(lambda: Registry(USERS)) as server:
        reference = f"{server.address}/team/modules:v1"
        with pytest.raises(RegistryError, match="asks who you are") as caught:
            push(origin.store, origin.store.list(), reference)
        assert "RTFSC_REGISTRY_USER" in caught.value.hint
        monkeypatch.setenv("RTFSC_REGISTRY_USER", "team")
        monkeypatch.setenv("RTFSC_REGISTRY_PASSWORD", "wrong")
        with pytest.raises(RegistryError, match="401"):
            push(origin.store, origin.store.list(), reference)
        monkeypatch.setenv("RTFSC_REGISTRY_PASSWORD", "secret")
        assert [t.outcome for t in push(origin.store, origin.store.list(), reference)] == ["taken"]
        with Runtime(store=tmp_path / "there", home=origin.paths.home) as there:
            assert [t.outcome for t in pull(there.store, reference)] == ["taken"]


def test_a_registry_that_is_gone(origin):
    with running(Registry) as server:
        reference = f"{server.address}/team/modules:v1"
    with pytest.raises(RegistryUnreachable, match="cannot be reached"):
        pull(origin.store, reference)


@pytest.mark.parametrize(
    "text",
    ["modules", "host/UPPER", "http://registry.example/team/modules", "ftp://host/a", "host/a:b:c", ""],
)
def test_references_that_are_none(text):
    with pytest.raises(RegistryError):
        parse_reference(text)


def test_references():
    assert parse_reference("registry.example/team/modules") == (
        "https://registry.example",
        "team/modules",
        "latest",
    )
    assert parse_reference("http://127.0.0.1:5000/a:b") == ("http://127.0.0.1:5000", "a", "b")


__all__ = ["BadBundle"]
