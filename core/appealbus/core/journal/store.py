"""Opens the database behind a journal: a file of SQLite, or PostgreSQL (see postgresql.py)."""

import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from appealbus.core.errors import UNEXPECTED, UNREACHABLE, ConfigError, JournalError
from appealbus.core.journal import migration_lock, postgresql, schema
from appealbus.core.journal.drivers.direct import sqlite_driver
from appealbus.core.journal.errors import NoJournalYet, Outlived
from appealbus.core.journal.key import JournalKey, KeyFile
from appealbus.core.journal.lock import FileLock
from appealbus.core.journal.mark import Generation, Memory
from appealbus.core.journal.postgresql import OpenConnections
from appealbus.core.process.sidecar import make_private

UNNAMED_KEY = Path("appealbus.key")
"""Where the key of a journal in PostgreSQL lies unless somebody says where."""
READERS = 4
"""Connections that read. The bus's own reads are short; a command, a scrape and a page may come on top."""
_BUSY_MS = 5000
"""How long SQLite waits for whoever else has the file: a backup holds it for less."""
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA cache_size=-16000",
)
_CODES = {
    sqlite3.SQLITE_FULL: ("disk_full", "the disk is full"),
    sqlite3.SQLITE_IOERR: ("io", "the disk failed"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", "the file is damaged"),
    sqlite3.SQLITE_NOTADB: ("not_a_journal", "the file is not a database"),
    sqlite3.SQLITE_BUSY: ("busy", "another program holds the database"),
    sqlite3.SQLITE_READONLY: ("read_only", "the file or its folder cannot be written"),
    sqlite3.SQLITE_CANTOPEN: ("cannot_open", "the file cannot be opened"),
}


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """An open database. `path` is that of the SQLite file; `writing` is None where it is only read.

    `memory` knows how far the journal was. `key` is where the key lies, which is not looked at until it is needed where
    the database is only read.
    `generation` is what each transaction that writes shows; None where it is only read.
    `listen` calls back whenever another worker has something to deliver, `cut` ends the connections to the database,
    so that nobody waits there any more; None where there is no other worker, and no connection.
    """

    reading: Engine
    writing: Engine | None
    lock: FileLock | nullcontext[None]
    path: Path | None
    key: KeyFile | JournalKey
    memory: Memory
    listen: Callable[[Callable[[], None]], Awaitable[None]] | None = None
    cut: Callable[[], None] | None = None
    generation: Generation | None = None

    def close(self) -> None:
        """Close the readers and the lock. The writer closes its own engine, under the lock."""
        self.reading.dispose()
        if isinstance(self.lock, FileLock):
            self.lock.close()


def open_store(
    url: str,
    password: postgresql.Password | None = None,
    *,
    key: Path | KeyFile | None = None,
    read_only: bool,
    how: schema.How = schema.AS_IT_IS,
) -> OpenedDatabase:
    """Open the database at an SQLAlchemy URL; create and migrate it unless it is only to be read.

    `password` is asked for at each new connection to PostgreSQL, `how` says how it is migrated. `key` is the file of
    the journal's key; None: it lies beside an SQLite file, or else where we run.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError('the journal\'s URL is malformed; write for example "sqlite:///journal.db"') from None
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, _key_file(parsed, key), None if read_only else how)
    if parsed.get_backend_name() == "postgresql":
        return _open_postgresql(parsed, password, _key_file(parsed, key), None if read_only else how)
    raise ConfigError(f"the journal cannot be kept in {parsed.get_backend_name()}; write sqlite:// or postgresql://")


def _key_file(url: URL, key: Path | KeyFile | None) -> KeyFile:
    if isinstance(key, KeyFile):
        return key
    if key is None and url.get_backend_name() == "sqlite":
        key = Path(f"{url.database}.key").absolute()
    return KeyFile(key or UNNAMED_KEY)


def as_journal_error(error: Exception) -> JournalError:
    """Return the error in our own words: a database's may quote what was written."""
    if isinstance(error, JournalError):
        return error
    code, text = _our_words(error, error.orig if isinstance(error, DBAPIError) else error)
    if code == "superseded":
        return Outlived()
    return JournalError(f"the journal failed{text}", code)


def _our_words(error: Exception, original: BaseException | None) -> tuple[str, str]:
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        return "constraint", ": the write contradicts what is there"
    if isinstance(original, sqlite3.Error):
        number = getattr(original, "sqlite_errorcode", 0) & 0xFF
        code, text = _CODES.get(number, (UNEXPECTED, "the database refused"))
        return code, f": {text}"
    if isinstance(error, ConfigError | PoolTimeout):  # a password that is gone, or no connection that is free
        return UNREACHABLE, f": {error}" if isinstance(error, ConfigError) else ": all connections are in use"
    known = postgresql.in_our_words(original)
    if known is not None:
        return known[0], f": {known[1]}"
    if isinstance(original, OSError):
        return "io", f": {os.strerror(original.errno or 0)}"
    return UNEXPECTED, f" with {type(original).__name__}"


def _open_sqlite(url: URL, key: KeyFile, how: schema.How | None) -> OpenedDatabase:
    if not url.database or url.database == ":memory:":
        raise ConfigError('a journal in memory keeps no promise; name a file: "sqlite:///journal.db"')
    path = Path(url.database).absolute()
    reading = _sqlite_engine(path, "mode=ro", ("PRAGMA query_only=1",), "BEGIN", READERS)
    if how is None:
        if not path.is_file():
            raise NoJournalYet(f"there is no journal at {path}; `appealbus run` or `appealbus intake` makes one")
        with _in_our_words(path), ExitStack() as undo:
            undo.callback(reading.dispose)
            schema.check(reading)
            undo.pop_all()
        return OpenedDatabase(reading, None, nullcontext(), path, key, Memory())
    if not path.parent.is_dir():
        raise ConfigError(f"the journal's folder {path.parent} does not exist; create it or name another")
    writing = _sqlite_engine(path, "mode=rw", _PRAGMAS, "BEGIN IMMEDIATE", 1)
    with _in_our_words(path), ExitStack() as undo:
        lock = FileLock(path.with_name(f"{path.name}.lock"))
        undo.callback(lock.close)
        with lock:
            make_private(path)  # SQLite gives the -wal and -shm files the same mode
        try:
            fence = partial(migration_lock.sqlite_fence, path)
            its_key = schema.upgrade(writing, lock, key, fence, how)
        except BaseException:
            with lock:
                writing.dispose()
            raise
        memory = Memory()
        event.listen(writing, "begin", partial(_compare, memory, path))
        generation = Generation(its_key.check)
        undo.pop_all()
    return OpenedDatabase(reading, writing, lock, path, its_key, memory, generation=generation)


def _compare(memory: Memory, path: Path, connection: Connection) -> None:
    """Raise Behind at the begin of a transaction if the journal is another one."""
    driver = sqlite_driver(connection)
    try:
        memory.look_at_sqlite(driver, path)
    except JournalError:
        driver.execute("ROLLBACK")
        raise


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, OSError) as error:
        mine = as_journal_error(error)
        raise JournalError(f"{path}: {mine}", mine.code) from None


def _sqlite_engine(path: Path, mode: str, pragmas: tuple[str, ...], begin: str, connections: int) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?{mode}",
            uri=True,
            timeout=_BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for pragma in pragmas:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=0, hide_parameters=True
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _open_postgresql(
    url: URL, password: postgresql.Password | None, key: KeyFile, how: schema.How | None
) -> OpenedDatabase:
    connections, memory = OpenConnections(), Memory()
    try:
        reading, writing, its_key = postgresql.open_engines(
            url, password, key, connections, memory, how=how, readers=READERS
        )
    except SQLAlchemyError as error:
        mine = as_journal_error(error)
        where = f"{url.host or 'the local socket'}{f':{url.port}' if url.port else ''}, database {url.database}"
        raise JournalError(f"{where}: {mine}", mine.code) from None
    listen = partial(postgresql.listen, url, password)
    generation = Generation(its_key.check) if isinstance(its_key, JournalKey) else None
    return OpenedDatabase(reading, writing, nullcontext(), None, its_key, memory, listen, connections.cut, generation)
