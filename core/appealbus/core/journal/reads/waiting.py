"""Who waits for what: parked appeals by source, and what falls due without its facts."""

from collections import Counter
from datetime import date, datetime

from sqlalchemy import Connection, func, or_, select

from appealbus.core.domain.waiting import DueAtBody, DueSoon, ParkedFor
from appealbus.core.journal.codec import names_from
from appealbus.core.journal.tables import OPEN, WAITS_FOR, appeal
from appealbus.schemas.dossier import Completeness

_COUNTED = 10_000
"""The most appeals that are counted of what falls due: enough to know that it is too much."""
_LOOKED_AT = 100_000
"""The most open appeals that are looked at for it: a tenth of a second."""
_TOLD = 5
_PARKED = (
    select(
        appeal.c.waits_for,
        func.count().label("number"),
        func.min(appeal.c.due_at).label("first"),
        func.max(appeal.c.due_at).label("last"),
    )
    .where(WAITS_FOR)
    .group_by(appeal.c.waits_for)
)


def parked_for(connection: Connection) -> list[ParkedFor]:
    """Return how many appeals are parked for each source, and when they are asked for again."""
    found: dict[str, tuple[int, datetime, datetime]] = {}
    for row in connection.execute(_PARKED):
        for source in names_from(row.waits_for):
            number, first, last = found.get(source, (0, row.first, row.last))
            found[source] = (number + row.number, min(first, row.first), max(last, row.last))
    return [ParkedFor(source, *found[source]) for source in sorted(found)]


def due_soon(connection: Connection, since: date, today: date, until: date) -> DueSoon:
    """Return what is open, due from `since` to `until`, and not complete.

    Args:
        connection: to the journal.
        since: what was due before is left out: nobody waits for it any more.
        today: what was due before is overdue.
        until: the last day.

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
