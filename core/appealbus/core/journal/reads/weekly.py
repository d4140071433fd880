"""Appeals by the week in which they were accepted.

Their ids grow with the time of acceptance, and whoever counts keeps the last one: so each appeal is read once, by the
primary key, and the millionth costs what the first did.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, func, select, type_coerce

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.weekly import WeekCount, WeekCounts, WeekPart
from appealbus.core.journal import codec
from appealbus.core.journal.tables import appeal, standing, to_number

_FIRST = datetime(1970, 1, 5, tzinfo=KAZAKHSTAN)
"""A Monday, from which weeks are counted."""
_WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
_NUMBER = (type_coerce(appeal.c.accepted_at, BigInteger) - to_number(_FIRST)) // _WEEK
_COUNTED = (
    select(
        _NUMBER.label("week"),
        appeal.c.category,
        appeal.c.place,
        func.count().label("appeals"),
        func.min(appeal.c.id).label("first_id"),
        func.max(appeal.c.id).label("last_id"),
    )
    .group_by(_NUMBER, appeal.c.category, appeal.c.place)
    .order_by(_NUMBER, appeal.c.category, appeal.c.place)
)


def counts(connection: Connection, after: int = 0, most: int = 50000) -> WeekCounts:
    """Count the appeals behind an id by week, category and place, at most so many; go on from its `upto`."""
    epoch = connection.scalars(select(standing.c.epoch)).one()
    # Each alone: SQLite finds the least or the largest id at once, and both together by reading all.
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    if last <= after:
        return WeekCounts((), after, last, epoch)
    first = connection.scalars(select(func.min(appeal.c.id)).where(appeal.c.id > after)).one()
    upto = min(first - 1 + most, last)
    rows = connection.execute(_COUNTED.where(appeal.c.id > after, appeal.c.id <= upto))
    return WeekCounts(tuple(map(_count, rows)), upto, last, epoch)


def appeals(connection: Connection, part: WeekPart, limit: int = 100) -> list[AppealRow]:
    """Return the newest appeals of a part of a week."""
    begins = datetime(part.monday.year, part.monday.month, part.monday.day, tzinfo=KAZAKHSTAN)
    query = select(*appeal.columns).where(appeal.c.id.between(part.first_id, part.last_id))
    query = query.where(appeal.c.accepted_at >= begins, appeal.c.accepted_at < begins + timedelta(weeks=1))
    if part.category is not None:
        query = query.where(appeal.c.category == part.category)
    if part.places:
        query = query.where(appeal.c.place.startswith(part.places, autoescape=True))
    rows = connection.execute(query.order_by(appeal.c.id.desc()).limit(limit))
    return [codec.appeal_from_row(row) for row in rows]


def _count(row: Row[Any]) -> WeekCount:
    monday = day_of(_FIRST + timedelta(weeks=row.week))
    return WeekCount(monday, row.category, row.place, row.appeals, row.first_id, row.last_id)
