"""With which key and epoch a process has opened the journal: who is older than a renewal or a restore writes nothing.

Each transaction that writes shows them before anything else. Whoever changes one of them waits for those that are
under way and lets no other one begin, so there is no moment between the look and the write.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from appealbus.core.journal.drivers.direct import postgresql_driver, sqlite_driver
from appealbus.core.journal.drivers.encoding import Command, command, one
from appealbus.core.journal.errors import Outlived, Superseded
from appealbus.core.journal.migrations import REVISIONS

_LOCK = "hashtext('appealbus.generation')"
_SHARE = Command(f"SELECT pg_advisory_xact_lock_shared({_LOCK})".encode())
_ALONE = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
# Fails, and the transaction with it, where there is no such row; it begins once the lock is there, and sees what is.
_SHOWN = b"SELECT 1 / count(*) FROM standing WHERE key_check = $1 AND epoch = coalesce($2, epoch)"
OUTLIVED = "22012"
"""The error of that: a division by zero, which nothing else that we write has."""
_STANDS = "SELECT version_num, key_check, epoch FROM alembic_version, standing"


@dataclass(slots=True)
class Generation:
    """What the transactions of a process show. The tables' revision comes with it; on PostgreSQL each connection has
    a share of a lock for that (see migration_lock.py).
    """

    key: bytes
    epoch: int | None = None
    """None until the first look."""

    def show(self, connection: Connection) -> None:
        """Show it in a transaction that has just begun; on PostgreSQL it goes with the first statement, which fails.

        Raises Outlived if the journal has another key or epoch by now, Superseded if it has other tables.
        """
        if connection.dialect.name != "sqlite":
            driver = postgresql_driver(connection)
            driver.queue(_SHARE)
            driver.queue(command(_SHOWN, [one(self.key), one(self.epoch)]))
            return
        lite = sqlite_driver(connection)
        revision, key, epoch = lite.execute(_STANDS).fetchone() or (None, None, None)
        if revision == REVISIONS[-1] and key == self.key and epoch == (self.epoch or epoch):
            return
        raise Superseded(done=True) if revision != REVISIONS[-1] else Outlived


def alone(connection: Connection) -> None:
    """Wait for all writers and keep new ones out until this transaction ends; on SQLite it is so anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(_ALONE)
