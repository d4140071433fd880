"""Looks at personal data, by people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from appealbus.core.domain.event import Event, What
from appealbus.core.journal.tables import appeal
from appealbus.core.journal.writes import events
from appealbus.schemas.base import printable


@dataclass(frozen=True, slots=True)
class Look:
    """A look at what is personal."""

    what: str
    by: str
    number: str | None
    about: Mapping[str, int]
    purpose: str = ""


def look(connection: Connection, items: Sequence[Look]) -> list[None]:
    """Note looks."""
    events.note(connection, [_event(connection, item) for item in items])
    return [None] * len(items)


def _event(connection: Connection, item: Look) -> Event:
    it = None
    if item.number is not None:
        it = connection.scalar(select(appeal.c.id).where(appeal.c.number == item.number))
    purpose = {"purpose": printable(item.purpose)} if item.purpose else {}
    return Event(What.READ, it, item.by, detail={"as": item.what, **item.about, **purpose})
