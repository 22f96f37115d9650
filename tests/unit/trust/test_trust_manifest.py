"""The one accepted form of envelopes and statements."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from store_samples import predicate, sha

from runtime.trust import envelope as dsse
from runtime.trust import statement as intoto
from runtime.trust import strict
from runtime.trust.errors import Malformed, Unsigned
from runtime.trust.keys import SigningKey
from runtime.trust.statement import Certificate, Statement, Validity

KEY = SigningKey.generate()


def full_statement() -> Statement:
    certificate = Certificate(7, 40, 1, ("evaluator", "wasm32"), sha("inputs"))
    validity = Validity(1_700_000_000, 1_900_000_000)
    more: dict[str, Any] = {"certificate": certificate, "validity": validity, "source_digest": sha("source")}
    return Statement(sha("artifact"), predicate(effects=("network",), version="1.2", doc="Preise ☃", **more))


def test_the_pre_authentication_encoding_is_that_of_the_dsse_specification() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_what_was_written_is_read_back() -> None:
    statement = full_statement()
    envelope = dsse.parse(dsse.sign(statement.encode(), KEY).encode())
    assert intoto.parse(envelope.payload) == statement
    assert envelope.signatures[0].key_id == KEY.public.key_id
    KEY.public.verify(envelope.signatures[0].value, envelope.signed)


def test_the_statement_is_in_toto() -> None:
    value = json.loads(full_statement().encode())
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["subject"] == [{"name": "shop.pricing", "digest": {"sha256": sha("artifact")}}]
    assert value["predicate"]["validity"]["not_before"] == "2023-11-14T22:13:20Z"


def test_the_same_statement_gives_the_same_bytes() -> None:
    first, second = (dsse.sign(full_statement().encode(), KEY).encode() for _ in range(2))
    assert first == second


def envelope_with(**changes: Any) -> bytes:
    value = json.loads(dsse.sign(full_statement().encode(), KEY).encode())
    return json.dumps({**value, **changes}).encode()


SIGNATURE = json.loads(dsse.sign(full_statement().encode(), KEY).encode())["signatures"][0]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "expected an object"),
        (b"{}", "missing"),
        (b'{"payload":"","payload":""}', "duplicate field"),
        (b'{"payload":1.5}', "not an integer"),
        (b'{"payload":NaN}', "not an integer"),
        (b" " * (dsse.ENVELOPE_LIMIT + 1), "the limit is"),
        (envelope_with(payloadType="application/json"), "not supported"),
        (envelope_with(algorithm="none"), "unknown field 'algorithm'"),
        (envelope_with(payload="YQ"), "not base64"),
        (envelope_with(payload="YR=="), "not canonical"),
        (envelope_with(payload="YQ==\n"), "base64"),
        (envelope_with(payload=3), "not of type str"),
        (envelope_with(signatures=[{**SIGNATURE, "alg": "none"}]), "unknown field 'alg'"),
        (envelope_with(signatures=[{**SIGNATURE, "sig": "YQ=="}]), "64"),
        (envelope_with(signatures=[{**SIGNATURE, "keyid": "local"}]), "not a SHA-256"),
        (envelope_with(signatures=[SIGNATURE, SIGNATURE]), "two signatures of one key"),
        (envelope_with(signatures=[SIGNATURE] * 17), "the limit is 16"),
    ],
)
def test_other_envelopes_are_refused(data: bytes, text: str) -> None:
    with pytest.raises(Malformed, match=text):
        dsse.parse(data)


def test_an_envelope_without_signatures_is_unsigned() -> None:
    with pytest.raises(Unsigned):
        dsse.parse(envelope_with(signatures=[]))


def changed(path: list[str | int], value: Any) -> bytes:
    root = json.loads(full_statement().encode())
    at = root
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return strict.canonical(root)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (changed(["_type"], "https://in-toto.io/Statement/v0.1"), "not supported"),
        (changed(["predicateType"], "https://slsa.dev/provenance/v1"), "not supported"),
        (changed(["subject"], []), "one subject"),
        (changed(["subject", 0, "digest"], {"md5": "0" * 32}), "missing"),
        (changed(["subject", 0, "digest", "sha1"], "0" * 40), "unknown field 'sha1'"),
        (changed(["subject", 0, "digest", "sha256"], sha("x").upper()), "not a SHA-256"),
        (changed(["subject", 0, "name"], "other"), "different modules"),
        (changed(["predicate", "extra"], 1), "unknown field 'extra'"),
        (changed(["predicate", "build", "abi"], [1, True]), "abi"),
        (changed(["predicate", "certificate", "seed"], True), "not of type int"),
        (changed(["predicate", "validity", "not_after"], "2030-13-01T00:00:00Z"), "not a time"),
        (changed(["predicate", "validity", "not_after"], "tomorrow"), "not a time"),
        (changed(["predicate", "effects"], [1]), "list of strings"),
        (json.dumps(json.loads(full_statement().encode())).encode(), "not in canonical form"),
        (full_statement().encode().replace("☃".encode(), b"\\ud800"), "half of a surrogate pair"),
        (full_statement().encode().replace(b'"doc"', b'"doc":"","doc"'), "duplicate field"),
    ],
)
def test_other_statements_are_refused(payload: bytes, text: str) -> None:
    with pytest.raises(Malformed, match=text):
        intoto.parse(payload)


def test_base64_is_canonical_both_ways() -> None:
    assert strict.base64_bytes(base64.b64encode(b"abc").decode(), "x") == b"abc"
    for text in ("YWJ", "YWJj ", "YWJj=", "ÿWJj", "YW-_"):
        with pytest.raises(Malformed):
            strict.base64_bytes(text, "x")
