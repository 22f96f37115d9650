"""Caches on a busy machine."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unhurried(patient: None) -> None:
    """No test of a cache is about how soon it gives up, unless it says so."""
