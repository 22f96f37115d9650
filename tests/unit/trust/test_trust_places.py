"""Places in JSON that people write."""

from __future__ import annotations

import json

import pytest
from store_samples import sha, trusting

from runtime.trust import places
from runtime.trust import store as trust_store
from runtime.trust.errors import TrustStoreError
from runtime.trust.keys import SigningKey
from runtime.trust.policy import Policy

TEXT = '{\n "a": [1, {"b": 2}],\n "c d": {"\\u00e9": []}\n}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), (1, 1)),
        (("a",), (2, 2)),
        (("a", 0), (2, 8)),
        (("a", 1), (2, 11)),
        (("a", 1, "b"), (2, 12)),
        (("c d", "é"), (3, 10)),
        (("a", 1, "missing"), (2, 11)),
        (("missing",), (1, 1)),
    ],
)
def test_fields_are_found(path: tuple[str | int, ...], expected: tuple[int, int]) -> None:
    assert places.place(TEXT, path) == expected


def test_the_second_of_two_is_the_fault() -> None:
    assert places.duplicate(TEXT) is None
    assert places.duplicate('{"a": {"x": 1,\n"x": 2}, "a": 1}') == (2, 1)


def changed(**changes: object) -> bytes:
    trust = trusting(SigningKey.generate()).with_policy(Policy(modules="prod.*", roles=(("review", 1),)))
    return json.dumps({**json.loads(trust.encode()), **changes}, indent=1).encode()


RULE = {"modules": "prod.*", "signatures": 2}


@pytest.mark.parametrize(
    ("data", "field", "text"),
    [
        (changed(schema=7), "schema", "schema 7"),
        (changed(extra=1), "extra", "unknown field 'extra'"),
        (changed(policy={"signatures": 0}), "signatures", "the least is 1"),
        (changed(policy={"least_inputs": -1}), "least_inputs", "out of range"),
        (changed(policy={"logged": 1}), "logged", "not of type bool"),
        (changed(policy={"roles": {"boss": 1}}), "boss", "unknown field 'boss'"),
        (changed(rules=[RULE, {**RULE, "engines": [1]}]), "engines", "list of strings"),
        (changed(rules=[{"modules": "a*b"}]), "modules", "no pattern"),
        (changed(revoked_keys=[{"id": sha("x"), "reason": 1}]), "reason", "not of type str"),
    ],
)
def test_errors_of_the_trust_file_begin_with_their_place(data: bytes, field: str, text: str) -> None:
    lines = data.decode().splitlines()
    with pytest.raises(TrustStoreError, match=text) as caught:
        trust_store.parse(data, "trust.json")
    name, line, column, _ = caught.value.message.split(":", 3)
    assert name == "trust.json"
    assert lines[int(line) - 1][int(column) - 1 :].startswith(f'"{field}"')


def test_a_text_that_is_no_json_says_where() -> None:
    with pytest.raises(TrustStoreError, match=r"^trust\.json:2:4: .*not JSON"):
        trust_store.parse(b'{"schema":1,\n"x"}', "trust.json")
