"""Fixtures with real servers, one of each per test run. A machine that cannot have them skips their tests
and says why; where ``CI`` is ``true`` they are required."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import pytest

from services import Unavailable
from services.azure import Azure
from services.ceph import Ceph
from services.nats import Nats
from services.postgres import Postgres
from services.redis import Redis

Server = TypeVar("Server", Ceph, Azure, Postgres, Redis, Nats)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Ceph]:
    with running(Ceph) as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Azure]:
    with running(Azure) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with running(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with running(Redis) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server() -> Iterator[Nats]:
    with running(Nats) as server:
        yield server


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gives up on a server because the machine is busy."""
    from runtime.store import objects
    from runtime.store.postgres_pool import Connection, PostgresPool

    for name in ("connect_timeout", "read_timeout", "timeout"):
        monkeypatch.setitem(objects.CLIENT, name, "120s")  # type: ignore[literal-required]
    monkeypatch.setitem(objects.RETRY, "retry_timeout", timedelta(seconds=120))
    monkeypatch.setattr(Connection, "patience", 150.0)
    for name, value in (("connect_s", 120), ("wait_s", 120.0), ("statement_ms", 120_000)):
        monkeypatch.setattr(PostgresPool, name, value)


@pytest.fixture
def s3_url(s3_server: Ceph, long_waits: None) -> str:
    """An empty place in the bucket."""
    return f"s3://rtfsc/{uuid.uuid4().hex}?endpoint={s3_server.url}"


@pytest.fixture
def azure_url(azure_server: Azure, long_waits: None) -> str:
    """An empty place in the container."""
    return azure_server.settings()["RTFSC_TEST_AZURE"].replace("?", f"/{uuid.uuid4().hex}?", 1)


@pytest.fixture
def postgres_url(postgres_server: Postgres, long_waits: None) -> str:
    """A schema that does not exist yet."""
    return f"{postgres_server.url}?schema=test_{uuid.uuid4().hex}"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches give up on servers and files after a second or two; on a busy machine that is nobody's fault."""
    from runtime.caches import cold, pgvector, vectors_file, writer
    from runtime.store import objects

    for module in (cold, vectors_file):
        monkeypatch.setattr(module, "_BUSY_S", 60.0)
    monkeypatch.setattr(writer, "_PATIENCE_S", 60.0)
    monkeypatch.setattr(pgvector._Hasty, "patience", 60.0)
    for name, value in (("connect_s", 60), ("wait_s", 60.0), ("statement_ms", 60_000)):
        monkeypatch.setattr(pgvector.PostgresVectors, name, value)
    for name in ("connect_timeout", "read_timeout", "timeout"):
        monkeypatch.setitem(objects.HASTY_CLIENT, name, "60s")  # type: ignore[literal-required]


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """With a prefix of its own for its keys."""
    return f"{redis_server.url}?prefix=test-{uuid.uuid4().hex}"


@pytest.fixture
def nats_url(nats_server: Nats) -> str:
    """With streams of its own."""
    return f"{nats_server.url}?prefix=test-{uuid.uuid4().hex}"


@contextmanager
def running(kind: type[Server], *, private: bool = False) -> Iterator[Server]:
    """The server, and its settings in the environment if it is not ``private``. Skips or fails the test
    where it cannot be had."""
    try:
        server = kind()
    except Unavailable as error:
        _without(kind, error)
    before = dict(os.environ)
    try:
        try:
            server.start()
        except Unavailable as error:
            _without(kind, error)
        if not private:
            os.environ.update(server.settings())
        yield server
    finally:
        server.close()
        if not private:
            for name in server.settings():
                os.environ.pop(name, None)
                os.environ.update({name: before[name]} if name in before else {})


def _without(kind: type, error: Unavailable) -> None:
    message = f"no {kind.__name__} on this machine: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
