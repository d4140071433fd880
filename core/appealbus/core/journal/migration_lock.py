"""How a journal is migrated though workers may run: they are told, they end, and none of them writes meanwhile.

Whoever migrates says so with a lease that all workers look at each second, and waits until none is left. Then nobody
else gets in: on SQLite it holds the lock of whoever works the file, on PostgreSQL the other half of a lock that each
writing connection has. A worker that was cut off meanwhile finds other tables than its own, and writes nothing.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Engine, Text, delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from appealbus.core.errors import JournalError
from appealbus.core.journal.clock import shared_now
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.lock import HostLock
from appealbus.core.journal.migrations import REVISIONS
from appealbus.core.journal.workers import lease, worker

log = structlog.get_logger(__name__)

MIGRATION = "migration"
"""The lease of whoever migrates."""
_MIGRATES, _ASKS = "migrates", "asks"
"""Who holds it: somebody who migrates, or who waits for workers to end."""
_HELD = timedelta(seconds=10)
"""So long workers end for it after its last sign of life: one that dies while it waits must not keep them away."""
_PAUSE = 0.5
"""Seconds between two looks whether workers are left."""
_SHORTLY = 2.0
"""Seconds that who tells no workers waits all the same: between taking the fence and saying so is a moment."""
_PATIENCE = 150.0
"""Seconds that workers have to end: their `bus.grace` and what comes after it. One of 0.1.0 does not know of this."""
_IN_USE = (
    "the journal is of an older release and is being worked: `appealbus run` of this release has its workers end and "
    "migrates it; workers of 0.1.0 have to be stopped first"
)
_WRITERS = "hashtext('appealbus.writers')"
_TAKE = text(f"SELECT pg_try_advisory_lock({_WRITERS})")
_SHARE = f"SELECT pg_try_advisory_lock_shared({_WRITERS}), (SELECT version_num FROM alembic_version)"  # noqa: S608 - ours
_STANDS = text(
    "SELECT (SELECT version_num FROM alembic_version) AS version_num,"
    " (SELECT until FROM lease WHERE name = 'migration') AS until"
).columns(version_num=Text, until=lease.c.until.type)


class Fence(Protocol):
    """An exclusive lock that nobody who works the journal leaves to others."""

    def taken(self) -> bool:
        """Take it if it is free, and say whether it is ours."""

    def close(self) -> None:
        """Let others have it."""


class PostgresqlFence:
    """The exclusive side of the lock that writing connections share; taken only if no worker is alive."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def taken(self) -> bool:
        seen = select(func.count()).where(worker.c.seen_until > shared_now(self._connection))
        return not self._connection.scalar(seen) and bool(self._connection.scalar(_TAKE))

    def close(self) -> None:
        with suppress(SQLAlchemyError):
            self._connection.invalidate()  # not back into the pool: the lock is the session's
            self._connection.close()


def sqlite_fence(journal: Path) -> Fence:
    """Return the lock of the bus that works the file."""
    return HostLock(journal.with_name(f"{journal.name}.run"))


@contextmanager
def alone(engine: Engine, lock: AbstractContextManager[None], fence: Fence, *, tells: bool) -> Iterator[None]:
    """Wait until nobody works the journal, and keep it so; raise JournalError if workers do not end.

    With `tells` workers are told to end; else only a migration that is under way is waited for.
    """
    patience, announced = _PATIENCE if tells else _SHORTLY, False
    waited = 0.0  # in pauses alone: who migrates holds the lock for seconds, and may be done when we get it
    try:
        while not fence.taken():
            with lock, engine.begin() as connection:
                if _is_migrating(connection):
                    waited = 0.0  # a million appeals take some minutes
                elif waited >= patience:
                    raise JournalError(_IN_USE, "in_use")
                elif tells:
                    _announce(connection, _ASKS)
            if not announced:
                log.warning("journal.waits_for_workers")
            announced = True
            time.sleep(_PAUSE)
            waited += _PAUSE
        with lock, engine.begin() as connection:
            announce(connection)
        try:
            yield
        finally:
            with lock, engine.begin() as connection:
                connection.execute(delete(lease).where(lease.c.name == MIGRATION))
    finally:
        fence.close()


def announce(connection: Connection) -> None:
    """Tell all workers that the journal is being migrated; valid for some seconds."""
    _announce(connection, _MIGRATES)


def _announce(connection: Connection, who: str) -> None:
    until = shared_now(connection) + _HELD
    bulk.upsert(connection, lease, [{"name": MIGRATION, "owner": who, "until": until}])


def _is_migrating(connection: Connection) -> bool:
    mine = select(lease.c.until).where(lease.c.name == MIGRATION, lease.c.owner == _MIGRATES)
    until = connection.scalar(mine)
    return until is not None and until > shared_now(connection)


def check(connection: Connection) -> None:
    """Raise Superseded if somebody migrates or has migrated the journal."""
    stands = connection.execute(_STANDS).one()
    if stands.version_num != REVISIONS[-1]:
        raise Superseded(done=True)
    if stands.until is not None and stands.until > shared_now(connection):
        raise Superseded(done=False)


def share_postgresql(driver: Any) -> None:
    """Take a share of the lock for a writing connection; raise Superseded if somebody migrates."""
    free, revision = driver.execute(_SHARE).fetchone()
    driver.commit()
    if not free or revision != REVISIONS[-1]:
        driver.close()
        raise Superseded(done=free)
