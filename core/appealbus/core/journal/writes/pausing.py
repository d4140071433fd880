"""Sources that a person has stand still, and that come back: the moment is noted, since what waits is then due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from appealbus.core.domain.event import BUS, Event, What, by_person
from appealbus.core.domain.pauses import Pause
from appealbus.core.journal import bulk, events
from appealbus.core.journal.tables import source_limit, source_pause, to_number
from appealbus.core.journal.writes.limiting import lock
from appealbus.core.journal.writes.one_by_one import one_by_one
from appealbus.core.journal.writes.source_limit import SourceLimit


@dataclass(frozen=True, slots=True)
class Resuming:
    """A person's wish that a source be asked again."""

    source: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Back:
    """Sources that have come back by themselves."""

    sources: Sequence[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Pausing:
    """A person's order, and which one they have seen in force: its mark, empty for none; None: whichever it is."""

    pause: Pause
    seen: str | None


@one_by_one
def pause(connection: Connection, wish: Pausing) -> bool:
    """Have sources stand still; a later order takes the place of an earlier one, where that is the one that was seen.

    False where it is not.
    """
    lock(connection)
    item = wish.pause
    if wish.seen is not None and wish.seen != _in_force(connection, item):
        return False
    row = {"source": item.source, "at": item.at, "until": item.until, "reason": item.reason, "by": item.by}
    bulk.upsert(connection, source_pause, [row])
    detail = {"until": to_number(item.until), "reason": item.reason}
    events.note(connection, [Event(What.PAUSED, None, by_person(item.by), item.source, detail)])
    return True


def _in_force(connection: Connection, order: Pause) -> str:
    found = connection.execute(select(source_pause).where(source_pause.c.source == order.source)).first()
    return Pause(**found._mapping).mark if found is not None and found.until > order.at else ""


@one_by_one
def resume(connection: Connection, item: Resuming) -> bool:
    """Have sources asked again; False for one that is not paused."""
    lock(connection)
    gone = connection.execute(delete(source_pause).where(source_pause.c.source == item.source)).rowcount
    if gone:
        _came_back(connection, item.source, item.at)
        detail = {"reason": item.reason} if item.reason else {}
        events.note(connection, [Event(What.RESUMED, None, by_person(item.by), item.source, detail)])
    return gone > 0


@one_by_one
def end_pauses(connection: Connection, now: datetime) -> list[str]:
    """End the pauses whose time is over; return the sources."""
    lock(connection)
    over = delete(source_pause).where(source_pause.c.until <= now).returning(source_pause.c.source)
    names = sorted(connection.execute(over).scalars())
    for name in names:
        _came_back(connection, name, now)
    events.note(connection, [Event(What.RESUMED, None, BUS, name) for name in names])
    return names


@one_by_one
def came_back(connection: Connection, item: Back) -> None:
    """Note that sources can be asked again."""
    lock(connection)
    for name in sorted(item.sources):
        _came_back(connection, name, item.at)


def _came_back(connection: Connection, source: str, at: datetime) -> None:
    back = update(source_limit).where(source_limit.c.source == source).values(back_at=at)
    if not connection.execute(back).rowcount:
        bulk.upsert(connection, source_limit, [SourceLimit(source, 0.0, at, back_at=at).row()])
