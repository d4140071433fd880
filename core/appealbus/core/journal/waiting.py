"""Appeals that wait for a source, and what is done once it has come back: the most urgent first, a few at a time.

Each appeal is looked at once in a pass, in the order of the index, so that the hundred thousandth costs what the first
did; what has been asked since the source came back is passed over.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, func, select, tuple_, update

from appealbus.core.domain.case import WITHDRAWN
from appealbus.core.domain.counts import ParkedFor
from appealbus.core.domain.event import Event, EventType
from appealbus.core.domain.listing import AppealRow, Endangered
from appealbus.core.domain.pauses import PROVISIONAL, REFRESH_FAILED, DueDay, Needs, WaitingByDay
from appealbus.core.domain.selection import NOWHERE
from appealbus.core.domain.selection import ListPosition as DuePlace
from appealbus.core.domain.source_state import HEARD, Place, TakeIn, TakenIn
from appealbus.core.journal import events
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.lists import rows_of
from appealbus.core.journal.codec import names_from, one_word, urgency_of
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.tables import (
    IN_WORK,
    PARKED,
    READY,
    SUSPECT,
    WAITS_FOR,
    appeal,
    by_jumps,
    lookup,
    unindexed,
)
from appealbus.core.journal.writes import Write
from appealbus.schemas.outcome import OutcomeKind

_KINDS_OF_WAITING = 1000
"""The most combinations of sources that appeals wait for together: seven that are away make 127 at most."""
_LOOKED_AT = 500
"""Appeals of one combination that one step looks at: some milliseconds. Those asked since are among them."""
_READY = 1000
"""So many appeals that are ready, or due, are enough: more would only wait there."""
_KEPT = (*PROVISIONAL, REFRESH_FAILED, WITHDRAWN)
"""Codes of questions that have a record, or had one, and are asked again."""
_UNANSWERED = (
    *(OutcomeKind.UNAVAILABLE.value, OutcomeKind.TIMED_OUT.value),
    *(OutcomeKind.NOT_FOUND.value, OutcomeKind.REFUSED.value),
)
"""Kinds of questions that are asked again, the last two since a person wants them to be and the source was away."""


@dataclass(frozen=True, slots=True)
class TakingIn(Write[TakenIn]):
    """Make some of what is parked for a source ready again, most urgent first."""

    wish: TakeIn


@TakingIn.each
def take_in(connection: Connection, its: TakingIn) -> TakenIn:
    item = its.wish
    ready = select(appeal.c.id).where(appeal.c.state == READY).limit(_READY)
    waits = select(appeal.c.id).where(appeal.c.state == PARKED, appeal.c.due_at <= item.now).limit(_READY)
    if any(connection.scalar(select(func.count()).select_from(query.subquery())) == _READY for query in (ready, waits)):
        return TakenIn(0, item.places, False)
    places, rows, over = dict(item.places), [], True
    for waits_for in waiting_for(connection, item.source):
        batch = _next(connection, waits_for, places.get(waits_for), item.now)
        rows += [(row.urgency, row.id, waits_for, row) for row in batch]
        over = over and len(batch) < _LOOKED_AT
    due: list[int] = []
    for urgency, appeal_id, waits_for, row in sorted(rows, key=lambda entry: entry[:2]):
        if len(due) >= item.limit:
            over = False
            break
        places[waits_for] = urgency, appeal_id
        if row.changed_at < item.back_at + item.settled:
            due.append(appeal_id)
    taken = _ask_again(connection, item, due)
    if taken:
        again = update(appeal).where(appeal.c.id.in_(taken))
        connection.execute(again.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
        detail = {"everything": False, "due": to_number(item.now), "lookups": sorted(item.lookups)}
        detail["ended_before"] = to_number(item.back_at + HEARD)
        events.note(
            connection,
            [
                Event(EventType.RETRIED, appeal_id, item.by, item.source, {"questions": count, **detail})
                for appeal_id, count in sorted(taken.items())
            ],
        )
    return TakenIn(len(taken), places, over)


def waiting_for(connection: Connection, source: str) -> list[str]:
    """Return the combinations of sources waited for that contain this one."""
    name = one_word(source)
    return [waits_for for waits_for in combinations(connection) if name in names_from(waits_for)]


def combinations(connection: Connection) -> Iterator[str]:
    """Yield the combinations of sources that parked appeals wait for."""
    return islice(by_jumps(connection, appeal.c.waits_for, WAITS_FOR), _KINDS_OF_WAITING)


def _next(connection: Connection, waits_for: str, place: Place | None, now: datetime) -> Sequence[Any]:
    query = select(appeal.c.id, appeal.c.urgency, appeal.c.changed_at)
    query = query.where(WAITS_FOR, appeal.c.waits_for == waits_for, appeal.c.due_at > now)
    if place is not None:
        query = query.where(tuple_(appeal.c.urgency, appeal.c.id) > place)
    query = query.order_by(appeal.c.urgency, appeal.c.id).limit(_LOOKED_AT)
    return connection.execute(query.with_for_update(skip_locked=True, key_share=True)).all()


def _ask_again(connection: Connection, item: TakeIn, ids: Sequence[int]) -> Counter[int]:
    """Make the questions due that ended while the source was away; return how many, by appeal."""
    if not ids:
        return Counter()
    mine = lookup.c.appeal_id.in_(ids) & lookup.c.lookup.in_(sorted(item.lookups))
    unanswered = lookup.c.kind.in_(_UNANSWERED) | lookup.c.code.in_(_KEPT)
    due = update(lookup).where(mine, unanswered, lookup.c.next_attempt_at.is_not(None))
    due = due.where(lookup.c.ended_at < item.back_at + HEARD).values(next_attempt_at=item.now)
    return Counter(connection.execute(due.returning(lookup.c.appeal_id)).scalars())


COUNTED = 50_000
"""Appeals that are counted of each combination of sources, and of each state: some tens of milliseconds."""

Needing = Select[tuple[int, int]]


def by_day(connection: Connection, needs: Needs, most: int = COUNTED) -> WaitingByDay:
    """Return how many open appeals wait for a source or are still to ask it, by due date."""
    days, ends = Counter[int](), urgency_of(None)
    for query in needing(connection, needs):
        some = query.order_by(appeal.c.urgency, appeal.c.id).limit(most).subquery()
        counted = select(some.c.urgency, func.count().label("number")).group_by(some.c.urgency)
        numbers = {row.urgency: row.number for row in connection.execute(counted)}
        if sum(numbers.values()) == most:
            ends = min(ends, max(numbers))
        days.update(numbers)
    # Behind where the counting of one ended, the days would tell of the others alone.
    whole = {date.fromordinal(day): days[day] for day in sorted(days) if day <= ends}
    return WaitingByDay(whole, ends < urgency_of(None))


def missing(
    connection: Connection, needs: Needs, days: Sequence[DueDay], after: DuePlace, limit: int
) -> list[AppealRow]:
    """Return a page of those that miss these days; go on after the day and id of the last one."""
    queries, ids = list(needing(connection, needs)), list[int]()
    for due_day in days:
        day = due_day.day.toordinal()
        if len(ids) == limit or (after.first or 0) > day:
            continue
        behind = after.id if after.first == day else _in_time(connection, queries, due_day)
        # `id + 0`: by id they would be looked for among all that come behind.
        of_day = [query.where(appeal.c.urgency == day, appeal.c.id + 0 > behind) for query in queries]
        ids += sorted(_ids(connection, of_day, limit - len(ids)))[: limit - len(ids)]
    place = {id_: at for at, id_ in enumerate(ids)}
    return sorted(rows_of(connection, ids), key=lambda row: place[row.appeal_id])


def _in_time(connection: Connection, queries: Sequence[Needing], day: DueDay) -> int:
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
    """Yield the queries that find them, one for each index."""
    columns = select(appeal.c.urgency, appeal.c.id).where(appeal.c.urgency < urgency_of(None))
    # What was closed waits for nothing: a change makes it ready, and its run ends its questions. So the index answers.
    for combination in waiting_for(connection, needs.source):
        yield columns.where(WAITS_FOR, appeal.c.waits_for == combination)
    # What has a version already waits for its sources by name, once it is parked.
    new = columns.where(appeal.c.version == 0, unindexed(appeal.c.closed) == "")
    new = new if needs.kinds is None else new.where(unindexed(appeal.c.kind).in_(needs.kinds))
    for state in (READY, IN_WORK, SUSPECT):
        yield new.where(appeal.c.state == state)


_ENDANGERED = 10_000
"""Appeals that are counted of each kind at most: more are told as so many and more."""


def endangered(
    connection: Connection, source: str, kinds: Collection[str] | None, due_by: date, limit: int
) -> tuple[list[Endangered], int]:
    """Return the most urgent appeals due by then that need a source which is away, and how many there are.

    `kinds` are those whose contracts ask it; None: all. They are counted up to ten thousand of each state.
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
    return connection.scalar(select(func.count()).select_from(query.limit(_ENDANGERED).subquery())) or 0


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
    """Return how many appeals are parked for each source, and when they ask it again."""
    sums: dict[str, tuple[int, datetime, datetime]] = {}
    for row in connection.execute(_PARKED):
        for source in names_from(row.waits_for):
            number, first, last = sums.get(source, (0, row.first, row.last))
            sums[source] = (number + row.number, min(first, row.first), max(last, row.last))
    return [ParkedFor(source, *sums[source]) for source in sorted(sums)]
