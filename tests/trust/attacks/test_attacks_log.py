"""Attacks on what was published: versions taken back, records taken away or changed, histories forked."""

from __future__ import annotations

from typing import Any

import pytest
from shops import Place, Shop, open_shop_at, opened
from store_samples import ARTIFACT, NOW, sha, trusting

from runtime.store.publications import part_of
from runtime.store.signing import countersign, roll_back, withdraw
from runtime.trust import envelope as dsse
from runtime.trust import records
from runtime.trust.errors import (
    BadProof,
    ClockMovedBack,
    LogRewritten,
    Malformed,
    NotLogged,
    OutsideNamespace,
    RetiredKey,
    RevokedKey,
    RevokedModule,
    RolledBack,
    TooFewSignatures,
    TrustError,
    UntrustedKey,
)
from runtime.trust.keys import SigningKey
from runtime.trust.merkle import EMPTY_ROOT, leaf_hash, root
from runtime.trust.policy import Policy
from runtime.trust.proof import Proof, parse
from runtime.trust.records import Head, Publication, Revocation, Rollback, Rotation
from runtime.trust.seen import Seen
from runtime.trust.statement import Validity
from runtime.trust.store import TrustedKey, TrustStore

NAME = "shop.pricing"


def newer(shop: Shop, number: int = 2) -> Any:
    """Another version of the module, seen by this user."""
    entry = shop.publish(ARTIFACT + b"%d" % number, salt=str(number))
    shop.store.fetch_current(entry)
    return entry


def rewrite_log(shop: Shop, leaves: list[bytes]) -> None:
    """What somebody with write access to the database can do: another log in the place of this one.

    The protocol of the index cannot, so a wrapper shows these leaves in place of its own."""
    real = shop.place.index

    def forged() -> Any:
        index = real()
        index.log = lambda start, stop: leaves[max(start, 0) : max(stop, 0)]
        index.log_size = lambda: len(leaves)
        return index

    shop.place = Place(shop.place.blobs, forged)


def leaves_of(shop: Shop) -> list[bytes]:
    return shop.store.index.log(0, shop.store.index.log_size())


# -- versions


def test_rollback_to_an_older_version(shop: Shop) -> None:
    """The newer one is taken away; the older one is genuine in every word."""
    shop.store.index.remove(newer(shop).id)
    store = shop.reopened()
    [old] = store.find_by_interface(sha("interface"))
    assert store.fetch(old).statement.predicate.serial == 1
    for part in ("", part_of("quote", sha("interface"))):
        with pytest.raises(RolledBack, match="version 1 here, version 2 was seen"):
            store.fetch_current(old, part)


def test_rollback_hidden_behind_a_new_row(shop: Shop) -> None:
    """The older module is entered again, so that the index counts it as the newest."""
    shop.store.index.remove(newer(shop).id)
    forged = shop.forge()
    assert forged.serial > 2
    with pytest.raises(RolledBack):
        shop.reopened().fetch_current(forged)


def test_a_reader_who_saw_nothing_newer_accepts_the_older_version(shop: Shop) -> None:
    newer(shop)
    store = shop.reopened(seen=Seen())
    assert store.fetch_current(shop.entry).entry == shop.entry


def test_rollback_on_record_is_accepted_by_those_who_saw_more(shop: Shop) -> None:
    bad = newer(shop)
    roll_back(shop.store, shop.entry, "wrong tax", shop.key)
    store = shop.reopened()
    assert store.index.current(NAME).id == shop.entry.id
    assert store.fetch_current(shop.entry).statement.predicate.serial == 1
    with pytest.raises(RolledBack, match="rolled back to version 1: wrong tax"):
        store.fetch_current(bad)
    good = newer(shop, 3)
    assert shop.reopened().fetch_current(good).statement.predicate.serial == 3
    with pytest.raises(RolledBack, match="version 3 was seen"):
        shop.reopened().fetch_current(shop.entry)


def test_what_is_published_after_a_rollback_stands_for_the_name(shop: Shop) -> None:
    newer(shop)
    roll_back(shop.store, shop.entry, "", shop.key)
    assert shop.store.get(NAME) == shop.entry
    good = newer(shop, 3)
    store = shop.reopened()
    assert store.get(NAME) == good
    assert store.fetch_current(good).statement.predicate.serial == 3


def test_old_rollback_record_cannot_be_used_again(shop: Shop) -> None:
    newer(shop)
    roll_back(shop.store, shop.entry, "", shop.key)
    newest = newer(shop, 3)
    shop.store.index.remove(newest.id)
    with pytest.raises(RolledBack):
        shop.reopened().fetch_current(shop.entry)


@pytest.mark.parametrize("who", ["stranger", "other namespace"])
def test_rollback_recorded_by_somebody_who_may_not(shop: Shop, who: str) -> None:
    newer(shop)
    thief = SigningKey.generate()
    trust = trusting(shop.key)
    if who == "other namespace":
        trust = trust.with_key(TrustedKey(thief.public, "thief", ("bank.*",)))
    record = Rollback(NAME, 1, 99, shop.entry.digest, "", NOW)
    shop.store.index.append_log(records.sign(record, thief).leaf)
    store = shop.reopened(trust)
    with pytest.raises(RolledBack):
        store.fetch_current(shop.entry)
    if who == "other namespace":
        with pytest.raises(OutsideNamespace):
            roll_back(store, shop.entry, "", thief)


def test_unrelated_modules_of_one_name_do_not_outdate_each_other(shop: Shop) -> None:
    [export] = shop.entry.description.exports
    other = export._replace(name="total", interface_hash=sha("other interface"))
    entry = shop.publish(salt="2", exports=(other,))
    store = shop.reopened()
    store.fetch_current(entry, part_of("total", sha("other interface")))
    assert store.fetch_current(shop.entry, part_of("quote", sha("interface"))).entry == shop.entry
    with pytest.raises(RolledBack):
        store.fetch_current(shop.entry)


# -- the log


def test_truncated_log(shop: Shop) -> None:
    newer(shop)
    rewrite_log(shop, leaves_of(shop)[:-1])
    with pytest.raises(LogRewritten, match="3 records, 4 were seen"):
        shop.reopened().fetch(shop.entry)


def test_log_taken_away(shop: Shop) -> None:
    rewrite_log(shop, [])
    with pytest.raises(LogRewritten, match="0 records, 2 were seen"):
        shop.reopened().fetch(shop.entry)


def test_log_replaced_by_a_longer_one(shop: Shop) -> None:
    thief = SigningKey.generate()
    rewrite_log(shop, [records.sign(Head(i, sha("x"), NOW), thief).leaf for i in range(9)])
    with pytest.raises(LogRewritten, match="record 1 is not what it was"):
        shop.reopened().fetch(shop.entry)


def test_record_changed_in_the_middle_of_the_log(shop: Shop) -> None:
    newer(shop)
    leaves = leaves_of(shop)
    leaves[0] = records.sign(Head(0, sha("x"), NOW), SigningKey.generate()).leaf
    rewrite_log(shop, leaves)
    store = shop.reopened()
    with pytest.raises(LogRewritten, match="record 0 is not what it was"):
        store.log.audit()
    with pytest.raises(LogRewritten, match=r"first 3 records are not those that 'key-0' saw"):
        shop.reopened(seen=Seen()).fetch(shop.entry)  # a newcomer has the signed head


def test_record_taken_out_and_the_rest_closed_up(shop: Shop) -> None:
    newer(shop)
    leaves = leaves_of(shop)
    rewrite_log(shop, leaves[1:])
    for seen in (None, Seen()):
        with pytest.raises(LogRewritten):
            shop.reopened(seen=seen).fetch(shop.entry)


def test_revocation_left_out_of_the_log_for_one_reader(shop: Shop) -> None:
    shop.store.log.revoke(shop.key, modules=[(shop.entry.digest, "wrong tax")])
    leaves = leaves_of(shop)
    rewrite_log(shop, [leaf for leaf in leaves if not leaf.startswith(b"revocation")])
    with pytest.raises(LogRewritten):
        shop.reopened(seen=Seen()).fetch(shop.entry)


def test_leaves_of_strangers_prove_nothing_and_harm_nobody(shop: Shop) -> None:
    thief = SigningKey.generate()
    garbage = [b"", b"\0\xff", b"revocation " + sha("revocation").encode() + b"\n{}", b"x" * 2_000_000]
    forged = [
        Revocation(((shop.key.public.key_id, ""),), ((shop.entry.digest, ""),), NOW),
        Head(99, sha("x"), NOW),
        Rotation(shop.key.public.key_id, thief.public, NOW),
    ]
    for leaf in [*garbage, *(records.sign(record, thief).leaf for record in forged)]:
        shop.store.index.append_log(leaf)
    store = shop.reopened()
    assert store.fetch_current(shop.entry).entry == shop.entry
    assert store.log.audit().strange == 3
    assert store.log.rotations() == [] and store.log.revocations() == []


@pytest.mark.parametrize("kind", ["revocation", "rollback", "publication"])
def test_leaf_with_half_of_a_surrogate_pair(shop: Shop, kind: str) -> None:
    """JSON can escape it, UTF-8 cannot say it: nobody could have signed it."""
    zero, half = "0" * 64, '"\\ud800"'
    fields = {
        "revocation": f'"keys":[{{"id":"{zero}","reason":{half}}}],"kind":"revocation","modules":[]',
        "rollback": f'"kind":"rollback","module":"{zero}","name":{half},"over":1,"reason":"","serial":1',
        "publication": f'"kind":"publication","module":"{zero}","name":{half},"serial":1,"statement":""',
    }[kind]
    payload = f'{{{fields},"time":"2026-01-01T00:00:00Z"}}'.encode()
    envelope = dsse.sign(payload, SigningKey.generate(), payload_type=records.RECORD_TYPE)
    for subject in (sha("revocation"), "0" * 64):
        shop.store.index.append_log(f"{kind} {subject}\n".encode() + envelope.encode())
    store = shop.reopened()
    assert store.fetch_current(shop.entry).entry == shop.entry
    assert store.log.audit().size == 4


def test_a_head_that_a_trusted_key_signed_must_fit(shop: Shop) -> None:
    shop.store.index.append_log(records.sign(Head(2, sha("another tree"), NOW), shop.key).leaf)
    with pytest.raises(LogRewritten, match="not those that 'key-0' saw"):
        shop.reopened().fetch(shop.entry)


@pytest.mark.parametrize("reopen", [False, True])
def test_a_head_that_others_overtook_must_fit(shop: Shop, reopen: bool) -> None:
    """Whether this process remembers the tree that the head is about, or has to walk all of it."""
    trees = []
    for number in range(2, 6):
        newer(shop, number)
        trees.append(shop.store.log.seen.frontier())
    if reopen:
        shop.reopened()
    seen, walked = shop.store.log.seen, []
    real = seen.hashes
    seen.hashes = lambda start, stop: walked.append(start) or real(start, stop)  # type: ignore[func-returns-value]
    for tree in (trees[2], trees[0]):
        head = Head(tree.size, tree.root().hex(), NOW)
        shop.store.index.append_log(records.sign(head, shop.key).leaf)
        shop.store.log.refresh(now=True)
    assert (0 in walked) == reopen
    assert shop.store.log.audit().heads == 7
    wrong = Head(trees[1].size, trees[2].root().hex(), NOW)
    shop.store.index.append_log(records.sign(wrong, shop.key).leaf)
    with pytest.raises(LogRewritten, match=f"first {trees[1].size} records are not those that 'key-0' saw"):
        shop.store.log.refresh(now=True)


def test_a_tree_of_what_was_forgotten_counts_nothing(shop: Shop) -> None:
    """Another process of the user forgets the store, which is made anew, and reads it."""
    for number in range(2, 6):
        newer(shop, number)
    leaves, key = [], shop.key
    for number in range(20):
        leaves.append(records.sign(Head(0, EMPTY_ROOT.hex(), NOW + number), key).leaf)
    rewrite_log(shop, leaves)
    shop.store.log.seen.forget()
    opened(shop.place, trusting(key), seen=shop.seen).log.refresh(now=True)
    lagging = Head(6, root([leaf_hash(leaf) for leaf in leaves[:6]]).hex(), NOW)
    leaves.append(records.sign(lagging, key).leaf)
    shop.store.index.log = lambda start, stop: leaves[max(start, 0) : max(stop, 0)]  # type: ignore[method-assign]
    shop.store.index.log_size = lambda: len(leaves)  # type: ignore[method-assign]
    shop.store.log.refresh(now=True)
    assert shop.store.log.seen.frontier().size == 21


def test_store_made_anew_is_accepted_after_forgetting(shop: Shop) -> None:
    rewrite_log(shop, [])
    store = shop.reopened()
    store.log.seen.forget()
    assert store.fetch_current(shop.entry).entry == shop.entry


# -- what must be on record


LOGGED = Policy(logged=True)


def test_publication_that_is_not_on_record(shop: Shop) -> None:
    """Signed and genuine, but put into the index behind the back of the log."""
    predicate = shop.store.fetch(shop.entry).statement.predicate
    secret = opened(shop.place, trusting(shop.key), seen=Seen())
    unlogged = secret.index.add
    secret.index.add = lambda new, replacing=None, leaf=None: unlogged(new, replacing)  # type: ignore[method-assign]
    entry = secret.publish(
        ARTIFACT + b"!", predicate._replace(build=predicate.build._replace(action_key=sha("x"))), shop.key
    ).entry
    secret.index.add = unlogged  # type: ignore[method-assign]
    store = shop.reopened(trusting(shop.key)._replace(policy=LOGGED))
    assert store.fetch(shop.entry).entry == shop.entry
    with pytest.raises(NotLogged):
        store.fetch(entry)


def test_record_by_a_stranger(shop: Shop) -> None:
    """A record of the right content does not count if none of the signers wrote it."""
    statement = shop.store.fetch(shop.entry).statement
    forged = records.sign(Publication.of(statement), SigningKey.generate()).leaf
    rewrite_log(shop, [forged])
    with pytest.raises(NotLogged):
        shop.reopened(trusting(shop.key)._replace(policy=LOGGED), seen=Seen()).fetch(shop.entry)


def test_proof_of_another_module(shop: Shop) -> None:
    other = newer(shop)
    verified = shop.store.fetch(shop.entry).verified
    proof = shop.store.log.prove(shop.store.fetch(other).verified)
    with pytest.raises(Malformed, match="not the record"):
        proof.check(verified, shop.store.verifier)


@pytest.mark.parametrize("defect", ["number", "hash", "too short", "too long", "head", "leaf"])
def test_changed_proof(shop: Shop, defect: str) -> None:
    newer(shop)
    verified = shop.store.fetch(shop.entry).verified
    proof = shop.store.log.prove(verified)
    assert parse(proof.encode()) == proof
    proof.check(verified, shop.store.verifier)
    thief = SigningKey.generate()
    changed: dict[str, Proof] = {
        "number": proof._replace(number=1),
        "hash": proof._replace(hashes=(bytes(32), *proof.hashes[1:])),
        "too short": proof._replace(hashes=proof.hashes[:-1]),
        "too long": proof._replace(hashes=(*proof.hashes, bytes(32))),
        "head": proof._replace(head=records.sign(proof.head.record, thief)),
        "leaf": proof._replace(leaf=records.sign(Publication.of(verified.statement), thief).leaf),
    }
    with pytest.raises((BadProof, UntrustedKey)):
        changed[defect].check(verified, shop.store.verifier)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"schema":1,"schema":1}', b" " * (3 << 20)], ids=len)
def test_malformed_proof(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


# -- revocation that travels with the store


def test_module_revoked_on_record(shop: Shop) -> None:
    withdraw(shop.store, shop.entry, "wrong tax", shop.key)
    forged = shop.forge()  # the status in the index is not what decides
    with pytest.raises(RevokedModule, match="wrong tax"):
        shop.reopened().fetch(forged)


def test_key_revoked_on_record(shop: Shop) -> None:
    security = SigningKey.generate()
    trust = trusting(shop.key).with_key(TrustedKey(security.public, "security", roles=("revoke",)))
    shop.reopened(trust).log.revoke(security, keys=[(shop.key.public.key_id, "laptop stolen")])
    with pytest.raises(RevokedKey, match="laptop stolen"):
        shop.reopened(trust).fetch(shop.entry)
    assert shop.reopened(seen=Seen()).fetch(shop.entry), "who does not trust the revoker is not bound by it"


def test_a_publisher_revokes_its_own_alone(shop: Shop) -> None:
    colleague = SigningKey.generate()
    trust = trusting(shop.key, colleague)
    store = shop.reopened(trust)
    store.log.revoke(
        colleague, keys=[(shop.key.public.key_id, "envy")], modules=[(shop.entry.digest, "envy")]
    )
    assert shop.reopened(trust).fetch(shop.entry).entry == shop.entry


def test_revocations_travel_to_another_store(shop: Shop) -> None:
    withdraw(shop.store, shop.entry, "wrong tax", shop.key)
    from runtime.store.memory import MemoryBackend, MemoryIndex

    blobs, index = MemoryBackend(), MemoryIndex()
    other = opened(Place(lambda: blobs, lambda: index), trusting(shop.key))
    assert other.log.adopt(shop.store.log.revocations()) == 1
    assert other.log.adopt(shop.store.log.revocations()) == 0
    with pytest.raises(RevokedModule, match="wrong tax"):
        other.verifier.verify(shop.manifest, shop.entry.digest)


# -- keys that were replaced


def rotated(shop: Shop, at: int) -> tuple[SigningKey, TrustStore, Rotation]:
    new = SigningKey.generate()
    record = Rotation(shop.key.public.key_id, new.public, at)
    trust = trusting(shop.key).with_successor(shop.key.public.key_id, new.public, at)
    return new, trust, record


def test_retired_key_that_signs_on(shop: Shop) -> None:
    _, trust, _ = rotated(shop, NOW - 1)
    with pytest.raises(RetiredKey, match="after its successor took over"):
        shop.reopened(trust).fetch(shop.entry)


def test_what_was_signed_before_the_rotation_stays_valid(shop: Shop) -> None:
    new, trust, _ = rotated(shop, NOW)
    store = shop.reopened(trust, now=NOW + 10)
    assert store.fetch_current(shop.entry).entry == shop.entry
    with pytest.raises(RetiredKey):
        shop.publish(salt="2")
    shop.key = new
    entry = shop.publish(salt="2")
    assert store.fetch_current(entry).statement.predicate.serial == 2
    with pytest.raises(RolledBack):
        store.fetch_current(shop.entry)  # the successor is the same signer


def test_retired_key_that_signs_with_an_old_date(shop: Shop) -> None:
    """The date in a statement is the signer's word; the order of the log is not."""
    new, trust, record = rotated(shop, NOW + 1000)
    shop.store.log.append(record, shop.key, new)
    entry = shop.publish(salt="2")
    shop.reopened(trust).fetch(entry)
    with pytest.raises(RetiredKey, match="after it had named its successor"):
        shop.reopened(trust._replace(policy=LOGGED)).fetch(entry)


def test_successor_that_a_thief_named_before_the_key_was_revoked(shop: Shop) -> None:
    """Who adopts successors that are on record does not adopt the thief's."""
    thief, chief = SigningKey.generate(), SigningKey.generate()
    trust = trusting(shop.key).with_key(TrustedKey(chief.public, "chief", roles=("revoke",)))
    store = shop.reopened(trust)
    store.log.append(Rotation(shop.key.public.key_id, thief.public, NOW), shop.key, thief)
    assert len(store.log.rotations()) == 1
    store.log.revoke(chief, keys=[(shop.key.public.key_id, "stolen")])
    assert store.log.rotations() == []
    assert shop.reopened(trust).log.rotations() == []


def test_successor_that_another_trusted_key_names(shop: Shop) -> None:
    thief, other = SigningKey.generate(), SigningKey.generate()
    trust = trusting(shop.key).with_key(TrustedKey(other.public, "other", ("bank.*",)))
    store = shop.reopened(trust)
    store.log.append(Rotation(shop.key.public.key_id, thief.public, NOW), other, thief)
    assert store.log.rotations() == []


def roll_back_by_hand(shop: Shop, key: SigningKey, at: int) -> None:
    record = Rollback(NAME, 1, 2, shop.entry.digest, "", at)
    shop.store.index.append_log(records.sign(record, key).leaf)


def test_rollback_by_a_key_that_was_replaced(shop: Shop) -> None:
    newer(shop)
    _, trust, _ = rotated(shop, NOW)
    roll_back_by_hand(shop, shop.key, NOW + 1)
    with pytest.raises(RolledBack, match="version 2 was seen"):
        shop.reopened(trust, now=NOW + 10).fetch_current(shop.entry)


def test_rollback_with_an_old_date_by_a_key_that_was_replaced(shop: Shop) -> None:
    newer(shop)
    new, trust, rotation = rotated(shop, NOW + 1000)
    shop.store.log.append(rotation, shop.key, new)
    roll_back_by_hand(shop, shop.key, NOW)
    with pytest.raises(RolledBack, match="version 2 was seen"):
        shop.reopened(trust).fetch_current(shop.entry)


def test_rollback_by_a_key_that_has_expired(shop: Shop) -> None:
    newer(shop)
    late = SigningKey.generate()
    trust = trusting(shop.key).with_key(TrustedKey(late.public, "late", ("*",), Validity(None, NOW - 1)))
    roll_back_by_hand(shop, late, NOW)
    with pytest.raises(RolledBack, match="version 2 was seen"):
        shop.reopened(trust).fetch_current(shop.entry)


# -- several signatures


def test_too_few_signatures_and_the_one_that_was_missing(place: Place) -> None:
    author, reviewer, stranger = (SigningKey.generate() for _ in range(3))
    shop = open_shop_at(place)
    rule = Policy(signatures=2, roles=(("review", 1),), modules="shop.*")
    trust = trusting(author).with_key(TrustedKey(reviewer.public, "r", roles=("review",)))
    trust = trust.with_policy(rule)
    shop.key = author
    store = shop.reopened(trust)
    entry = shop.publish(salt="2")
    assert (entry.status, store.find_by_action(entry.description.action_key)) == ("Pending", None)
    assert "1 of 2" in entry.status_reason
    with pytest.raises(UntrustedKey):
        countersign(store, entry, stranger)
    assert countersign(store, entry, author) == entry, "the same signature again changes nothing"
    signed = countersign(store, entry, reviewer)
    assert signed.status == "Verified"
    assert len(shop.reopened(trust).fetch_current(signed).signers) == 2
    with pytest.raises(TooFewSignatures, match="0 of 1 signatures of trusted keys in role review"):
        both = trust.with_key(TrustedKey(reviewer.public, "r", roles=("publish",)))
        shop.reopened(both).fetch(signed)


def test_two_keys_of_one_signer_count_once(shop: Shop) -> None:
    new, trust, _ = rotated(shop, NOW)
    entry = countersign(shop.reopened(trust), shop.entry, new)
    with pytest.raises(TooFewSignatures, match="1 of 2"):
        shop.reopened(trust._replace(policy=Policy(signatures=2))).fetch(entry)


def test_reviewers_alone_publish_nothing(shop: Shop) -> None:
    trust = TrustStore().with_key(TrustedKey(shop.key.public, "r", roles=("review",)))
    with pytest.raises(UntrustedKey, match="reviewers alone"):
        shop.reopened(trust).fetch(shop.entry)


# -- the clock


def test_clock_moved_back_to_before_the_expiry(place: Place) -> None:
    shop = open_shop_at(place, validity=Validity(None, NOW + 1000))
    shop.reopened(now=NOW + 2000)
    with pytest.raises(TrustError):
        shop.store.fetch(shop.entry)
    with pytest.raises(ClockMovedBack, match="was seen before"):
        shop.reopened(now=NOW).fetch(shop.entry)
    shop.seen.forget_time()
    assert shop.reopened(now=NOW).fetch(shop.entry).entry == shop.entry


def test_clock_moved_back_while_publishing(shop: Shop) -> None:
    shop.reopened(now=NOW - 10_000)
    with pytest.raises(ClockMovedBack):
        shop.publish(salt="2")
    assert len(shop.store.list()) == 1
    shop.reopened(now=NOW + 1)
    assert shop.publish(salt="2").status == "Verified"


def test_manifest_signed_in_the_future(shop: Shop) -> None:
    with pytest.raises(TrustError, match="which has not come yet"):
        shop.reopened(now=NOW - 301, seen=Seen()).fetch(shop.entry)
