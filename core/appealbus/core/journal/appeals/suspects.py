"""Suspects: appeals and messages over which workers may have died; and appeals that are held.

Appeals whose worker died with them in work are suspect, and taken one at a time until it is found which of them kills.
While an appeal is a suspect its column `deaths` is a number: of the workers that died while it had its turn.
A message that came again is noted before it is read, so that one that kills whoever reads it is known by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Column, Connection, Integer, Select, Table, Text, case, delete, select, text, update

from appealbus.core.domain.event import Event, EventType, by_person
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.tables import IN_WORK, READY, SUSPECT, WAITED_FOR, appeal, metadata
from appealbus.core.journal.writes import ACTOR, NOW, WALL, Write
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

DEATHS = 3
"""So many workers die over a suspect in its turn before it is held: two may have died for reasons of their own."""
PAUSES = (10.0, 30.0)
"""Seconds until a suspect's next turn after its first and its second death. Long beside the pauses of a supervisor, so
that a series of kills at random hits others, or nobody; short enough that a killer is found within three minutes."""
REASON = "three workers died, one after the other, while each worked on this appeal alone"
BY_ITSELF = "appealbus"

WAITING = case((appeal.c.deaths.is_(None), READY), else_=SUSPECT)
"""The state of an appeal that is to be worked as soon as it can be."""

# One lock for all turns of a journal, which writes nothing. Whoever does not get it tries again with its next claim.
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('appealbus.suspects'), hashtext(current_schema()))")


@dataclass(slots=True)
class SuspectsFound:
    suspects: int = 0
    held: list[str] = field(default_factory=list)
    """Numbers of those that are held from now on."""


@dataclass(frozen=True, slots=True)
class Burial(Write[SuspectsFound]):
    """A dead worker, by name; None: every worker that had something in work."""

    owner: str | None
    ids: Sequence[int] | None = None
    """Of what it had in work only these; None: all."""
    at: datetime = NOW
    by: str = ACTOR
    """Who takes over."""


def leased() -> Select[Any]:
    """Return the query that locks appeals in work for `take_over`."""
    query = select(appeal.c.id, appeal.c.number, appeal.c.deaths).where(appeal.c.state == IN_WORK)
    return query.with_for_update(skip_locked=True, key_share=True)


def tell(suspected: SuspectsFound) -> None:
    """Log what a dead worker had in work."""
    if suspected.suspects:
        log.warning("case.suspect", count=suspected.suspects)
    for number in suspected.held:
        log.error("case.held", number=number, reason=REASON)


@Burial.each
def bury(connection: Connection, item: Burial) -> SuspectsFound:
    query = leased().order_by(appeal.c.lease_until)
    if item.owner is not None:
        query = query.where(appeal.c.lease_owner == item.owner)
    if item.ids is not None:
        query = query.where(appeal.c.id.in_(item.ids))
    return take_over(connection, connection.execute(query).all(), item.at, item.by)


def take_over(connection: Connection, rows: Sequence[Any], now: datetime, by: str) -> SuspectsFound:
    """Make suspects of appeals whose worker did not give them back, and hold the one that was a suspect too often.

    By the journal's clock, as is `next_turn`: what was to wait by a clock that is set back is set back with it.
    """
    suspected = SuspectsFound(suspects=len(rows))
    happened: list[Event] = []
    free = update(appeal).values(lease_owner=None, lease_until=None)
    innocent = [row.id for row in rows if row.deaths is None]
    if innocent:
        beside = free.where(appeal.c.id.in_(innocent))
        connection.execute(beside.values(state="suspect", deaths=0, due_at=now))
        detail = {"deaths": 0, "due": to_number(now)}
        happened += [Event(EventType.SUSPECTED, appeal_id, by, detail=detail) for appeal_id in innocent]
    for row in rows:
        if row.deaths is None:
            continue
        deaths, this = row.deaths + 1, free.where(appeal.c.id == row.id)
        if deaths < DEATHS:
            due_at = now + timedelta(seconds=PAUSES[deaths - 1])
            connection.execute(this.values(state="suspect", deaths=deaths, due_at=due_at))
            detail = {"deaths": deaths, "due": to_number(due_at)}
        else:
            held = {"state": "held", "held_by": BY_ITSELF, "held_reason": REASON, "changed_at": now}
            connection.execute(this.values(deaths=deaths, due_at=None, **held))
            suspected.held.append(row.number)
            detail = {"deaths": deaths, "held": 1}
        happened.append(Event(EventType.SUSPECTED, row.id, by, detail=detail))
    events.note(connection, happened)
    return suspected


def next_turn(connection: Connection, now: datetime) -> Any | None:
    """Return the suspect whose turn it is, locked; None where there is none, or another one has its turn.

    The fewest deaths first: who was hit once by chance waits until all others are through, and is not hit again.
    """
    due = (appeal.c.due_at.is_(None)) | (appeal.c.due_at <= now)
    query = select(appeal.c.id, appeal.c.size).where(appeal.c.state == SUSPECT, due)
    query = query.order_by(appeal.c.deaths, appeal.c.urgency, appeal.c.id).limit(1)
    row = connection.execute(query).first()
    if row is None:
        return None
    if connection.dialect.name != "sqlite" and not connection.scalar(_LOCK):
        return None
    # After the lock: what another worker has taken by now is there to be seen.
    busy = select(appeal.c.id).where(appeal.c.state == IN_WORK, appeal.c.deaths.is_not(None)).limit(1)
    if connection.execute(busy).first() is not None:
        return None
    return connection.execute(query.with_for_update(skip_locked=True, key_share=True)).first()


@dataclass(frozen=True, slots=True)
class Hold(Write[bool]):
    """An appeal, also one in work, is not worked until it is released; versions are still delivered.

    It returns False if there is no such appeal. Raises JournalError `held` if it is held already.
    """

    number: str
    by: str
    reason: str
    at: datetime = WALL
    actor: str = ""
    """In the log; empty: the person `by`."""


@dataclass(frozen=True, slots=True)
class Releasing(Write[bool]):
    """Release a held appeal; a suspect still runs alone. False for an unknown one. Raises JournalError `not_held`."""

    number: str
    reason: str = ""
    at: datetime = WALL
    by: str = ACTOR


@Hold.each
def hold(connection: Connection, item: Hold) -> bool | JournalError:
    row = _with_number(connection, item.number)
    if row is None:
        return False
    if row.state == "held":
        return JournalError("the appeal is held already; `appealbus why NUMBER` says why", "held")
    held = {"held_by": printable(item.by), "held_reason": printable(item.reason), "changed_at": item.at}
    free = {"due_at": None, "lease_owner": None, "lease_until": None, "waits_for": WAITED_FOR}
    connection.execute(update(appeal).where(appeal.c.id == row.id).values(state="held", **held, **free))
    reason = {"reason": held["held_reason"]}
    events.note(connection, [Event(EventType.HELD, row.id, item.actor or by_person(item.by), detail=reason)])
    return True


@Releasing.each
def let_go(connection: Connection, item: Releasing) -> bool | JournalError:
    row = _with_number(connection, item.number)
    if row is None:
        return False
    if row.state != "held":
        return JournalError("the appeal is not held", "not_held")
    state = {"state": "ready"} if row.deaths is None else {"state": "suspect", "deaths": 0}
    free = {"held_by": None, "held_reason": None, "changed_at": item.at, "due_at": None}
    reason = {"reason": printable(item.reason)} if item.reason else {}
    connection.execute(update(appeal).where(appeal.c.id == row.id).values(**state, **free))
    events.note(connection, [Event(EventType.RELEASED, row.id, item.by, detail=reason)])
    return True


def _with_number(connection: Connection, number: str) -> Any | None:
    query = select(appeal.c.id, appeal.c.state, appeal.c.deaths).where(appeal.c.number == number)
    return connection.execute(query.with_for_update(key_share=True)).first()


suspect_message = Table(
    "suspect_message",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("turns", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Messages that came again and are being taken alone: how many turns of theirs have begun and not ended."""


_FORGOTTEN = timedelta(days=30)
"""No queue keeps a message for so long between two deliveries; what stands here then, nobody sends any more."""


@dataclass(frozen=True, slots=True)
class Turn(Write[int]):
    """A message about to be read alone; it returns how many such turns never ended. Equal marks: the same message."""

    mark: str
    at: datetime = WALL


@Turn.batch
def begin_turn(connection: Connection, items: Sequence[Turn]) -> list[int]:
    results = []
    for item in items:
        query = select(suspect_message.c.turns).where(suspect_message.c.mark == item.mark).with_for_update()
        before = connection.scalar(query) or 0
        row = {"mark": item.mark, "turns": before + 1, "at": item.at}
        bulk.upsert(connection, suspect_message, [row])
        results.append(before)
    oldest = min(item.at for item in items) - _FORGOTTEN
    connection.execute(delete(suspect_message).where(suspect_message.c.at < oldest))
    return results


@dataclass(frozen=True, slots=True)
class TurnEnded(Write[None]):
    """Nobody died over the message."""

    mark: str


@TurnEnded.batch
def end_turn(connection: Connection, items: Sequence[TurnEnded]) -> list[None]:
    connection.execute(delete(suspect_message).where(suspect_message.c.mark.in_([item.mark for item in items])))
    return [None] * len(items)


def turns(connection: Connection, mark: str) -> int:
    return connection.scalar(select(suspect_message.c.turns).where(suspect_message.c.mark == mark)) or 0
