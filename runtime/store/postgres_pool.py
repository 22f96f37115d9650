"""Connections to a PostgreSQL index: a pool per process, the schema up to date, errors in our words."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from runtime.store.errors import (
    InvalidModule,
    ReadOnlyStore,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from runtime.store.location import BadLocation, split_query, without_secrets
from runtime.store.outage import Outage
from runtime.store.postgres_schema import MIGRATIONS

T = TypeVar("T")

CONNECT_S = 5
STATEMENT_MS = 15_000  # the server's own limit
ANSWER_S = 20.0  # and what is waited for a server that does not even keep that one
WAIT_S = 12.0  # for a server that restarts
_MOST_CONNECTIONS = 8
_RECONNECT_S = 1.0  # after which a series of attempts to connect, with growing pauses, begins anew
_TRUSTED_IDLE_S = 5.0  # a connection idle for longer is tried before it is used
_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
_ENDED = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.IdleSessionTimeout,
    errors.IdleInTransactionSessionTimeout,
    errors.ConnectionException,
)
_SCHEMA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


# What it has to say is said by the errors raised here; without a handler it would go to standard error.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """Gives up on a server that is silent for ``patience`` seconds; the driver would wait for ever."""

    patience = ANSWER_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.used = time.monotonic()  # when it was made, or last taken from the pool

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, steps: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same steps; between two of them the driver reports nothing every ``interval``."""
        end = time.monotonic() + self.patience
        try:
            asked = next(steps)
            while True:
                ready = yield asked
                if not ready and time.monotonic() > end:
                    self.close()
                    raise psycopg.OperationalError(f"no answer in {self.patience:.0f} s")
                asked = steps.send(ready)
        except StopIteration as done:
            result: T = done.value
            return result


class _Interrupted(psycopg.OperationalError):
    """The connection was lost in the middle of what must not be done twice."""


@contextmanager
def patient(connection: Connection, seconds: float) -> Iterator[None]:
    """For one transaction, a statement may take so long."""
    former, connection.patience = connection.patience, seconds + 5.0
    try:
        connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        yield
    finally:
        connection.patience = former


class PostgresPool:
    """``address``: a PostgreSQL URL; its query may have ``schema`` (default ``rtfsc``), the others go to the
    driver. Connects at the first use, and again after a fork.

    What is kept: ``migrations`` make the tables, ``versions`` is the table that says how many were taken, and
    whoever may write to ``written`` may write to all."""

    migrations: Sequence[Sequence[str]] = MIGRATIONS
    versions, written = "rtfs_schema", "rtfs_modules"
    connection_class: type[Connection] = Connection
    connect_s, wait_s, statement_ms = CONNECT_S, WAIT_S, STATEMENT_MS

    def __init__(self, address: str, *, read_only: bool = False) -> None:
        plain, query = split_query(address)
        self.schema = query.pop("schema", "rtfsc")
        if not _SCHEMA_NAME.fullmatch(self.schema):
            raise BadLocation(f"{self.schema!r:.80} is no name of a schema")
        self.name = without_secrets(plain)
        self._conninfo = self._settings(plain, query)
        self._wanted_read_only = read_only
        self._lock = threading.RLock()
        self._pool: ConnectionPool[Connection] | None = None
        self._owner = 0
        self._inherited: list[object] = []
        self._present = False
        self._reason: str | None = "opened read-only" if read_only else None
        self._outage = Outage()
        self._drained = 0.0

    def _settings(self, plain: str, query: dict[str, str]) -> str:
        given = {
            "connect_timeout": str(self.connect_s),
            "application_name": "rtfsc",
            "tcp_user_timeout": "10000",
        }
        # The name is quoted twice: for SQL, and for the list of options.
        path = f'"{self.schema}",public'.replace(" ", "\\ ")
        limits = self.statement_ms
        options = f"-c search_path={path} -c statement_timeout={limits} -c lock_timeout={limits}"
        try:
            given |= {k: str(v) for k, v in conninfo_to_dict(make_conninfo(plain, **query)).items()}
            return make_conninfo(**{**given, "options": f"{given.get('options', '')} {options}".strip()})
        except psycopg.Error as error:
            raise BadLocation(f"{self.name}: {_first_line(error)}") from None

    # -- use

    def read_only_reason(self) -> str | None:
        """Why nothing can be written; None if it can."""
        with self._translated():
            self._ready()
        return self._reason

    def reading(self, work: Callable[[Connection], T], otherwise: T) -> T:
        """What ``work`` reads, in one statement or several; ``otherwise`` while there is no index."""
        with self._translated():
            if not self._ready():
                return otherwise
            return self._again(work)

    def writing(self, work: Callable[[Connection], T], *, durable: bool = True, repeatable: bool = True) -> T:
        """``work`` in one transaction: all of it or nothing. ``repeatable``: doing it twice is doing it once,
        so that it may be done again where it is not known whether it was."""

        def transaction(connection: Connection) -> T:
            with connection.transaction():
                if not durable:
                    connection.execute("SET LOCAL synchronous_commit = off")
                return work(connection)

        with self._translated():
            self._ready(create=True)
            if self._reason is not None:
                raise ReadOnlyStore(f"{self.name}: {self._reason}")
            return self._again(transaction, repeatable=repeatable)

    def close(self) -> None:
        with self._lock:
            if self._pool is not None and self._owner == os.getpid():
                self._pool.close()
            self._pool = None

    # -- inside

    def _again(self, work: Callable[[Connection], T], *, repeatable: bool = True) -> T:
        """Until it is done or ``wait_s`` have passed: of two transactions in each other's way one is to be
        repeated, and a server that restarts takes all connections with it. What is not ``repeatable`` is done
        on a connection that answered a moment ago, and not again where it may have been done."""
        end = time.monotonic() + self.wait_s
        pause = 0.0
        while True:
            with self._connected(sure=not repeatable) as connection:
                try:
                    return work(connection)
                except psycopg.OperationalError as error:
                    if self._lost(connection, error):
                        if not repeatable:
                            raise _Interrupted(f"{_first_line(error)}; it may have been done") from error
                    elif not isinstance(error, _AGAIN):
                        raise
                    if time.monotonic() > end:
                        raise
            time.sleep(pause)
            pause = min(2 * pause + 0.01, 0.5)

    @contextmanager
    def _connected(self, *, sure: bool) -> Iterator[Connection]:
        with self._lock:
            pool = self._pool if self._owner == os.getpid() else None
            if pool is None:
                pool = self._new_pool()
        end = time.monotonic() + self.wait_s
        while True:
            connection = pool.getconn(self.wait_s)
            try:
                if sure or time.monotonic() - connection.used > _TRUSTED_IDLE_S:
                    ConnectionPool.check_connection(connection)
                break
            except psycopg.OperationalError as error:
                if not self._lost(connection, error) or time.monotonic() > end:
                    pool.putconn(connection)
                    raise
                pool.putconn(connection)
            except BaseException:
                pool.putconn(connection)
                raise
        connection.used = time.monotonic()
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def _lost(self, connection: Connection, error: psycopg.OperationalError) -> bool:
        """Whether the connection is of no more use. Then the idle ones are not either, and are replaced: by
        the first of those who find out."""
        if not connection.closed and not isinstance(error, _ENDED):
            return False
        with self._lock:
            if self._pool is not None and connection.used > self._drained:
                self._pool.drain()
                self._drained = time.monotonic()
        return True

    def _new_pool(self) -> ConnectionPool[Connection]:
        if self._pool is not None:
            # After a fork the parent's connections must be neither used nor closed here.
            self._inherited.append(self._pool)
        pool: ConnectionPool[Connection] = ConnectionPool(
            self._conninfo,
            connection_class=self.connection_class,
            kwargs={"autocommit": True},
            min_size=0,
            max_size=_MOST_CONNECTIONS,
            max_waiting=0,
            reconnect_timeout=_RECONNECT_S,
            reconnect_failed=_try_again,
            open=False,
            name="rtfsc",
        )
        pool.open()
        self._pool, self._owner = pool, os.getpid()
        return pool

    def _ready(self, *, create: bool = False) -> bool:
        """Whether there is an index. The first connection is made here and not by the pool, which would keep
        trying without saying what is wrong."""
        self._outage.check()
        with self._lock:
            if self._present:
                return True
            newest = len(self.migrations)
            with self.connection_class.connect(self._conninfo, autocommit=True) as connection:
                version = _version(connection, self.schema, self.versions)
                if self._wanted_read_only:
                    self._reason = "opened read-only"
                elif version <= newest:
                    self._reason = _unwritable(connection, f'"{self.schema}".{self.written}', version)
                else:
                    self._reason = f"made by a newer rtfsc (schema {version}, this one knows {newest})"
                if self._reason is None and (0 < version < newest or (create and version == 0)):
                    version = _migrate(connection, self.schema, self.versions, self.migrations)
                if 0 < version < newest:
                    raise StoreError(f"{self.name}: the index is of an earlier rtfsc and {self._reason}",
                                     hint="let somebody who may write to it use it once")  # fmt: skip
            self._present = version > 0
            return self._present

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, PoolTimeout) as error:
            raise self._translate(error) from error
        except ValueError as error:
            if "NUL" not in str(error):
                raise
            raise InvalidModule(f"{self.name}: a text with the character U+0000 cannot be kept") from error
        else:
            self._outage.ended()

    def _translate(self, error: Exception) -> StoreError:
        message = f"{self.name}: {_first_line(error)}"
        if isinstance(error, (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
            return ReadOnlyStore(message)
        if isinstance(error, (errors.DiskFull, errors.ConfigurationLimitExceeded)):
            return StoreFull(message)
        if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled, *_AGAIN)):
            return StoreBusy(message, hint="try again")
        if isinstance(error, errors.DataError) and "NUL" in str(error):
            return InvalidModule(f"{self.name}: a text with the character U+0000 cannot be kept")
        if isinstance(error, PoolTimeout):
            return self._outage.began(self._diagnosis(message))
        if isinstance(error, _Interrupted):
            return StoreUnreachable(message)
        if isinstance(error, psycopg.OperationalError):
            return self._outage.began(StoreUnreachable(message))
        return StoreError(message)

    def _diagnosis(self, message: str) -> StoreUnreachable:
        """What the pool met while nobody listened."""
        try:
            psycopg.connect(self._conninfo).close()
        except psycopg.Error as error:
            message = f"{self.name}: {_first_line(error)}"
        return StoreUnreachable(message)


def _try_again(pool: ConnectionPool[Any]) -> None:
    """Of its own the pool would give up, and whoever waits for a connection would wait in vain."""
    if pool.get_stats().get("requests_waiting"):
        pool.check()


def _version(connection: Connection, schema: str, versions: str) -> int:
    """How many migrations were taken; 0 where there is no index."""
    [table] = connection.execute("SELECT to_regclass(%s)", (f'"{schema}".{versions}',)).fetchone() or [None]
    if table is None:
        return 0
    row = connection.execute(f"SELECT max(version) FROM {versions}").fetchone()
    return int(row[0] or 0) if row else 0


def _unwritable(connection: Connection, table: str, version: int) -> str | None:
    row = connection.execute(
        "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
    ).fetchone()
    if row is not None and row[0]:
        return "the server is a read-only copy"
    if row is not None and row[1] == "on":
        return "the server allows this user to read only"
    if version > 0:
        row = connection.execute("SELECT has_table_privilege(%s, 'INSERT, UPDATE')", (table,)).fetchone()
        if row is not None and not row[0]:
            return "this user may not write to it"
    return None


def _migrate(connection: Connection, schema: str, versions: str, migrations: Sequence[Sequence[str]]) -> int:
    """Of several that come at once one does it and the others wait."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"rtfsc {schema}",))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        if not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
            # Shared by all schemas of the database; made twice at once, one of both fails in spite of its IF.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('rtfsc', 0))")
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {versions} (version integer PRIMARY KEY)")
        version = _version(connection, schema, versions)
        for number, step in enumerate(migrations[version:], version + 1):
            for statement in step:
                connection.execute(statement)
            connection.execute(f"INSERT INTO {versions} VALUES (%s)", (number,))
    return max(version, len(migrations))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
