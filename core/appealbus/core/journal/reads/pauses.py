"""What has sources stand still, when they came back, and which appeals a source that is away puts in danger."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, func, select

from appealbus.core.domain.listing import Endangered
from appealbus.core.domain.outage import Needs
from appealbus.core.domain.pauses import Pause, QuotaUse, SourceNews
from appealbus.core.journal.reads.outages import Needing, needing
from appealbus.core.journal.reads.selecting import rows_of
from appealbus.core.journal.tables import appeal, source_limit, source_pause
from appealbus.core.journal.tables import source_quota as quota

_COUNTED = 10_000
"""Appeals that are counted of each kind at most: more are told as so many and more."""


def news(connection: Connection) -> SourceNews:
    """Return which sources a person has paused, what of their quotas is used, and when they came back."""
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
    due, needs = appeal.c.urgency <= due_by.toordinal(), Needs(source, None if kinds is None else tuple(kinds))
    queries = [query.where(due) for query in needing(connection, needs)]
    rows = [row for query in queries for row in connection.execute(_first(query, limit))]
    days = {row.id: row.urgency for row in sorted(rows, key=lambda row: (row.urgency, row.id))[:limit]}
    numbers = {row.appeal_id: row.number for row in rows_of(connection, list(days))}
    count = sum(_count(connection, query) for query in queries)
    return [Endangered(numbers[of], date.fromordinal(day)) for of, day in days.items() if of in numbers], count


def _first(query: Needing, limit: int) -> Needing:
    return query.order_by(appeal.c.urgency, appeal.c.id).limit(limit)


def _count(connection: Connection, query: Needing) -> int:
    return connection.scalar(select(func.count()).select_from(query.limit(_COUNTED).subquery())) or 0
