"""The contract, once per backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import BlobContract, IndexContract

from runtime.store.folder import FolderBackend
from runtime.store.memory import MemoryBackend, MemoryIndex
from runtime.store.sqlite import SqliteIndex


class TestFolder(BlobContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> FolderBackend:
        return FolderBackend(tmp_path / "blobs")


class TestMemoryBlobs(BlobContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> MemoryBackend:
        return MemoryBackend()


class TestSqlite(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[SqliteIndex]:
        index = SqliteIndex(tmp_path / "store" / "index.sqlite")
        yield index
        index.close()


class TestMemoryIndex(IndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> MemoryIndex:
        return MemoryIndex()
