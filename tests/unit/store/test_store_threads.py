"""What one thread finds while another takes in news of the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from store_samples import ARTIFACT, NOW, Shop, open_shop, predicate

from runtime.store.signing import roll_back
from runtime.trust.errors import RevokedModule
from runtime.trust.records import Revocation


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path / "store")


def test_a_verdict_that_a_revocation_overtakes_is_not_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = shop.reopened().verifier
    check = verifier._check_policy

    def overtaken(*arguments: Any) -> None:
        check(*arguments)
        [signer] = verifier.trust.keys
        verifier.revoked(Revocation((), ((shop.entry.digest, "bad"),), NOW), [signer])

    with monkeypatch.context() as slow:
        slow.setattr(verifier, "_check_policy", overtaken)
        shop.store.fetch(shop.entry)
    with pytest.raises(RevokedModule, match="bad"):
        shop.store.fetch(shop.entry)


def test_a_rollback_counts_while_the_log_is_read_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    store, log = shop.store, shop.store.log
    newer = store.publish(ARTIFACT + b"!", predicate(salt="2"), shop.key).entry
    store.fetch_current(newer)
    roll_back(store, shop.entry, "wrong tax", shop.key)
    older = store.fetch_current(shop.entry).verified
    signers_of, asked = store.verifier.signers_of, []

    def elsewhere(signed: Any) -> Any:
        with monkeypatch.context() as once:
            once.setattr(store.verifier, "signers_of", signers_of)
            log.confirm_version(older)
        asked.append(signed)
        return signers_of(signed)

    with monkeypatch.context() as slow:
        slow.setattr(store.verifier, "signers_of", elsewhere)
        log.seal(shop.key)
    assert asked
    log.confirm_version(older)
