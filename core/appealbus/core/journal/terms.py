"""When appeals are due: terms that move as the law or the calendar changes, and what falls due without its facts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select, update

from appealbus.core.domain.counts import DueAtBody, DueMoved, DueSoon
from appealbus.core.domain.event import Event, EventType
from appealbus.core.journal import events
from appealbus.core.journal.codec import urgency_of
from appealbus.core.journal.tables import OPEN, appeal
from appealbus.core.journal.writes import ACTOR, Write
from appealbus.schemas.dossier import Completeness


@dataclass(frozen=True, slots=True)
class Moving(Write[int]):
    """Due dates of open appeals; it returns how many were moved. One that moved meanwhile stays."""

    moves: Sequence[DueMoved]
    by: str = ACTOR


@Moving.each
def move(connection: Connection, item: Moving) -> int:
    return sum(_move(connection, moved, item.by) for moved in item.moves)


def _move(connection: Connection, moved: DueMoved, by: str) -> bool:
    urgency = urgency_of(moved.due_on)
    as_before = (appeal.c.id == moved.appeal_id) & (appeal.c.urgency == urgency_of(moved.before))
    done = connection.execute(update(appeal).where(as_before, OPEN).values(urgency=urgency)).rowcount == 1
    if done:
        events.note(connection, [Event(EventType.TERM_MOVED, moved.appeal_id, by, detail={"urgency": urgency})])
    return done


_COUNTED = 10_000
"""The most appeals that are counted of what falls due: enough to know that it is too much."""
_LOOKED_AT = 100_000
"""The most open appeals that are looked at for it: a tenth of a second."""
_TOLD = 5


def due_soon(connection: Connection, since: date, today: date, until: date) -> DueSoon:
    """Return what is open, due from `since` to `until`, and not complete; before `today` it is overdue.

    What was due before `since` is left out: nobody waits for it any more.
    """
    columns = (appeal.c.id, appeal.c.number, appeal.c.urgency, appeal.c.completeness, appeal.c.addressee)
    near = select(*columns).where(OPEN, appeal.c.urgency.between(since.toordinal(), until.toordinal()))
    near_ = near.order_by(appeal.c.urgency, appeal.c.id).limit(_LOOKED_AT).subquery()
    lacking = or_(near_.c.completeness.is_(None), near_.c.completeness != Completeness.COMPLETE.value)
    query = (
        select(near_.c.number, near_.c.urgency, near_.c.addressee).where(lacking).order_by(near_.c.urgency, near_.c.id)
    )
    rows = connection.execute(query.limit(_COUNTED + 1)).all()
    counted = rows[:_COUNTED]
    all_, late = Counter[str](), Counter[str]()
    for row in counted:
        all_[row.addressee or ""] += 1
        late[row.addressee or ""] += row.urgency < today.toordinal()
    bodies = (DueAtBody(body, count, late[body]) for body, count in sorted(all_.items(), key=_most_first))
    numbers = tuple(row.number for row in rows[:_TOLD])
    return DueSoon(until, len(counted), len(rows) > _COUNTED, late.total(), numbers, tuple(bodies))


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
