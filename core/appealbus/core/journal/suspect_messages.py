"""Messages that came again: noted before they are read, so that one that kills whoever reads it is known by that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, Table, Text, delete, select

from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import WALL, Write

suspect_message = Table(
    "suspect_message",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("turns", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Messages that came again and are being taken alone: how many turns of theirs have begun and not ended."""


_FORGOTTEN = timedelta(days=30)
"""No queue keeps a message for so long between two deliveries; what stands here then, nobody sends any more."""


@dataclass(frozen=True, slots=True)
class Turn(Write[int]):
    """A message about to be read alone; it returns how many such turns never ended. Equal marks: the same message."""

    mark: str
    at: datetime = WALL


@Turn.batch
def begin(connection: Connection, items: Sequence[Turn]) -> list[int]:
    """Note turns; return how many of the same message began before and never ended."""
    results = []
    for item in items:
        query = select(suspect_message.c.turns).where(suspect_message.c.mark == item.mark).with_for_update()
        before = connection.scalar(query) or 0
        row = {"mark": item.mark, "turns": before + 1, "at": item.at}
        bulk.upsert(connection, suspect_message, [row])
        results.append(before)
    oldest = min(item.at for item in items) - _FORGOTTEN
    connection.execute(delete(suspect_message).where(suspect_message.c.at < oldest))
    return results


@dataclass(frozen=True, slots=True)
class TurnEnded(Write[None]):
    """Nobody died over the message."""

    mark: str


@TurnEnded.batch
def end(connection: Connection, items: Sequence[TurnEnded]) -> list[None]:
    """Note that turns have ended without a death, so that earlier ones no longer count."""
    connection.execute(delete(suspect_message).where(suspect_message.c.mark.in_([item.mark for item in items])))
    return [None] * len(items)


def turns(connection: Connection, mark: str) -> int:
    return connection.scalar(select(suspect_message.c.turns).where(suspect_message.c.mark == mark)) or 0
