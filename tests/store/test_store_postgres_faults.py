"""A real PostgreSQL that is restarted, gone, silent, of another schema, or not for us to write."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from contract import add, new_entry, together
from psycopg_pool import ConnectionPool
from relay import Relay
from servers import running

from runtime.store import outage, postgres_pool
from runtime.store.errors import InvalidModule, ReadOnlyStore, StoreBusy, StoreUnreachable
from runtime.store.index import Uses
from runtime.store.location import BadLocation
from runtime.store.postgres import PostgresIndex
from services.postgres import Postgres


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on a busy machine takes its time."""
    monkeypatch.setattr(outage, "PAUSE_S", 0.0)
    monkeypatch.setattr(postgres_pool.PostgresPool, "wait_s", 120.0)
    monkeypatch.setattr(postgres_pool.PostgresPool, "connect_s", 60)


@contextmanager
def impatiently() -> Iterator[None]:
    """For a server that is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_pool.PostgresPool, "wait_s", 3.0)
        yield


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """One that may be stopped."""
    with running(Postgres, private=True) as server:
        yield server


def index_of(server: Postgres, schema: str) -> PostgresIndex:
    secret = server.settings()["PGPASSWORD"]
    return PostgresIndex(f"{server.url.replace('rtfsc@', f'rtfsc:{secret}@')}?schema={schema}")


@pytest.fixture
def relay(postgres_server: Postgres) -> Iterator[Relay]:
    relay = Relay(postgres_server.port)
    yield relay
    relay.close()


@pytest.fixture
def index(postgres_url: str, postgres_server: Postgres, relay: Relay) -> Iterator[PostgresIndex]:
    index = PostgresIndex(postgres_url.replace(f":{postgres_server.port}/", f":{relay.port}/"))
    yield index
    index.close()


def test_connections_that_were_cut_are_made_again(index: PostgresIndex, relay: Relay) -> None:
    entry = add(index, new_entry())
    for work in (
        lambda: index.get(entry.id),
        lambda: index.touch({entry.id: Uses(1, 1)}),
        lambda: index.append_log(b"leaf"),
        lambda: index.add(new_entry("2")),
    ):
        relay.cut()
        work()
    assert index.log(0, 9) == [b"leaf"] and len(index.all()) == 2
    found = index.get(entry.id)
    assert found is not None and found.use_count == 1


def test_a_server_that_is_restarted_while_entries_are_added(own_server: Postgres) -> None:
    index = index_of(own_server, "restarted")
    # The index is there: who connects for the first time is told at once what is wrong.
    told, failed, leaves = [index.add(new_entry())], [], []
    restarted = threading.Event()

    def work(n: int) -> None:
        for i in itertools.count():
            if i >= 20 and restarted.is_set():
                break
            told.append(index.add(new_entry(f"{n}-{i}", signature=f"{n}-{i}")))
            try:
                leaves.append(index.append_log(b"leaf"))
            except StoreUnreachable as error:
                failed.append(error)

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work, n) for n in range(3)]
        try:
            for at_once in (True, False):
                time.sleep(0.2)
                own_server.stop(at_once=at_once)
                own_server.start()
        finally:
            restarted.set()
        for worker in workers:
            worker.result()  # an entry may be added twice, and so no restart is in the way
    assert all("it may have been done" in error.message for error in failed), "a leaf may not"
    assert all(holds for _, holds in told)
    history = index.history("shop.pricing")
    assert {entry.id for entry, _ in told} == {entry.id for entry in history}, "nothing is lost"
    assert [entry.serial for entry in history] == list(range(len(history), 0, -1))
    assert all(entry.description.exports for entry in history), "nothing is half visible"
    assert set(leaves) <= set(range(index.log_size()))
    index.close()


@pytest.mark.parametrize("idle", [False, True])
def test_a_restart_takes_all_connections(
    own_server: Postgres, idle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(own_server, f"connections_{idle}")
    entry = add(index, new_entry())
    if idle:
        monkeypatch.setattr(postgres_pool, "_TRUSTED_IDLE_S", -1.0)
    for n, work in enumerate(
        (
            lambda: index.get(entry.id),
            lambda: index.append_log(b"leaf"),
            lambda: index.add(new_entry("2")),
        )
    ):
        many = threading.Barrier(8)

        def held(connection: postgres_pool.Connection, many: threading.Barrier = many) -> None:
            many.wait(120)

        together([lambda: index.reading(held, None)] * 8)
        own_server.stop(at_once=n % 2 == 0)
        own_server.start()
        work()
    assert index.log(0, 9) == [b"leaf"] and len(index.all()) == 2
    index.close()


def test_what_was_interrupted_is_no_outage(index: PostgresIndex, relay: Relay) -> None:
    """What may be done once only is not done again; nobody else has to wait."""
    add(index, new_entry())
    outages: list[StoreUnreachable] = []
    index._outage.began = lambda error: outages.append(error) or error  # type: ignore[method-assign]

    def interrupted(connection: postgres_pool.Connection) -> None:
        relay.cut()
        connection.execute("SELECT 1")

    with pytest.raises(StoreUnreachable, match="it may have been done"):
        index.writing(interrupted, repeatable=False)
    assert not outages and len(index.all()) == 1


def test_a_server_that_is_gone_and_comes_back(own_server: Postgres) -> None:
    index = index_of(own_server, "gone")
    entry = add(index, new_entry())
    own_server.stop()
    for work in (lambda: index.get(entry.id), lambda: index.add(new_entry("2"))):
        with impatiently(), pytest.raises(StoreUnreachable, match="refused"):
            work()
    fresh = index_of(own_server, "gone")
    with pytest.raises(StoreUnreachable, match="refused"):
        fresh.all()
    own_server.start()
    assert index.get(entry.id) == entry == fresh.get(entry.id)
    index.close()
    fresh.close()


def test_a_server_that_is_away_for_longer_than_the_pool_tries(
    own_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(own_server, "away")
    given_up, again = threading.Event(), postgres_pool._try_again

    def noticed(pool: ConnectionPool[Any]) -> None:
        given_up.set()
        again(pool)

    monkeypatch.setattr(postgres_pool, "_RECONNECT_S", 0.1)
    monkeypatch.setattr(postgres_pool, "_try_again", noticed)
    entry = add(index, new_entry())
    with ThreadPoolExecutor(1) as thread:
        own_server.stop()
        try:
            found = thread.submit(index.get, entry.id)
            assert given_up.wait(60)
        finally:
            own_server.start()
        assert found.result() == entry
    index.close()


def test_a_server_that_is_silent(postgres_url: str, postgres_server: Postgres, relay: Relay) -> None:
    address = postgres_url.replace(f":{postgres_server.port}/", f":{relay.port}/")
    index = PostgresIndex(f"{address}&connect_timeout=2")
    add(index, new_entry())
    relay.silence()
    with impatiently(), pytest.MonkeyPatch.context() as patch, pytest.raises(StoreUnreachable):
        patch.setattr(postgres_pool.Connection, "patience", 0.3)
        index.all()
    relay.silence(False)
    assert len(index.all()) == 1
    index.close()


def test_what_takes_long_is_waited_for(index: PostgresIndex) -> None:
    """As the graph of a large group does."""

    def slow(connection: postgres_pool.Connection) -> None:
        with hasty(connection), postgres_pool.patient(connection, 60.0):
            connection.execute("SELECT pg_sleep(1)")

    def too_slow(connection: postgres_pool.Connection) -> None:
        with hasty(connection):
            connection.execute("SELECT pg_sleep(30)")

    def canceled(connection: postgres_pool.Connection) -> None:
        with postgres_pool.patient(connection, 0.1):
            connection.execute("SELECT pg_sleep(30)")

    index.writing(slow)
    with pytest.raises(StoreUnreachable, match="no answer in 0"):
        index.writing(too_slow, repeatable=False)
    with pytest.raises(StoreBusy, match="statement timeout"):
        index.writing(canceled)


@contextmanager
def hasty(connection: postgres_pool.Connection) -> Iterator[None]:
    """It waits less than the rest of its transaction may take."""
    connection.patience = 0.3
    try:
        yield
    finally:
        del connection.patience


def test_nobody_waits_twice_in_a_row(own_server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(own_server, "outage")
    monkeypatch.setattr(outage, "PAUSE_S", 3600.0)
    own_server.stop()
    try:
        with pytest.raises(StoreUnreachable):
            index.all()
    finally:
        own_server.start()
    with pytest.raises(StoreUnreachable, match="refused"):
        index.all()
    monkeypatch.setattr(index._outage, "_until", 0.0)
    assert index.all() == []
    index.close()


def test_a_wrong_password(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong")
    index = PostgresIndex(postgres_url)
    with pytest.raises(StoreUnreachable, match="password authentication failed"):
        index.all()
    with pytest.raises(StoreUnreachable, match="password") as refused:
        add(index, new_entry())
    assert "wrong" not in str(refused.value)


def test_a_password_in_the_address_is_not_shown(postgres_url: str) -> None:
    index = PostgresIndex(postgres_url.replace("rtfsc@", "rtfsc:topsecret@"))
    with pytest.raises(StoreUnreachable) as refused:
        index.all()
    assert "topsecret" not in str(refused.value)


def test_reading_an_index_that_does_not_exist_makes_nothing(postgres_url: str) -> None:
    index = PostgresIndex(postgres_url)
    assert index.all() == [] and index.log_size() == 0 and index.read_only_reason() is None
    with psycopg.connect(postgres_url.partition("?")[0]) as connection:
        schema = postgres_url.partition("schema=")[2]
        assert connection.execute("SELECT to_regnamespace(%s)", (schema,)).fetchone() == (None,)
    index.close()


def test_several_make_and_migrate_it_at_once(postgres_url: str) -> None:
    indexes = [PostgresIndex(postgres_url) for _ in range(6)]
    together([lambda i=i, n=n: add(i, new_entry(str(n))) for n, i in enumerate(indexes)])
    assert len(indexes[0].all()) == 6
    for index in indexes:
        index.close()


def test_several_come_to_a_new_database_at_once(postgres_server: Postgres) -> None:
    """What they share is made once, though each has a schema of its own."""
    for _ in range(3):
        name = f"new_{uuid.uuid4().hex}"
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        address = postgres_server.url.replace("/postgres", f"/{name}")
        indexes = [PostgresIndex(f"{address}?schema=team_{n}") for n in range(6)]
        together([lambda i=index: add(i, new_entry()) for index in indexes])
        assert [len(index.all()) for index in indexes] == [1] * 6
        for index in indexes:
            index.close()


def test_a_newer_schema_is_read_and_not_written(postgres_url: str) -> None:
    index = PostgresIndex(postgres_url)
    entry = add(index, new_entry())
    index.close()
    plain, _, schema = postgres_url.partition("?schema=")
    with psycopg.connect(plain) as connection:
        connection.execute(f"INSERT INTO {schema}.rtfs_schema VALUES (99)")
    newer = PostgresIndex(postgres_url)
    assert newer.get(entry.id) == entry
    assert "newer rtfsc" in (newer.read_only_reason() or "")
    with pytest.raises(ReadOnlyStore, match="newer"):
        add(newer, new_entry("2"))
    newer.close()


def test_a_user_who_may_only_read(postgres_url: str) -> None:
    index = PostgresIndex(postgres_url)
    entry = add(index, new_entry())
    plain, _, schema = postgres_url.partition("?schema=")
    with psycopg.connect(plain) as connection:
        role = f"reader_{schema}"
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{os.environ['PGPASSWORD']}'")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
    reader = PostgresIndex(postgres_url.replace("rtfsc@", f"{role}@"))
    assert reader.get(entry.id) == entry
    assert reader.read_only_reason() == "this user may not write to it"
    with pytest.raises(ReadOnlyStore, match="may not write"):
        reader.pin(entry.id, True)
    stranger = PostgresIndex(f"{plain.replace('rtfsc@', f'{role}@')}?schema=elsewhere")
    with pytest.raises(ReadOnlyStore, match="permission denied"):
        add(stranger, new_entry())
    for each in (index, reader, stranger):
        each.close()


def test_opened_read_only(postgres_url: str) -> None:
    index = PostgresIndex(postgres_url, read_only=True)
    assert index.all() == [] and index.read_only_reason() == "opened read-only"
    with pytest.raises(ReadOnlyStore):
        add(index, new_entry())
    index.close()


def test_a_text_that_postgresql_cannot_keep(index: PostgresIndex) -> None:
    with pytest.raises(InvalidModule, match=r"U\+0000"):
        index.add(new_entry(doc="a\0b"))
    assert index.all() == []


@pytest.mark.parametrize("schema", ["", "a-b", 'x"; DROP SCHEMA public; --', "1a", "a" * 64])
def test_names_that_are_no_schema(schema: str) -> None:
    with pytest.raises(BadLocation):
        PostgresIndex(f"postgresql://h/d?schema={schema}")


def test_a_forked_process_has_its_own_connections(index: PostgresIndex) -> None:
    add(index, new_entry())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(300)
            add(index, new_entry("child"))
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert len(index.all()) == 2
