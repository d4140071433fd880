"""How far a journal is, and what this process knows of that: another one in its place is found out."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from appealbus.core.errors import UNREACHABLE, JournalError
from appealbus.core.journal.drivers.direct import postgresql_driver, sqlite_driver
from appealbus.core.journal.drivers.encoding import Command, command, one, to_moment
from appealbus.core.journal.errors import Behind, Outlived, Superseded
from appealbus.core.journal.migrations import REVISIONS

if TYPE_CHECKING:
    import sqlite3


_SQLITE = "SELECT journal, epoch, beat, clock FROM standing WHERE id = 1"
_POSTGRESQL = "SELECT journal, epoch, beat, clock, pg_is_in_recovery() FROM standing"
PLACE = (
    "SELECT (pg_control_system()).system_identifier::text, pg_walfile_name(pg_current_wal_flush_lsn()),"
    " (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"
)
"""What is on disk alone: what a crash takes of the rest was never confirmed."""
_THEN = timedelta(seconds=10)
"""How far the journal can have got beyond its mark before a copy was found in its place."""
ADVICE = (
    "Nothing is given out, or it would be numbered as what is lost was: put the right journal in its place, "
    "or, if this is the one to go on with, run `appealbus restored`"
)
_WHILE = "the journal has gone back while the bus ran, or is another one"
_REPLACED = "the journal's file was replaced or taken away while the bus ran"


@dataclass(frozen=True, slots=True)
class WalPosition:
    """How far PostgreSQL has written its WAL; comparable only within one system."""

    system: str
    timeline: int
    position: int

    @classmethod
    def of(cls, row: Any) -> WalPosition:
        return cls(row[0], int(row[1][:8], 16), row[2])


@dataclass(frozen=True, slots=True)
class Mark:
    journal: str
    epoch: int
    beat: int
    clock: datetime | None
    place: WalPosition | None = None
    head: int | None = None
    """The last position of its log; None: it was not looked at."""
    since: datetime | None = None
    """Up to when a copy goes that was found in the journal's place; None: none was."""
    lacks: datetime | None = None
    """Since when it lacks what was lost, where it was restored and not yet worked again."""

    @classmethod
    def of(cls, standing: JournalState, place: WalPosition | None = None, head: int | None = None) -> Mark:
        return cls(standing.journal, standing.epoch, standing.beat, standing.clock, place, head)

    def lost_its_log(self, now: Mark) -> bool:
        """Whether that is a copy with the newest beats, so that nobody can tell when it was made."""
        return now.beat >= self.beat and (now.head or 0) < (self.head or 0)

    def leads_to(self, now: Mark) -> bool:
        """Return whether the same journal can have come from here to there.

        Epoch and beat decide, and with the same beat its moment: two histories that part have one each. Within one
        system, which a promoted standby has in common and an upgraded cluster has not, nobody goes back to an earlier
        timeline, or to an earlier position of the same one. A log that has lost its end is that of a copy, too: a file
        of SQLite can be replaced beside the newest beats in its WAL. Where a copy was found, others may have worked it
        since: only the journal as it was then may follow.
        """
        if now.epoch != self.epoch or now.journal != self.journal:
            return now.journal == self.journal and now.epoch > self.epoch
        if now.beat < self.beat or (now.beat == self.beat and now.clock != self.clock):
            return False
        if self.head is not None and now.head is not None and now.head < self.head:
            return False
        if self.since and self.clock and now.clock and now.clock - self.clock > _THEN:
            return False
        was, at = self.place, now.place
        if was is None or at is None or was.system != at.system:
            return True
        return was.timeline < at.timeline or (was.timeline == at.timeline and was.position <= at.position)


class Memory:
    """What this process knows of its journal; once that has turned out to be another one, nothing is written any more.

    Each connection is compared as it is made: no other way leads to another database. On SQLite each transaction is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inode: tuple[int, int] | None = None
        self.mark: Mark | None = None
        """How far the journal was when it was last looked at."""
        self.found: Mark | None = None
        """How far the one is that was found in its place."""
        self.lost: str | None = None
        """What was noticed."""
        self.trusts = False
        """Whether this process has nothing of its own to compare with, and trusts a worker that has."""
        self.untold = False
        """Whether it trusts a worker, and none is at work: what is written then would be known to the journal alone."""

    def check(self) -> None:
        """Raise Behind if the journal is known to be another one."""
        if self.lost is not None:
            raise Behind(self.lost)

    def check_told(self) -> None:
        """Raise JournalError if no writer of a checkpoint would learn of what is written."""
        self.check()
        if self.untold:
            raise JournalError("this process has no checkpoint, and no worker that has one is at work", "untold")

    def learn(self, before: Mark | None, now: Mark) -> None:
        """Compare what is seen with what was known, and know it from now on. Raises Behind."""
        with self._lock:
            self.check()
            if before is not None and not before.leads_to(now):
                self.lose(f"{_WHILE}. {ADVICE}", now)
                self.check()
            if self.mark is None or (self.mark.epoch, self.mark.beat) <= (now.epoch, now.beat):
                self.mark = replace(now, place=now.place or (self.mark.place if self.mark else None))

    def look_at_sqlite(self, driver: sqlite3.Connection, path: Path) -> None:
        self.check()
        before = self.mark
        try:
            there = os.stat(path)
            inode = there.st_dev, there.st_ino
        except OSError:
            inode = None
        self._inode = self._inode or inode
        if inode != self._inode:
            self.lose(f"{_REPLACED}. {ADVICE}", None)
            self.check()
        self.learn(before, _mark_of(driver.execute(_SQLITE).fetchone()))

    def look_at_postgresql(self, driver: Any) -> None:
        """Compare the database of a new connection.

        Raises Behind, or JournalError if it is a standby, which may still get what it lacks.
        """
        before = self.mark
        try:
            self.check()
            *row, standby = driver.execute(_POSTGRESQL).fetchone()
            driver.commit()
            if standby:
                raise JournalError("the database takes no writes: it is a standby, or is being moved", UNREACHABLE)
            self.learn(before, replace(_mark_of(row), place=_place(driver)))
        except BaseException:
            driver.close()
            raise

    def lose(self, why: str, found: Mark | None) -> None:
        """Stop all writing for this reason; `found` is how far the other journal is."""
        if self.lost is None:
            self.lost, self.found = why, found


def _mark_of(row: Any) -> Mark:
    return Mark(row[0], row[1], row[2], to_moment(row[3]))


def _place(driver: Any) -> WalPosition | None:
    """Return it, unless the database denies it, as some managed ones do."""
    import psycopg

    try:
        return WalPosition.of(driver.execute(PLACE).fetchone())
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise  # the line is lost
        return None
    finally:
        driver.rollback()


@dataclass(frozen=True, slots=True)
class JournalState:
    """The identity of a journal, its signs of life, and the state of its clock."""

    journal: str
    """Tells journals apart; a copy has that of its original."""
    epoch: int
    """1 at first, one more after each restore."""
    beat: int
    """Signs of life of whoever works it: a copy of it that is older has seen fewer."""
    clock: datetime | None
    """Its newest moment, by its own clock."""
    behind: float
    """Seconds that the machine's clock is ahead of the journal's, since a jump that nobody has accepted."""
    doubt: str | None
    """Why its clock is in doubt: `ahead` or `went_back` at a start, `jumped`, `apart` (from the database's)."""
    doubted_by: float
    """Seconds that it is about."""
    doubt_left: float
    """Steady seconds until it is trusted again by itself."""
    era: int
    """How often its clock was set to the machine's after a doubt."""


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
    """With which key and epoch a process has opened the journal: each transaction that writes shows them first.

    Who is older than a renewal or a restore writes nothing. Whoever changes one of them waits for those that are under
    way and lets no other one begin, so there is no moment between the look and the write. The tables' revision comes
    with it; on PostgreSQL each connection has a share of a lock for that (see migration_lock.py).
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


def keep_writers_out(connection: Connection) -> None:
    """Wait for all writers and keep new ones out until this transaction ends; on SQLite it is so anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(_ALONE)
