"""Appeals at work: their leases are renewed and released; a person asks their questions again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, update

from appealbus.core.domain.event import Event, EventType, by_worker
from appealbus.core.domain.pauses import PROVISIONAL
from appealbus.core.errors import JournalError
from appealbus.core.journal import clock, events
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.tables import (
    IN_WORK,
    appeal,
    lookup,
)
from appealbus.core.journal.writes import ACTOR, NOW, Write
from appealbus.schemas.base import printable
from appealbus.schemas.outcome import OutcomeKind

PUT_OFF = ""
"""What an appeal waits for that cannot be read: its time alone, whatever it lacks."""


@dataclass(frozen=True, slots=True)
class Release(Write[None]):
    """Leases to end. `ids` None: all of the owner's; `owner` None: everybody's; `due_at` None: ready at once."""

    owner: str | None
    ids: Sequence[int] | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Renewal(Write[set[int]]):
    owner: str
    ids: Sequence[int]
    now: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Retry(Write[int | None]):
    """A person asks the open questions again, also those given up.

    It returns how many questions are asked; None if there is no such appeal. Raises JournalError and changes nothing:
    `in_work` while a worker has the appeal, `held` while it is held.
    """

    number: str
    everything: bool = False
    """Whether to ask also what was refused or not found, and to take no answer from the cache."""
    refresh: bool = False
    """Whether to ask also what was found; each record stays until there is a newer one."""
    reason: str = ""
    at: datetime = NOW
    by: str = ACTOR


ENDED = [kind.value for kind in OutcomeKind if kind.final or kind is OutcomeKind.SKIPPED]
"""All others are open, those of another release too."""
OPEN = or_(lookup.c.kind.not_in(ENDED), lookup.c.code.in_(PROVISIONAL))
"""It may still end otherwise; what is provisional, too."""
ANSWERED_NO = [OutcomeKind.REFUSED.value, OutcomeKind.NOT_FOUND.value]
ANSWERED_YES = [OutcomeKind.FOUND.value]


@Release.each
def release(connection: Connection, item: Release) -> None:
    free = update(appeal).where(appeal.c.state == IN_WORK)
    if item.owner is not None:
        free = free.where(appeal.c.lease_owner == item.owner)
    if item.ids is not None:
        free = free.where(appeal.c.id.in_(item.ids))
    # No process has died over these appeals: a suspect among them is no more suspect than before.
    put_off = {"state": "parked", "deaths": None, "waits_for": PUT_OFF}
    free = free.values(state=suspects.WAITING) if item.due_at is None else free.values(**put_off)
    freed = free.values(due_at=item.due_at, lease_owner=None, lease_until=None).returning(appeal.c.id)
    ids = sorted(connection.execute(freed).scalars())
    detail = {} if item.due_at is None else {"due": to_number(item.due_at)}
    by = by_worker(item.owner)
    events.note(connection, [Event(EventType.GIVEN_BACK, appeal_id, by, detail=detail) for appeal_id in ids])


@Renewal.each
def renew(connection: Connection, item: Renewal) -> set[int]:
    """Extend leases; return the appeals that the owner still has."""
    held = select(appeal.c.id).where(appeal.c.id.in_(item.ids), appeal.c.lease_owner == item.owner)
    # Locked in order, as everywhere where several are locked: two that wait for each other would cost a second.
    held = held.where(appeal.c.state == IN_WORK).order_by(appeal.c.id).with_for_update(key_share=True)
    until = clock.leased_at(connection, item.now) + timedelta(seconds=item.seconds)
    longer = update(appeal).where(appeal.c.id.in_(held)).values(lease_until=until)
    return set(connection.execute(longer.returning(appeal.c.id)).scalars())


@Retry.each
def retry(connection: Connection, item: Retry) -> int | JournalError | None:
    columns = (appeal.c.id, appeal.c.number, appeal.c.deaths, appeal.c.state, appeal.c.lease_until)
    row = connection.execute(
        select(*columns).where(appeal.c.number == item.number).with_for_update(key_share=True)
    ).first()
    if row is None:
        return None
    refusal = not_free(connection, row, item.at, item.by)
    if refusal is not None:
        return refusal
    ready = update(appeal).where(appeal.c.id == row.id)
    connection.execute(ready.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
    mine = lookup.c.appeal_id == row.id
    due = update(lookup).where(mine, OPEN).values(next_attempt_at=item.at)
    count = connection.execute(due).rowcount
    answered = (ANSWERED_NO if item.everything or item.refresh else []) + (ANSWERED_YES if item.refresh else [])
    if answered:
        anew = update(lookup).where(mine, lookup.c.kind.in_(answered)).values(next_attempt_at=item.at)
        count += connection.execute(anew).rowcount
    what = EventType.REFRESHED if item.refresh else EventType.RETRIED
    detail: dict[str, Any] = {"questions": count, "everything": item.everything, "due": to_number(item.at)}
    detail |= {"reason": printable(item.reason)} if item.reason else {}
    events.note(connection, [Event(what, row.id, item.by, detail=detail)])
    return count


def not_free(connection: Connection, row: Any, at: datetime, by: str) -> JournalError | None:
    """Return why a person may not change an appeal now: it is worked on, or held. What a dead worker had is free.

    `found` is its locked row: `id`, `number`, `state`, `deaths`, `lease_until`. `at` is by the journal's clock.
    """
    held = row.state == "held"
    if row.state == "in_work":
        if row.lease_until > clock.leased_at(connection, at):
            return JournalError("the appeal is being worked on right now; try again in a moment", "in_work")
        held = bool(suspects.take_over(connection, [row], at, by).held)
    return JournalError("the appeal is held; `appealbus release NUMBER` lets it go on", "held") if held else None
