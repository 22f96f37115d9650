"""What an attacker may do to a store or a manifest, one test each, named after the defect, on every backend.

Every case must end in its own error, and nothing is returned.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from shops import Place, Shop, open_shop_at
from store_samples import ARTIFACT, NOW, predicate, sha, trusting, verifier

from runtime.store import store as store_module
from runtime.store.blobs import MANIFEST, SOURCE, WASM, digest_of
from runtime.store.errors import CorruptBlob, MissingBlob, TooLarge
from runtime.trust import envelope as dsse
from runtime.trust import strict
from runtime.trust.errors import (
    BadSignature,
    DigestMismatch,
    Expired,
    InsufficientCertificate,
    Malformed,
    NotYetValid,
    OutsideNamespace,
    RevokedKey,
    RevokedModule,
    StatementMismatch,
    TooFewSignatures,
    TrustError,
    Unsigned,
    UntrustedKey,
)
from runtime.trust.keys import SigningKey
from runtime.trust.statement import Certificate, Statement, Validity
from runtime.trust.store import TrustedKey, TrustStore


def refused(shop: Shop, error: type[Exception], match: str | None = None, **opening: Any) -> None:
    """The entry, as another process finds it, is refused with this error."""
    store = shop.reopened(**opening)
    [entry] = store.find_by_interface(sha("interface"))
    with pytest.raises(error, match=match) as caught:
        store.fetch(entry)
    assert type(caught.value) is error


def test_the_untouched_module_is_accepted(shop: Shop) -> None:
    store = shop.reopened()
    [entry] = store.find_by_interface(sha("interface"))
    fetched = store.fetch(entry)
    assert fetched.artifact == ARTIFACT
    assert fetched.signers == (shop.key.public.key_id,)


def test_flipped_byte_in_blob(shop: Shop) -> None:
    data = bytearray(ARTIFACT)
    data[len(data) // 2] ^= 1
    shop.overwrite(WASM, shop.entry.digest, bytes(data))
    refused(shop, CorruptBlob)


def test_flipped_byte_in_manifest(shop: Shop) -> None:
    data = bytearray(shop.manifest)
    data[len(data) // 2] ^= 1
    shop.overwrite(MANIFEST, shop.entry.signature, bytes(data))
    refused(shop, CorruptBlob)


def test_truncated_blob(shop: Shop) -> None:
    shop.overwrite(WASM, shop.entry.digest, ARTIFACT[: len(ARTIFACT) // 2])
    refused(shop, CorruptBlob)


def test_empty_blob(shop: Shop) -> None:
    shop.overwrite(WASM, shop.entry.digest, b"")
    refused(shop, CorruptBlob)


def test_missing_blob(shop: Shop) -> None:
    shop.delete(WASM, shop.entry.digest)
    refused(shop, MissingBlob)


def test_missing_manifest(shop: Shop) -> None:
    shop.delete(MANIFEST, shop.entry.signature)
    refused(shop, MissingBlob)


def test_swapped_manifest(shop: Shop) -> None:
    """The genuine manifest of another module of the same signer."""
    other = shop.publish(salt="2", name="other")
    shop.store.index.remove(other.id)
    shop.forge(signature=other.signature)
    refused(shop, DigestMismatch)


def test_unsigned_row(shop: Shop) -> None:
    shop.forge(signature="")
    refused(shop, Unsigned)


def test_unsigned_envelope(shop: Shop) -> None:
    value = json.loads(shop.manifest)
    shop.plant_manifest(strict.canonical({**value, "signatures": []}))
    refused(shop, Unsigned)


def test_wrong_key(shop: Shop) -> None:
    """A stranger signs a statement that is right in every word."""
    payload = shop.payload
    shop.plant_manifest(dsse.sign(payload, SigningKey.generate()).encode())
    refused(shop, UntrustedKey)


def test_a_strangers_signature_under_a_trusted_id(shop: Shop) -> None:
    payload = shop.payload
    forged = dsse.sign(payload, SigningKey.generate()).signatures[0]
    lie = dsse.Signature(shop.key.public.key_id, forged.value)
    shop.plant_manifest(dsse.Envelope(payload, (lie,)).encode())
    refused(shop, BadSignature)


def test_changed_statement_under_the_old_signature(shop: Shop) -> None:
    genuine = dsse.parse(shop.manifest)
    payload = genuine.payload.replace(b'"effects":[]', b'"effects":["network"]', 1)
    assert payload != genuine.payload
    shop.plant_manifest(dsse.Envelope(payload, genuine.signatures).encode())
    refused(shop, BadSignature)


def test_empty_trust_store(shop: Shop) -> None:
    refused(shop, UntrustedKey, trust=TrustStore())


def test_signature_that_covers_the_bare_payload(shop: Shop) -> None:
    """Without the pre-authentication encoding the payload type would not be signed."""
    payload = shop.payload
    bare = dsse.Signature(shop.key.public.key_id, shop.key.sign(payload))
    shop.plant_manifest(dsse.Envelope(payload, (bare,)).encode())
    refused(shop, BadSignature)


def test_revoked_key(shop: Shop) -> None:
    trust = trusting(shop.key).revoke_key(shop.key.public.key_id, "laptop stolen")
    refused(shop, RevokedKey, "laptop stolen", trust=trust)


def test_revoked_module(shop: Shop) -> None:
    refused(
        shop,
        RevokedModule,
        "wrong tax",
        trust=trusting(shop.key).revoke_module(digest_of(ARTIFACT), "wrong tax"),
    )


def test_expired_manifest(place: Place) -> None:
    shop = open_shop_at(place, validity=Validity(None, NOW + 10))
    refused(shop, Expired, now=NOW + 11)


def test_not_yet_valid_manifest(place: Place) -> None:
    shop = open_shop_at(place, validity=Validity(NOW, None))
    refused(shop, NotYetValid, now=NOW - 301)


@pytest.mark.parametrize(
    ("validity", "error"), [(Validity(None, NOW - 1), Expired), (Validity(NOW + 301, None), NotYetValid)]
)
def test_key_outside_its_validity(shop: Shop, validity: Validity, error: type[TrustError]) -> None:
    key = TrustedKey(shop.key.public, "temporary", validity=validity)
    refused(shop, error, "temporary", trust=TrustStore().with_key(key))


def test_signature_outside_namespace(shop: Shop) -> None:
    key = TrustedKey(shop.key.public, "lib team", namespaces=("lib.*", "shop"))
    refused(shop, OutsideNamespace, trust=TrustStore().with_key(key))


def test_too_few_signatures(shop: Shop) -> None:
    refused(shop, TooFewSignatures, "asks for", trust=trusting(shop.key, signatures=2))


def test_too_few_certified_inputs(shop: Shop) -> None:
    refused(shop, InsufficientCertificate, trust=trusting(shop.key, least_inputs=1))


def test_certificate_that_suffices(place: Place) -> None:
    shop = open_shop_at(place, certificate=Certificate(0, 30, 0, ("evaluator", "wasm32"), sha("inputs")))
    store = shop.reopened(trust=trusting(shop.key, least_inputs=30))
    assert store.fetch(store.list()[0]).statement.predicate.certificate is not None


def test_two_signatures_satisfy_a_policy_of_two(shop: Shop) -> None:
    second = SigningKey.generate()
    manifest = dsse.sign(shop.payload, shop.key, second).encode()
    check = verifier(trusting(shop.key, second, signatures=2))
    assert len(check.verify(manifest, digest_of(ARTIFACT)).signers) == 2


def test_one_signature_counted_twice(shop: Shop) -> None:
    value = json.loads(shop.manifest)
    manifest = strict.canonical({**value, "signatures": value["signatures"] * 2})
    with pytest.raises(Malformed):
        verifier(trusting(shop.key, signatures=2)).verify(manifest, digest_of(ARTIFACT))


def test_manifest_with_duplicate_fields(shop: Shop) -> None:
    data = shop.manifest
    shop.plant_manifest(data.replace(b'{"payload"', b'{"payload":"e30=","payload"', 1))
    refused(shop, Malformed, "duplicate field")


def test_signed_statement_with_duplicate_fields(shop: Shop) -> None:
    payload = shop.payload
    payload = payload.replace(b'{"_type"', b'{"_type":"x","_type"', 1)
    shop.plant_manifest(dsse.sign(payload, shop.key).encode())
    refused(shop, Malformed, "duplicate field")


@pytest.mark.parametrize("field", ["alg", "algorithm", "cert"])
def test_algorithm_downgrade_in_the_envelope(shop: Shop, field: str) -> None:
    value = json.loads(shop.manifest)
    value["signatures"][0][field] = "none"
    shop.plant_manifest(strict.canonical(value))
    refused(shop, Malformed, "unknown field")


def test_digest_algorithm_downgrade(shop: Shop) -> None:
    value = json.loads(shop.payload)
    value["subject"][0]["digest"] = {"md5": "0" * 32}
    shop.plant_manifest(dsse.sign(strict.canonical(value), shop.key).encode())
    refused(shop, Malformed)


def test_unknown_payload_type(shop: Shop) -> None:
    value = json.loads(shop.manifest)
    shop.plant_manifest(strict.canonical({**value, "payloadType": "application/vnd.in-toto+xml"}))
    refused(shop, Malformed, "payloadType")


def test_oversize_manifest(shop: Shop) -> None:
    with pytest.raises(Malformed, match="limit"):
        verifier(trusting(shop.key)).verify(b" " * (dsse.ENVELOPE_LIMIT + 1), digest_of(ARTIFACT))


def test_index_row_pointing_to_another_blob(shop: Shop) -> None:
    """Both modules are genuine: the row of one gets the bytes of the other."""
    other = shop.publish(salt="2", name="other")
    shop.store.index.remove(other.id)
    shop.forge(storage_pointer=other.digest)
    refused(shop, DigestMismatch)


def test_index_row_pointing_to_another_module(shop: Shop) -> None:
    """Bytes and manifest of another genuine module, under the keys of this one."""
    other = shop.publish(salt="2", name="other")
    shop.store.index.remove(other.id)
    shop.forge(signature=other.signature, storage_pointer=other.digest)
    refused(shop, StatementMismatch)


@pytest.mark.parametrize(
    "column", ["name", "version", "doc", "level", "action_key", "source_digest", "ir_pointer"]
)
def test_index_row_that_says_what_nobody_signed(shop: Shop, column: str) -> None:
    shop.forge(**{column: sha("lie")})
    refused(shop, StatementMismatch, column)


@pytest.mark.parametrize("column", ["name", "def_hash", "retrieval_key", "kind"])
def test_export_that_nobody_signed(shop: Shop, column: str) -> None:
    [export] = shop.entry.description.exports
    shop.forge(exports=(export._replace(**{column: sha("lie")}),))
    refused(shop, StatementMismatch, "exports")


def test_wrong_signer_in_the_index(shop: Shop) -> None:
    shop.forge(signer=sha("somebody"))
    refused(shop, StatementMismatch, "signer")


def test_path_in_place_of_a_digest(shop: Shop) -> None:
    shop.forge(storage_pointer="../../../../etc/passwd")
    refused(shop, CorruptBlob, "no address")


def test_unknown_target(shop: Shop) -> None:
    shop.forge(target="x86")
    refused(shop, StatementMismatch)


def test_zip_bomb_in_place_of_a_source(shop: Shop) -> None:
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(bytes(SOURCE.limit + 1))
    assert len(bomb) < 10_000
    shop.overwrite(SOURCE, str(shop.entry.source_pointer), bomb)
    with pytest.raises(TooLarge):
        shop.reopened().source(shop.entry)


def test_zip_bomb_that_hides_its_size(shop: Shop) -> None:
    import zstandard

    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1 << 20))
    shop.overwrite(SOURCE, str(shop.entry.source_pointer), bomb)
    with pytest.raises(CorruptBlob, match="unknown size"):
        shop.reopened().source(shop.entry)


def test_source_that_was_not_signed(shop: Shop) -> None:
    pointer = shop.store.blobs.put(SOURCE, b"(defn quote [n] 0)")
    shop.forge(source_pointer=pointer)
    store = shop.reopened()
    with pytest.raises(StatementMismatch):
        store.source(store.list()[0])


def test_revoked_row_cannot_be_published_over(shop: Shop) -> None:
    shop.store.revoke(shop.entry, "wrong tax")
    store = shop.reopened()
    assert store.find_by_interface(sha("interface")) == []
    with pytest.raises(RevokedModule, match="wrong tax"):
        store.publish(ARTIFACT, predicate(), shop.key)
    with pytest.raises(RevokedModule):
        store.fetch(store.list()[0])


def test_a_key_that_is_not_trusted_cannot_publish(shop: Shop) -> None:
    with pytest.raises(UntrustedKey):
        shop.store.publish(ARTIFACT, predicate(salt="mine"), SigningKey.generate())
    assert len(shop.store.list()) == 1


def test_a_verdict_is_remembered_only_for_the_same_manifest_and_bytes(shop: Shop) -> None:
    check = verifier(trusting(shop.key))
    manifest = shop.manifest
    assert check.verify(manifest, digest_of(ARTIFACT)) is check.verify(manifest, digest_of(ARTIFACT))
    with pytest.raises(DigestMismatch):
        check.verify(manifest, sha("other bytes"))


def test_a_remembered_module_still_expires(place: Place) -> None:
    now = [float(NOW)]
    shop = open_shop_at(place, validity=Validity(None, NOW + 10))
    check = store_module.Verifier(trusting(shop.key), clock=lambda: now[0])
    manifest = shop.manifest
    check.verify(manifest, shop.entry.digest)
    now[0] += 11
    with pytest.raises(Expired):
        check.verify(manifest, shop.entry.digest)


def test_no_manifest_at_all() -> None:
    with pytest.raises(Unsigned):
        verifier(TrustStore()).verify(None, sha("x"))


def test_a_namespace_is_no_mere_prefix() -> None:
    key = SigningKey.generate()
    trust = TrustStore().with_key(TrustedKey(key.public, "k", ("shop.*",)))
    inside = Statement(sha("x"), predicate("shop.a"))
    outside = Statement(sha("x"), predicate("shopping"))
    verifier(trust).verify(dsse.sign(inside.encode(), key).encode(), sha("x"))
    with pytest.raises(OutsideNamespace):
        verifier(trust).verify(dsse.sign(outside.encode(), key).encode(), sha("x"))
