from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import sha, trusting

from runtime.trust import store as trust_store
from runtime.trust.errors import TrustStoreError
from runtime.trust.file import TrustFile
from runtime.trust.keys import SigningKey
from runtime.trust.policy import Policy
from runtime.trust.statement import Validity
from runtime.trust.store import TrustedKey, TrustStore

KEY = SigningKey.generate().public


def test_an_absent_file_trusts_nothing_and_is_not_made(tmp_path: Path) -> None:
    assert TrustFile(tmp_path / "x" / "trust.json").load() == TrustStore()
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    key = TrustedKey(KEY, "Zoë", ("shop.*", "lib"), Validity(1, 2_000_000_000))
    trust = (
        TrustStore(policy=Policy(2, 30)).with_key(key).revoke_key(sha("k"), "lost").revoke_module(sha("m"))
    )
    file = TrustFile(tmp_path / "home" / "trust.json")
    assert file.change(lambda _: trust) == trust
    assert file.load() == trust
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("namespaces", "name", "covered"),
    [
        (("*",), "anything", True),
        (("*",), "", True),
        (("shop.*",), "shop.pricing", True),
        (("shop.*",), "shop", False),
        (("shop.*",), "shopping.x", False),
        (("shop.pricing",), "shop.pricing", True),
        (("shop.pricing",), "shop.pricing.eu", False),
        (("a", "b.*"), "b.c.d", True),
        (("a",), "", False),
    ],
)
def test_namespaces(namespaces: tuple[str, ...], name: str, covered: bool) -> None:
    assert TrustedKey(KEY, "k", namespaces).covers(name) is covered


def test_keys_are_found_by_name_and_id() -> None:
    trust = trusting(SigningKey.generate(), SigningKey.generate())
    first = trust.keys[0]
    assert trust.resolve("key-0") == first == trust.resolve(first.public.key_id[:12])
    for text in ("nobody", first.public.key_id[:4], ""):
        with pytest.raises(TrustStoreError, match="no trusted keys"):
            trust.resolve(text)


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(TrustStoreError, match="Another key"):
        trusting(SigningKey.generate()).with_key(TrustedKey(KEY, "key-0"))


def test_adding_a_key_again_replaces_what_is_said_about_it() -> None:
    trust = TrustStore().with_key(TrustedKey(KEY, "a")).with_key(TrustedKey(KEY, "b", ("shop",)))
    assert trust.keys == (TrustedKey(KEY, "b", ("shop",)),)
    assert trust.without_key(KEY.key_id).keys == ()
    with pytest.raises(TrustStoreError, match="namespaces"):
        trust.with_key(TrustedKey(KEY, "b", ()))


def encoded(**changes: object) -> bytes:
    return json.dumps(
        {**json.loads(TrustStore().with_key(TrustedKey(KEY, "a")).encode()), **changes}
    ).encode()


ENTRY = json.loads(encoded())["keys"][0]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not JSON"),
        (b"{}", "missing"),
        (encoded(schema=2), "schema 2"),
        (encoded(extra=1), "unknown field"),
        (encoded(keys=[ENTRY, ENTRY]), "same key twice"),
        (encoded(keys=[{**ENTRY, "algorithm": "rsa"}]), "not supported"),
        (encoded(keys=[{**ENTRY, "id": sha("other")}]), "not that of the key"),
        (encoded(policy={"signatures": 0, "least_inputs": 0}), "out of range"),
        (b'{"schema":1,"schema":1}', "duplicate field"),
    ],
)
def test_a_doubtful_file_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(TrustStoreError, match=text):
        trust_store.parse(data)


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    file = TrustFile(tmp_path / "trust.json")
    file.change(lambda trust: trust)
    file.path.chmod(0o666)
    with pytest.raises(TrustStoreError, match="others can write"):
        file.load()


def test_a_failed_change_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = TrustFile(tmp_path / "trust.json")
    before = file.change(lambda trust: trust.with_key(TrustedKey(KEY, "a")))

    def fails(trust: TrustStore) -> TrustStore:
        raise TrustStoreError("no")

    with pytest.raises(TrustStoreError):
        file.change(fails)
    assert file.load() == before


def test_processes_that_change_the_file_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    code = """
import sys
from pathlib import Path
from runtime.trust.keys import SigningKey
from runtime.trust.file import TrustFile
from runtime.trust.store import TrustedKey
for i in range(5):
    key = TrustedKey(SigningKey.generate().public, f"{sys.argv[2]}-{i}")
    TrustFile(Path(sys.argv[1])).change(lambda trust: trust.with_key(key))
"""
    children = [subprocess.Popen([sys.executable, "-c", code, path, name]) for name in "abc"]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(TrustFile(path).load().keys) == 15
