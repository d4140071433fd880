"""Lists that people keep under a name."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Table, Text, delete, func, insert, select

from appealbus.core.domain.event import Event, EventType
from appealbus.core.domain.listing import NamedView
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import ACTOR, NOW, Write

named_view = Table(
    "named_view",
    metadata,
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Lists that people keep under a name: the filters, as they stand in a URL."""


@dataclass(frozen=True, slots=True)
class Dropping(Write[bool]):
    name: str
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Keeping(Write[None]):
    """A view under a name. Raises JournalError: `view.known` or `view.too_many`."""

    name: str
    query: str
    by: str = ACTOR
    at: datetime = NOW


@Keeping.each
def keep(connection: Connection, item: Keeping) -> JournalError | None:
    if connection.scalar(select(named_view.c.name).where(named_view.c.name == item.name)) is not None:
        return JournalError("there is a view of this name", "view.known")
    if (connection.scalar(select(func.count()).select_from(named_view)) or 0) >= NamedView.MOST:
        return JournalError("there are as many views as there may be", "view.too_many")
    connection.execute(insert(named_view), asdict(item))
    events.note(connection, [Event(EventType.VIEW_KEPT, None, item.by, item.name, {"query": item.query})])
    return None


@Dropping.each
def drop(connection: Connection, item: Dropping) -> bool:
    """Delete a view; False if there is none of this name."""
    gone = connection.execute(delete(named_view).where(named_view.c.name == item.name)).rowcount > 0
    if gone:
        events.note(connection, [Event(EventType.VIEW_DROPPED, None, item.by, item.name)])
    return gone


def all_views(connection: Connection) -> list[NamedView]:
    rows = connection.execute(select(named_view)).all()
    return sorted((NamedView(**row._mapping) for row in rows), key=lambda view: view.name.casefold())
