"""A shop on each kind of backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shops import PLACES, Place, Shop, open_shop_at
from shops import place as made


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    return made(request.param, request)


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    shop = open_shop_at(place)
    yield shop
    shop.close()
