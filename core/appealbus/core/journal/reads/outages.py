"""Which open appeals need a source, by the day on which they are due."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import Connection, Select, func, select

from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.outage import DueDay, Needs, WaitingByDay
from appealbus.core.domain.selection import NOWHERE, Place
from appealbus.core.journal.reads.selecting import rows_of
from appealbus.core.journal.tables import IN_WORK, READY, SUSPECT, WAITS_FOR, appeal, unindexed
from appealbus.core.journal.writes.returning import waiting_for
from appealbus.core.journal.writes.urgency import urgency_of

COUNTED = 50_000
"""Appeals that are counted of each combination of sources, and of each state: some tens of milliseconds."""

Needing = Select[tuple[int, int]]


def by_day(connection: Connection, needs: Needs, most: int = COUNTED) -> WaitingByDay:
    """Return how many open appeals wait for a source, or are still to ask it, by the day on which they are due."""
    days, ends = Counter[int](), urgency_of(None)
    for query in needing(connection, needs):
        some = query.order_by(appeal.c.urgency, appeal.c.id).limit(most).subquery()
        counted = select(some.c.urgency, func.count().label("number")).group_by(some.c.urgency)
        found = {row.urgency: row.number for row in connection.execute(counted)}
        if sum(found.values()) == most:
            ends = min(ends, max(found))
        days.update(found)
    # Behind where the counting of one ended, the days would tell of the others alone.
    whole = {date.fromordinal(day): days[day] for day in sorted(days) if day <= ends}
    return WaitingByDay(whole, ends < urgency_of(None))


def missing(connection: Connection, needs: Needs, days: Sequence[DueDay], after: Place, limit: int) -> list[AppealRow]:
    """Return a page of those of them that miss these days: go on after the day and the id of the last one."""
    queries, ids = list(needing(connection, needs)), list[int]()
    for each in days:
        day = each.day.toordinal()
        if len(ids) == limit or (after.first or 0) > day:
            continue
        behind = after.id if after.first == day else _in_time(connection, queries, each)
        # `id + 0`: by id they would be looked for among all that come behind.
        of_day = [query.where(appeal.c.urgency == day, appeal.c.id + 0 > behind) for query in queries]
        ids += sorted(_ids(connection, of_day, limit - len(ids)))[: limit - len(ids)]
    place = {id_: at for at, id_ in enumerate(ids)}
    return sorted(rows_of(connection, ids), key=lambda row: place[row.appeal_id])


def _in_time(connection: Connection, queries: Sequence[Needing], day: DueDay) -> int:
    """Return the id of the last appeal of a day that is asked in time."""
    in_time = day.waiting - day.missed
    if not in_time:
        return NOWHERE.id
    of_day = [query.where(appeal.c.urgency == day.day.toordinal()) for query in queries]
    first = sorted(_ids(connection, of_day, in_time))[:in_time]
    return first[-1] if first else NOWHERE.id


def _ids(connection: Connection, queries: Sequence[Needing], limit: int) -> Iterator[int]:
    for query in queries:
        yield from (
            row.id for row in connection.execute(query.order_by(appeal.c.urgency, appeal.c.id + 0).limit(limit))
        )


def needing(connection: Connection, needs: Needs) -> Iterator[Needing]:
    """Yield what gives them: a query for each index that has some."""
    columns = select(appeal.c.urgency, appeal.c.id).where(appeal.c.urgency < urgency_of(None))
    # What was closed waits for nothing: a change makes it ready, and its run ends its questions. So the index answers.
    for each in waiting_for(connection, needs.source):
        yield columns.where(WAITS_FOR, appeal.c.waits_for == each)
    # What has a version already waits for its sources by name, once it is parked.
    new = columns.where(appeal.c.version == 0, unindexed(appeal.c.closed) == "")
    new = new if needs.kinds is None else new.where(unindexed(appeal.c.kind).in_(needs.kinds))
    for state in (READY, IN_WORK, SUSPECT):
        yield new.where(appeal.c.state == state)
