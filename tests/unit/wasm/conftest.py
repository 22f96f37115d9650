from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wasm_samples import artifact

from runtime.values import Limits
from runtime.wasm.executor import Instance, WasmExecutor


@pytest.fixture(scope="session")
def executor(tmp_path_factory: pytest.TempPathFactory) -> WasmExecutor:
    folder: Path = tmp_path_factory.mktemp("native")
    folder.chmod(0o700)
    return WasmExecutor(folder)


@pytest.fixture
def make(executor: WasmExecutor) -> Iterator[Callable[..., Instance]]:
    made: list[Instance] = []

    def instance(**limits: Any) -> Instance:
        made.append(executor.instantiate(artifact(), limits=Limits(**limits)))
        return made[-1]

    yield instance
    for one in made:
        one.close()


@pytest.fixture
def instance(make: Callable[..., Instance]) -> Instance:
    return make()
