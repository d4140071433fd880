"""Lists are kept under a name, and forgotten; each of it is an entry of the log."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, insert, select

from appealbus.core.domain.event import Event, What
from appealbus.core.domain.named_view import MOST_VIEWS, NamedView
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.tables import named_view
from appealbus.core.journal.writes.one_by_one import one_by_one


@dataclass(frozen=True, slots=True)
class Dropping:
    """Somebody wants a view to be forgotten."""

    name: str
    by: str


@one_by_one
def keep(connection: Connection, item: NamedView) -> JournalError | None:
    """Keep views under names that are free."""
    if connection.scalar(select(named_view.c.name).where(named_view.c.name == item.name)) is not None:
        return JournalError("there is a view of this name", "view.known")
    if (connection.scalar(select(func.count()).select_from(named_view)) or 0) >= MOST_VIEWS:
        return JournalError("there are as many views as there may be", "view.too_many")
    connection.execute(insert(named_view), asdict(item))
    events.note(connection, [Event(What.VIEW_KEPT, None, item.by, item.name, {"query": item.query})])
    return None


@one_by_one
def drop(connection: Connection, item: Dropping) -> bool:
    """Forget views; False where there is none of the name."""
    gone = connection.execute(delete(named_view).where(named_view.c.name == item.name)).rowcount > 0
    if gone:
        events.note(connection, [Event(What.VIEW_DROPPED, None, item.by, item.name)])
    return gone
