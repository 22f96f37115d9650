"""What can be put in the place of a blob where blobs are files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shops import Shop, open_shop_at
from shops import place as made

from runtime.store.errors import StoreError, TooLarge


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    shop = open_shop_at(made("folder", request))
    yield shop
    shop.close()


def artifact(shop: Shop, tmp_path: Path) -> Path:
    digest = shop.entry.digest
    return tmp_path / "blobs" / "wasm" / digest[:2] / digest[2:]


def test_oversize_blob(shop: Shop, tmp_path: Path) -> None:
    with artifact(shop, tmp_path).open("r+b") as file:
        file.truncate(1 << 30)  # sparse
    with pytest.raises(TooLarge):
        shop.reopened().fetch(shop.entry)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)], ids=["pipe", "link"]
)
def test_a_blob_that_is_no_file(shop: Shop, tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = artifact(shop, tmp_path)
    path.unlink()
    make(path)
    with pytest.raises(StoreError):
        shop.reopened().fetch(shop.entry)
