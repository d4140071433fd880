"""A source has come back: what is parked for it is worked again, most urgent first, a few at a time.

Each appeal is looked at once in a pass, in the order of the index, so that the hundred thousandth costs what the first
did; what has been asked since the source came back is passed over.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, tuple_, update

from appealbus.core.domain.case import WITHDRAWN
from appealbus.core.domain.event import Event, What
from appealbus.core.domain.pauses import PROVISIONAL, REFRESH_FAILED
from appealbus.core.domain.returning import HEARD, Place, TakeIn, TakenIn
from appealbus.core.journal import events
from appealbus.core.journal.codec import names_from, one_word
from appealbus.core.journal.tables import PARKED, READY, WAITS_FOR, appeal, lookup, to_number
from appealbus.core.journal.writes import suspects
from appealbus.core.journal.writes.one_by_one import one_by_one
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


@one_by_one
def take_in(connection: Connection, item: TakeIn) -> TakenIn:
    """Make some of what is parked for sources ready."""
    ready = select(appeal.c.id).where(appeal.c.state == READY).limit(_READY)
    waits = select(appeal.c.id).where(appeal.c.state == PARKED, appeal.c.due_at <= item.now).limit(_READY)
    if any(connection.scalar(select(func.count()).select_from(each.subquery())) == _READY for each in (ready, waits)):
        return TakenIn(0, item.places, False)
    places, rows, over = dict(item.places), [], True
    for waits_for in waiting_for(connection, item.source):
        found = _next(connection, waits_for, places.get(waits_for), item.now)
        rows += [(row.urgency, row.id, waits_for, row) for row in found]
        over = over and len(found) < _LOOKED_AT
    due: list[int] = []
    for urgency, appeal_id, waits_for, row in sorted(rows, key=lambda each: each[:2]):
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
                Event(What.RETRIED, appeal_id, item.by, item.source, {"questions": count, **detail})
                for appeal_id, count in sorted(taken.items())
            ],
        )
    return TakenIn(len(taken), places, over)


def waiting_for(connection: Connection, source: str) -> list[str]:
    """Return what parked appeals wait for together, where the source is among it."""
    name = one_word(source)
    return [waits_for for waits_for in combinations(connection) if name in names_from(waits_for)]


def combinations(connection: Connection) -> Iterator[str]:
    """Yield what parked appeals wait for together; of those that wait for a place alone it is empty."""
    more = select(appeal.c.waits_for).where(WAITS_FOR).order_by(appeal.c.waits_for).limit(1)
    waits_for = connection.scalar(more)
    for _ in range(_KINDS_OF_WAITING):
        if waits_for is None:
            break
        yield waits_for
        waits_for = connection.scalar(more.where(appeal.c.waits_for > waits_for))


def _next(connection: Connection, waits_for: str, place: Place | None, now: datetime) -> Sequence[Any]:
    query = select(appeal.c.id, appeal.c.urgency, appeal.c.changed_at)
    query = query.where(WAITS_FOR, appeal.c.waits_for == waits_for, appeal.c.due_at > now)
    if place is not None:
        query = query.where(tuple_(appeal.c.urgency, appeal.c.id) > place)
    query = query.order_by(appeal.c.urgency, appeal.c.id).limit(_LOOKED_AT)
    return connection.execute(query.with_for_update(skip_locked=True, key_share=True)).all()


def _ask_again(connection: Connection, item: TakeIn, ids: Sequence[int]) -> Counter[int]:
    """Have the questions to the source asked now that ended while it was away; return how many, by appeal."""
    if not ids:
        return Counter()
    mine = lookup.c.appeal_id.in_(ids) & lookup.c.lookup.in_(sorted(item.lookups))
    unanswered = lookup.c.kind.in_(_UNANSWERED) | lookup.c.code.in_(_KEPT)
    due = update(lookup).where(mine, unanswered, lookup.c.next_attempt_at.is_not(None))
    due = due.where(lookup.c.ended_at < item.back_at + HEARD).values(next_attempt_at=item.now)
    return Counter(connection.execute(due.returning(lookup.c.appeal_id)).scalars())
