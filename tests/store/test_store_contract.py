"""The contract, once per backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import BlobContract, IndexContract

from runtime.store.folder import FolderBackend
from runtime.store.index import IndexBackend
from runtime.store.memory import MemoryBackend, MemoryIndex
from runtime.store.objects import ObjectBackend
from runtime.store.opening import open_blobs, open_index
from runtime.store.sqlite import SqliteIndex


class TestFolder(BlobContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> FolderBackend:
        return FolderBackend(tmp_path / "blobs")


class TestMemoryBlobs(BlobContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> MemoryBackend:
        return MemoryBackend()


class TestObjects(BlobContract):
    """What is ours in it, without a server."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> ObjectBackend:
        store = pytest.importorskip("obstore.store")
        return ObjectBackend(store.MemoryStore(), "memory")


class TestS3(BlobContract):
    @pytest.fixture
    def backend(self, s3_url: str) -> ObjectBackend:
        return open_blobs(s3_url)


class TestAzure(BlobContract):
    @pytest.fixture
    def backend(self, azure_url: str) -> ObjectBackend:
        return open_blobs(azure_url)


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


class TestPostgres(IndexContract):
    @pytest.fixture
    def index(self, postgres_url: str) -> Iterator[IndexBackend]:
        index = open_index(postgres_url)
        yield index
        index.close()
