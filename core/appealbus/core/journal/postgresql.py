"""Opens a journal in PostgreSQL, and says in words what goes wrong there."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import nullcontext, suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

import structlog
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from appealbus.core.errors import CONFLICT, UNREACHABLE, ConfigError, JournalError
from appealbus.core.journal import migration_lock, schema
from appealbus.core.journal.drivers.direct import CHANNEL
from appealbus.core.journal.key import JournalKey, KeyFile
from appealbus.core.journal.mark import OUTLIVED, Memory

if TYPE_CHECKING:
    import psycopg

C = TypeVar("C")

log = structlog.get_logger(__name__)


class OpenConnections:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[Any] = WeakSet()
        self._over = False

    @property
    def over(self) -> bool:
        return self._over

    def make(self, connect: Callable[[], C]) -> C:
        if self._over:
            raise JournalError("the journal failed: the database does not answer", UNREACHABLE)
        connection = connect()
        with self._lock:
            self._open.add(connection)
        if self._over:
            self.cut()
        return connection

    def cut(self) -> None:
        """Close all connections and allow no new ones, so that whoever waits gets an error at once."""
        with self._lock:
            self._over = True
            connections = list(self._open)
        for connection in connections:
            # One that is closed already has no number, and its own error says so.
            with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)


Password = Callable[[], str]

CONNECT_SECONDS = 5
"""A machine that is off says nothing; the bus's start and a worker's beat must not wait for it long."""
_STATEMENT_SECONDS = 20
"""Less than `_WAIT_SECONDS`, so that the database itself ends what takes too long, and says so."""
_LOCK_SECONDS = 10
"""Less than a statement has, so that an error tells of a lock where it was a lock."""
_IDLE_SECONDS = 30
"""How long a reader may stand still in a transaction: what it sees cannot be vacuumed meanwhile."""
_WRITING_IDLE_SECONDS = 3
"""How long a writer may stand still in a transaction: its locks hold up all other workers, whatever became of it."""
_WAIT_SECONDS = 25.0
"""How long one answer of the database may take. It gives up on a statement sooner: only a dead line gets here."""
_MIGRATION_SECONDS = 3600
"""A migration may rewrite tables of millions of rows; an hour is more than that takes, and still an end."""
_NEWS_PAUSE = 5.0
"""Seconds before the next connection: a database that restarts is back in a few, and workers look by themselves."""
_PREPARED = 500
"""Statements that the driver keeps prepared: with up to seven sizes of each insert there may be more than its own
100."""

_READING = {
    # One snapshot for all statements of a read, as SQLite gives.
    "default_transaction_isolation": r"repeatable\ read",
    "default_transaction_read_only": "on",
    # To compile what is asked, or to start processes that help, takes longer than to answer it.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
"""Settings of the connections that read: said once for each, and not once for each read."""

# No wait on the database is endless: neither for a connection, nor for a lock, nor on a line that swallows everything.
CONNECTION_SETTINGS = {
    "application_name": "appealbus",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}

_ENDED_IDLE = "25P03"
_AWAY = (UNREACHABLE, "the database cannot be reached")
_CODES: Mapping[str, tuple[str, str]] = {
    "08": _AWAY,
    "57P": _AWAY,
    _ENDED_IDLE: (UNREACHABLE, "the database ended a connection that stood still in a transaction"),
    "25006": (UNREACHABLE, "the database takes no writes: it is a standby, or is being moved"),
    OUTLIVED: ("superseded", "it has another key or epoch"),
    "22": ("constraint", "the write holds what the database does not take"),
    "23": ("constraint", "the write contradicts what is there"),
    "40": (CONFLICT, "others write the same at this moment"),
    "55P03": (CONFLICT, "others have held what is to be written for too long"),
    "57014": ("slow", f"the database took longer than {_STATEMENT_SECONDS} s"),
    "42501": ("forbidden", "the role lacks a right on the journal's tables; make it their owner"),
    "42P01": ("not_a_journal", "the database has lost a table of the journal"),
    "53100": ("disk_full", "the database's disk is full"),
    "53300": (UNREACHABLE, "the database has no connection left; raise its max_connections or run fewer workers"),
    "53": (UNREACHABLE, "the database is short of memory"),
    "58030": ("io", "the database's disk failed"),
    "XX001": ("corrupt", "the database is damaged"),
    "XX002": ("corrupt", "the database is damaged"),
}
# A refused connection has no code, only a text. It is in the language of the server; what is not found here is shown.
_REFUSALS = (
    (
        r"password authentication failed|no password supplied",
        "the password is wrong or missing; set bus.journal_password",
    ),
    (r'role "[^"]*" does not exist', "the database has no such role; create it"),
    (r'database "[^"]*" does not exist', "there is no such database; create it"),
    (
        r"no pg_hba.conf entry|authentication failed",
        "the server does not let this role in from here; see its pg_hba.conf",
    ),
    (r"permission denied for database", "the role may not connect to this database; grant it CONNECT"),
    (r"certificate|SSL|root\.crt", "the TLS connection failed; check sslmode and sslrootcert in the URL"),
    (r"invalid (connection option|URI query parameter|\w+ value)", "the URL has a parameter that does not exist"),
)


def in_our_words(original: BaseException | None) -> tuple[str, str] | None:
    """Return code and text for an error of the driver; None for another error."""
    if not type(original).__module__.startswith("psycopg"):
        return None
    state = getattr(original, "sqlstate", None) or ""
    for length in (5, 3, 2):
        if state[:length] in _CODES:
            return _CODES[state[:length]]
    if state or type(original).__name__ not in {"OperationalError", "InterfaceError", "ConnectionTimeout"}:
        return None
    return _AWAY


def was_undone(error: Exception) -> bool:
    """Return whether a commit that failed had certainly not begun.

    An earlier statement had failed, or the database had ended the connection as it stood still in a transaction.
    """
    original = getattr(error, "orig", None)
    return getattr(original, "undone", False) or getattr(original, "sqlstate", None) == _ENDED_IDLE


def open_engines(
    url: URL,
    password: Password | None,
    key: KeyFile,
    connections: OpenConnections,
    memory: Memory,
    *,
    how: schema.How | None,
    readers: int,
) -> tuple[Engine, Engine | None, KeyFile | JournalKey]:
    """Connect, and migrate the tables if it is said how; return the engines to read and to write, and the key.

    Of a journal that is only read the key is its file. Raises ConfigError for what stays until somebody fixes it.
    """
    if url.drivername not in {"postgresql", "postgresql+psycopg"}:
        raise ConfigError("the journal's driver for PostgreSQL is psycopg; write postgresql://user@host/database")
    knows = None if how is None else memory
    reading = _engine(url, password, connections, _READING, knows, pool_size=readers, application_name="appealbus read")
    try:
        if how is None:
            schema.check(reading)
            return reading, None, key
        patient = _MIGRATION_SECONDS
        migrating = _engine(url, password, connections, pool_size=2, seconds=patient, idle_seconds=patient)
        try:
            fence = partial(migration_lock.PostgresqlFence, migrating)
            its_key = schema.upgrade(migrating, nullcontext(), key, fence, how)
        finally:
            migrating.dispose()
    except SQLAlchemyError as error:
        reading.dispose()
        _explain(error, url)
        raise
    except BaseException:
        reading.dispose()
        raise
    idle = _WRITING_IDLE_SECONDS
    writing = _engine(
        url, password, connections, {}, memory, pool_size=3, idle_seconds=idle, application_name="appealbus write"
    )
    return reading, writing, its_key


def _engine(
    url: URL,
    password: Password | None,
    connections: OpenConnections,
    more: Mapping[str, str] = MappingProxyType({}),
    memory: Memory | None = None,
    *,
    pool_size: int = 0,
    seconds: int = _STATEMENT_SECONDS,
    idle_seconds: int = _IDLE_SECONDS,
    application_name: str = "appealbus",
) -> Engine:
    settings = {
        "statement_timeout": seconds * 1000,
        "lock_timeout": _LOCK_SECONDS * 1000,
        "idle_in_transaction_session_timeout": idle_seconds * 1000,
        **more,
    }
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    options = f"{ours} {given if isinstance(given, str) else ' '.join(given)}".strip()
    query = {**CONNECTION_SETTINGS, "application_name": application_name, **url.query, "options": options}
    query["client_encoding"] = "utf8"  # that of drivers/encoding.py, whatever the database's or the environment's
    pool: dict[str, Any] = {"poolclass": NullPool}
    if pool_size:
        pool = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0}
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg", query=query), hide_parameters=True, use_native_hstore=False, **pool
        )
        connection_class = _connection_class(_WAIT_SECONDS + seconds - _STATEMENT_SECONDS, connections)
    except ImportError:
        raise ConfigError("PostgreSQL needs its driver: pip install '.[postgres]' in a checkout of the bus") from None

    @event.listens_for(engine, "do_connect")
    def connect(dialect: object, record: object, args: list[Any], given: dict[str, Any]) -> Any:
        # Read each time: a password that was changed in its file is right at the next reconnect.
        if password is not None:
            given["password"] = password()
        made = connections.make(lambda: connection_class.connect(*args, **given))
        made.prepared_max = _PREPARED
        if memory is not None and more is not _READING:
            migration_lock.share_postgresql(made)
        if memory is not None:
            memory.look_at_postgresql(made)
        return made

    return engine


def _connection_class(seconds: float, connections: OpenConnections) -> type[psycopg.Connection[Any]]:
    import psycopg

    from appealbus.core.journal.drivers.pipeline import PipelinedConnection

    class Connection(PipelinedConnection):
        """A connection that gives up, and closes, when an answer does not come."""

        @classmethod
        def _connect_gen(cls, *args: Any, **kwargs: Any) -> Any:
            # Not the driver's public face: where it is called otherwise one day, a cut waits for `connect_timeout`.
            return _bounded(super()._connect_gen(*args, **kwargs), lambda: connections.over)

        def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
            ends = time.monotonic() + seconds

            def is_dead() -> bool:
                if time.monotonic() <= ends:
                    return False
                self.close()
                return True

            return super().wait(_bounded(gen, is_dead), *args, **kwargs)

    def _bounded(gen: Generator[Any, Any, Any], is_hopeless: Callable[[], bool]) -> Generator[Any, Any, Any]:
        """Do what the driver does, until it has waited in vain and there is no hope."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and is_hopeless():
                    raise psycopg.OperationalError("no answer")
                wanted = gen.send(ready)
        except StopIteration as stop:
            return stop.value

    return Connection


def _explain(error: SQLAlchemyError, url: URL) -> None:
    """Raise ConfigError for what a person has to fix; return if waiting may help."""
    original = error.orig if isinstance(error, DBAPIError) else None
    where = f"the journal at {url.host or 'the local socket'}, database {url.database}, role {url.username}"
    state = getattr(original, "sqlstate", None)
    if state == "42501":
        raise ConfigError(
            f"{where}: the role may not make or read the journal's tables; "
            "make it the owner of the database, or of a schema that is first in its search_path"
        ) from None
    if original is None or state is not None:
        return
    text = str(original)
    for pattern, advice in _REFUSALS:
        if re.search(pattern, text):
            raise ConfigError(f"{where}: {advice}") from None


async def listen(url: URL, password: Password | None, on_news: Callable[[], None]) -> None:
    """Call `on_news` whenever another worker has something to deliver, until cancelled.

    News can be lost with the connection, so whoever hears it also looks by itself now and then.
    """
    import psycopg

    while True:
        try:
            async with await _connect(url, password) as connection:
                on_news()
                async for _ in connection.notifies():
                    on_news()
        except (psycopg.Error, OSError):
            log.debug("journal.news_lost")
        await asyncio.sleep(_NEWS_PAUSE)


async def _connect(url: URL, password: Password | None) -> psycopg.AsyncConnection[Any]:
    import psycopg

    url = url.set(
        drivername="postgresql+psycopg",
        query={**CONNECTION_SETTINGS, **url.query, "application_name": "appealbus news"},
    )
    _, given = url.get_dialect()().create_connect_args(url)
    if password is not None:
        given["password"] = await asyncio.to_thread(password)
    connection = await psycopg.AsyncConnection.connect(**given, autocommit=True)
    try:
        await connection.execute(f"LISTEN {CHANNEL}")
    except BaseException:
        await connection.close()
        raise
    return connection
