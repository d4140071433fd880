"""Terms that move: the law or the calendar changed, and nothing else of the appeals."""

from dataclasses import dataclass

from sqlalchemy import Connection, update

from appealbus.core.domain.event import Event, What
from appealbus.core.domain.waiting import DueMoved
from appealbus.core.journal import events
from appealbus.core.journal.tables import OPEN, appeal
from appealbus.core.journal.writes.one_by_one import one_by_one
from appealbus.core.journal.writes.urgency import urgency_of


@dataclass(frozen=True, slots=True)
class Moving:
    """Somebody's wish that an appeal be due on another day."""

    moved: DueMoved
    by: str


@one_by_one
def move(connection: Connection, item: Moving) -> bool:
    """Have open appeals be due on other days; say of each whether it was still due on the day before."""
    moved, urgency = item.moved, urgency_of(item.moved.due_on)
    as_before = (appeal.c.id == moved.appeal_id) & (appeal.c.urgency == urgency_of(moved.before))
    done = connection.execute(update(appeal).where(as_before, OPEN).values(urgency=urgency)).rowcount == 1
    if done:
        events.note(connection, [Event(What.TERM_MOVED, moved.appeal_id, item.by, detail={"urgency": urgency})])
    return done
