"""Looks at personal data, by people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from appealbus.core.domain.event import Event, What
from appealbus.core.journal.tables import appeal
from appealbus.core.journal.writes import events


@dataclass(frozen=True, slots=True)
class Look:
    """A look at what is personal."""

    what: str
    by: str
    number: str | None
    about: Mapping[str, int]


def look(connection: Connection, items: Sequence[Look]) -> list[None]:
    """Note looks."""
    events.note(connection, [_event(connection, item) for item in items])
    return [None] * len(items)


def _event(connection: Connection, item: Look) -> Event:
    it = None
    if item.number is not None:
        it = connection.scalar(select(appeal.c.id).where(appeal.c.number == item.number))
    return Event(What.READ, it, item.by, detail={"as": item.what, **item.about})
