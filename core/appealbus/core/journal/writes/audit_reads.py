"""Looks at personal data, by people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from appealbus.core.domain.event import Event, What
from appealbus.core.journal import direct
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


_IDS = select(appeal.c.number, appeal.c.id).where(direct.among(appeal.c.number, "numbers"))


def look(connection: Connection, items: Sequence[Look]) -> list[None]:
    """Note looks."""
    numbers = sorted({item.number for item in items if item.number is not None})
    (rows,) = direct.ask(connection, (_IDS, {"numbers": numbers}))
    ids = {row.number: row.id for row in rows}
    events.note(connection, [_event(item, ids) for item in items])
    return [None] * len(items)


def _event(item: Look, ids: Mapping[str, int]) -> Event:
    it = None if item.number is None else ids.get(item.number)
    purpose = {"purpose": printable(item.purpose)} if item.purpose else {}
    return Event(What.READ, it, item.by, detail={"as": item.what, **item.about, **purpose})
