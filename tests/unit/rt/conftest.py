from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rt_harness import Native, Rt, Wasm, build_native


@pytest.fixture(scope="session")
def native_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_native(tmp_path_factory.mktemp("rt"))


@pytest.fixture(scope="module", params=["native", "wasm"])
def rt(request: pytest.FixtureRequest) -> Iterator[Rt]:
    """An instance of either build, shared by the tests of a module."""
    if request.param == "wasm":
        yield Rt(Wasm(1 << 30))
        return
    native = Native(request.getfixturevalue("native_library"), 1 << 30)
    yield Rt(native)
    native.close()
