"""What has sources stand still, when they came back, and which appeals a source that is away puts in danger."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, Select, func, select

from appealbus.core.domain.listing import Endangered
from appealbus.core.domain.pauses import Pause, QuotaUse, SourceNews
from appealbus.core.journal.tables import IN_WORK, READY, SUSPECT, WAITS_FOR, appeal, source_limit, source_pause
from appealbus.core.journal.tables import source_quota as quota
from appealbus.core.journal.writes.returning import waiting_for

_COUNTED = 10_000
"""Appeals that are counted of each kind at most: more are told as so many and more."""


def news(connection: Connection) -> SourceNews:
    """Return what the journal says of sources: three small tables, a row for each source and period."""
    pauses = {row.source: Pause(**row._mapping) for row in connection.execute(select(source_pause))}
    used = [QuotaUse(**row._mapping) for row in connection.execute(select(quota))]
    back = select(source_limit.c.source, source_limit.c.back_at).where(source_limit.c.back_at.is_not(None))
    return SourceNews(pauses, used, {row.source: row.back_at for row in connection.execute(back)})


def endangered(
    connection: Connection, source: str, kinds: Collection[str] | None, due_by: date, limit: int
) -> tuple[list[Endangered], int]:
    """Return the most urgent appeals that are due by then and wait for a source, or would; and how many there are.

    Args:
        connection: to the journal.
        source: that is asked no more.
        kinds: of appeals whose contracts ask it; None: all.
        due_by: the last day.
        limit: the most appeals that are named; they are counted up to ten thousand of each state.

    """
    columns = select(appeal.c.number, appeal.c.urgency, appeal.c.id)
    day = due_by.toordinal()
    due = (appeal.c.urgency <= day) & appeal.c.closed.is_(None)
    queries = [columns.where(WAITS_FOR, appeal.c.waits_for == each, due) for each in waiting_for(connection, source)]
    # What has a version already waits for its sources by name, once it is parked.
    new = due & (appeal.c.version == 0)
    new = new if kinds is None else new & appeal.c.kind.in_(kinds)
    queries += [columns.where(appeal.c.state == state, new) for state in (READY, IN_WORK, SUSPECT)]
    rows = [row for query in queries for row in connection.execute(_first(query, limit))]
    count = sum(_count(connection, query) for query in queries)
    first = sorted(rows, key=lambda row: (row.urgency, row.id))[:limit]
    return [Endangered(row.number, date.fromordinal(row.urgency)) for row in first], count


def _first(query: Select[tuple[str, int, int]], limit: int) -> Select[tuple[str, int, int]]:
    return query.order_by(appeal.c.urgency, appeal.c.id).limit(limit)


def _count(connection: Connection, query: Select[tuple[str, int, int]]) -> int:
    return connection.scalar(select(func.count()).select_from(query.limit(_COUNTED).subquery())) or 0
