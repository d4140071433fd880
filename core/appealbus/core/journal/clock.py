"""The journal's clock as one process reads it, and the one that all workers of a journal share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, text

from appealbus.core import clocks
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.mark import JournalState
from appealbus.core.lazy_text import LazyText, told

log = structlog.get_logger(__name__)


def in_doubt(standing: JournalState) -> LazyText:
    seconds, left = abs(standing.doubted_by), standing.doubt_left
    days = told("{number} days", number=f"{seconds / 86400:.1f}")
    by = days if seconds >= 172_800 else told("{number} s", number=f"{seconds:.0f}")
    why = {
        "ahead": told("at the start it was {by} ahead of all that the journal has seen", by=by),
        "went_back": told("at the start it was {by} behind what the journal had seen", by=by),
        "jumped": told("it jumped by {by} while the bus ran", by=by),
        "apart": told("this machine's and the database's are {by} apart", by=by),
    }
    return told(
        "{why}; if it is right now: `appealbus clock accept`, else it is trusted after {hours} steady hours",
        why=why[standing.doubt or "jumped"],
        hours=f"{left / 3600:.0f}",
    )


@dataclass(frozen=True, slots=True)
class ClockReading:
    standing: JournalState
    at: datetime
    """By the journal's clock."""
    wall: datetime
    steady: float
    """Seconds of this process's own."""


class Clock:
    """Counts due times and ages. Between two looks it goes on with the machine's steady seconds."""

    def __init__(self) -> None:
        self.last: ClockReading | None = None

    def now(self) -> datetime:
        """Return the moment by the journal's clock; by the wall clock before the first look."""
        if self.last is None:
            return clocks.wall()
        return self.last.at + timedelta(seconds=clocks.steady() - self.last.steady)

    @property
    def skew(self) -> float:
        """Seconds that the journal's clock is ahead of this machine's wall clock."""
        return 0.0 if self.last is None else (self.last.at - self.last.wall).total_seconds()

    def update(self, look: ClockReading) -> None:
        """Go on from a look; log a new doubt, or its end."""
        before = None if self.last is None else self.last.standing
        was, by = (before.doubt, before.doubted_by) if before else (None, 0.0)
        self.last, now = look, look.standing
        if now.doubt is not None and (now.doubt, now.doubted_by) != (was, by):
            log.error("clock.doubted", code=now.doubt, seconds=round(now.doubted_by, 1))
        elif was is not None and now.doubt is None:
            log.warning("clock.trusted")


_CLOCK = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now").columns(now=Moment())


def leased_at(connection: Connection, given: datetime) -> datetime:
    """Return the time that counts for leases: the database's; `given` where one process works."""
    return given if connection.dialect.name == "sqlite" else shared_now(connection)


def asked(connection: Connection) -> list[direct.Bound]:
    """Return the questions for that time, to be asked together with others; none on SQLite."""
    return [] if connection.dialect.name == "sqlite" else [(_CLOCK, {})]


def answered(rows: Sequence[Sequence[Any]], given: datetime) -> datetime:
    moment: datetime = rows[0][0].now if rows else given
    return moment


def shared_now(connection: Connection) -> datetime:
    """Return the time by the database's clock, since those of machines differ."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(_CLOCK).scalar_one()
    return moment
