"""Appeals at work: claimed under a lease that is renewed, released, or asked again by a person."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, tuple_, update

from appealbus.core.domain.event import Event, What, by_worker
from appealbus.core.domain.pauses import PROVISIONAL
from appealbus.core.domain.returning import Place
from appealbus.core.errors import JournalError
from appealbus.core.journal import clock, events
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.codec import names_from, one_word
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.tables import (
    CARRIED,
    IN_WORK,
    LACKS,
    MISDATED,
    PARKED,
    READY,
    UNASSESSED,
    WAITS_FOR,
    appeal,
    lookup,
    unindexed,
)
from appealbus.core.journal.waiting import combinations
from appealbus.core.journal.writes import ACTOR, NOW, Write
from appealbus.schemas.base import printable
from appealbus.schemas.outcome import OutcomeKind

_DUE_AT_ONCE = 1000
"""The most appeals that one claim looks at to find the most urgent of those that return. After an outage a hundred
thousand may be due at the same time: of more than these the most urgent are found by what they wait for."""
_DUE_OF_ONE = 50
"""Appeals that wait for the same which are read at a time."""
_PLACE = tuple_(appeal.c.urgency, appeal.c.id)
_KINDS_OF_LACK = 1000
"""The most combinations of lookups that are lacking together which one claim looks at: a fifth of a second. Seven that
are lost make 127 at most; the next claim goes on behind them. With less, whoever lacks one of the last waits longer."""

_PUT_OFF = ""
"""What an appeal waits for that cannot be read: its time alone, whatever it lacks."""
_AGAIN = timedelta(hours=1)
"""Since its last run, until an appeal is worked for the sake of facts alone that are carried: of two workers that lack
different lookups each finds something to do in what the other has done. With less, they do so all the time."""


@dataclass(frozen=True, slots=True)
class Claimed:
    ids: list[int]
    """A suspect first, if it has its turn, then new ones and those that return, of both the most urgent first."""
    found: suspects.SuspectsFound = field(default_factory=suspects.SuspectsFound)
    """What dead workers had in work."""
    returning: frozenset[int] = frozenset()
    """Those that return."""
    lacks_after: str = ""
    """Where the next claim goes on; empty: at the beginning, as all combinations were looked at."""


@dataclass(frozen=True, slots=True)
class Claim(Write[Claimed]):
    owner: str
    now: datetime
    seconds: float
    limit: int
    room: int
    """Bytes of appeals that the worker has room for."""
    alone: bool
    """Whether the worker has nothing in work: then the first appeal is leased, however large it is."""
    suspects: bool = True
    """Whether a suspect may have its turn."""
    lost: Collection[str] | None = None
    """What the worker lacks, too: lookups, or marks of what stands in `lacks`; None: it takes no appeal for the sake of
    what another worker lacked."""
    kept: int = 0
    """Places that first versions have before what returns."""
    thorough: bool = True
    """Whether what returns is looked for among all that are ready, however many new ones there are."""
    lacks_after: str = ""
    """Behind which combination of lookups what is lacking is looked for."""
    busy: Collection[int] = ()
    """Ids of what runs at the worker, whose lease may have ended: with a new one that run would conclude, though what
    it found meanwhile was dropped."""


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


@Claim.each
def claim(connection: Connection, item: Claim) -> Claimed:
    """Lease the suspect whose turn it is, then the most urgent new and returning appeals, as far as there is room."""
    now = clock.leased_at(connection, item.now)
    _put_with_the_due(connection, item)
    longest = _longest_due(connection, item)
    dead = suspects.leased().where(appeal.c.lease_until <= now).order_by(appeal.c.lease_until).limit(_DUE_AT_ONCE)
    left = [row for row in connection.execute(dead) if row.id not in item.busy]
    found = suspects.take_over(connection, left, item.now, by_worker(item.owner))
    turn = suspects.next_turn(connection, item.now) if item.suspects else None
    rows = [] if turn is None else [turn]
    returning: frozenset[int] = frozenset()
    after = item.lacks_after
    if limit := max(0, item.limit - len(rows)):
        new = _locked(connection, limit, appeal.c.state == READY, appeal.c.version == 0)
        again, after = _returning(connection, item, longest, limit)
        returning = frozenset(row.id for row in again)
        places = min(len(new), max(item.kept, limit - len(again)))
        rows += [*new[: item.kept], *again[: limit - places], *new[item.kept : places]]
    claimed = _fitting([row for row in rows if row.id not in item.busy], item)
    if claimed:
        leased = update(appeal).where(appeal.c.id.in_(claimed))
        until = now + timedelta(seconds=item.seconds)
        leased = leased.values(state="in_work", due_at=None, lease_owner=item.owner, lease_until=until)
        connection.execute(leased)
        by = by_worker(item.owner)
        events.note(connection, [Event(What.CLAIMED, appeal_id, by) for appeal_id in claimed])
    return Claimed(claimed, found, returning.intersection(claimed), after)


def _urgent(limit: int, *which: ColumnElement[bool]) -> Select[Any]:
    query = select(appeal.c.id, appeal.c.size, appeal.c.urgency).where(*which)
    return query.order_by(appeal.c.urgency, appeal.c.id).limit(limit)


def _locked(connection: Connection, limit: int, *which: ColumnElement[bool]) -> list[Any]:
    return list(connection.execute(_urgent(limit, *which).with_for_update(skip_locked=True, key_share=True)))


def _put_with_the_due(connection: Connection, item: Claim) -> None:
    """Park ready appeals that have a version as due now, so that they do not block new ones."""
    ready = select(appeal.c.id, appeal.c.version).where(appeal.c.state == READY)
    ready = ready.order_by(appeal.c.urgency, appeal.c.id)
    seen = (ready if item.thorough else ready.limit(_DUE_AT_ONCE)).subquery()
    found = list(connection.scalars(select(seen.c.id).where(seen.c.version > 0).limit(_DUE_AT_ONCE)))
    if found:
        ids = [
            row.id
            for row in _locked(connection, len(found), unindexed(appeal.c.state) == READY, appeal.c.id.in_(found))
        ]
        due = {"state": PARKED, "due_at": item.now, "waits_for": func.coalesce(appeal.c.waits_for, "")}
        connection.execute(update(appeal).where(appeal.c.id.in_(ids)).values(**due))


def _longest_due(connection: Connection, item: Claim) -> list[Place]:
    """Return what is due for longest, by urgency; suspects among it begin to wait for their turn."""
    # Whether a parked appeal is due is decided by the worker's clock, as that also decides which questions are due.
    query = select(appeal.c.urgency, appeal.c.id, appeal.c.deaths)
    query = query.where(appeal.c.state == PARKED, appeal.c.due_at <= item.now).order_by(appeal.c.due_at)
    rows = connection.execute(query.limit(_DUE_AT_ONCE)).all()
    doubted = [row.id for row in rows if row.deaths is not None]
    if doubted:
        still = update(appeal).where(appeal.c.id.in_(doubted), unindexed(appeal.c.state) == PARKED)
        connection.execute(still.values(state=suspects.WAITING, due_at=None))
    return sorted((row.urgency, row.id) for row in rows if row.deaths is None)


def _returning(connection: Connection, item: Claim, longest: list[Place], limit: int) -> tuple[list[Any], str]:
    """Return the most urgent of what is due or lacks a lookup that this worker has."""
    found: list[Iterable[Place]] = [longest]
    if len(longest) == _DUE_AT_ONCE:
        found += [_due(connection, waits_for, item.now) for waits_for in combinations(connection)]
    # Twice as many as are wanted: other workers may be claiming the first of them.
    first = [place[1] for place in islice(merge(*found), 2 * limit)]
    still = (unindexed(appeal.c.state) == PARKED, appeal.c.deaths.is_(None), appeal.c.id.in_(first))
    rows = _locked(connection, limit, *still) if first else []
    after = item.lacks_after
    if item.lost is not None:
        lacking, after = _lacking(connection, item, item.lost)
        rows += lacking
    return sorted({row.id: row for row in rows}.values(), key=lambda row: (row.urgency, row.id))[:limit], after


def _due(connection: Connection, waits_for: str, now: datetime) -> Iterator[Place]:
    """Yield what is due among appeals that wait for the same, most urgent first, lazily."""
    query = select(appeal.c.urgency, appeal.c.id).where(WAITS_FOR, appeal.c.waits_for == waits_for)
    query = query.where(appeal.c.due_at <= now, appeal.c.deaths.is_(None))
    query = query.order_by(appeal.c.urgency, appeal.c.id).limit(_DUE_OF_ONE)
    rows = [(row.urgency, row.id) for row in connection.execute(query)]
    while rows:
        yield from rows
        rows = [(row.urgency, row.id) for row in connection.execute(query.where(rows[-1] < _PLACE))]


def _lacking(connection: Connection, item: Claim, lost: Collection[str]) -> tuple[list[Any], str]:
    """Return the most urgent appeals that wait for nothing but a lookup which this worker does not lack.

    Whoever lacks it cannot take them from here, as from those that are ready. What lacks the same is told together,
    so that nobody looks through all that others lack. Return also behind what the next claim goes on.
    """
    rows: list[Any] = []
    after = item.lacks_after
    lost = set(map(one_word, lost))
    for _ in range(_KINDS_OF_LACK):
        more = select(appeal.c.lacks).where(LACKS, appeal.c.lacks > after).order_by(appeal.c.lacks).limit(1)
        lacks = connection.scalar(more)
        if lacks is None:
            return rows, ""
        after = lacks
        names = [name for name in names_from(lacks) if not name.startswith((UNASSESSED, MISDATED))]
        if not all(name in lost or name.removeprefix(CARRIED) in lost for name in names):
            its = [LACKS, appeal.c.lacks == lacks, appeal.c.state.in_(("idle", "parked"))]
            its.append(appeal.c.waits_for.is_distinct_from(_PUT_OFF))
            if all(name.startswith(CARRIED) for name in names):
                its.append(appeal.c.changed_at < item.now - _AGAIN)
            rows += _locked(connection, item.limit, *its)
    return rows, after


def _fitting(rows: Sequence[Any], item: Claim) -> list[int]:
    """Return the first appeals that fit; no smaller one overtakes one that does not."""
    ids: list[int] = []
    room = item.room
    for row in rows:
        room -= row.size
        if room < 0 and (ids or not item.alone):
            break
        ids.append(row.id)
    return ids


@Release.each
def release(connection: Connection, item: Release) -> None:
    free = update(appeal).where(appeal.c.state == IN_WORK)
    if item.owner is not None:
        free = free.where(appeal.c.lease_owner == item.owner)
    if item.ids is not None:
        free = free.where(appeal.c.id.in_(item.ids))
    # No process has died over these appeals: a suspect among them is no more suspect than before.
    put_off = {"state": "parked", "deaths": None, "waits_for": _PUT_OFF}
    free = free.values(state=suspects.WAITING) if item.due_at is None else free.values(**put_off)
    freed = free.values(due_at=item.due_at, lease_owner=None, lease_until=None).returning(appeal.c.id)
    ids = sorted(connection.execute(freed).scalars())
    detail = {} if item.due_at is None else {"due": to_number(item.due_at)}
    by = by_worker(item.owner)
    events.note(connection, [Event(What.GIVEN_BACK, appeal_id, by, detail=detail) for appeal_id in ids])


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
    """Make the appeal ready with all open questions due; return their number, None for an unknown appeal."""
    columns = (appeal.c.id, appeal.c.number, appeal.c.deaths, appeal.c.state, appeal.c.lease_until)
    found = connection.execute(
        select(*columns).where(appeal.c.number == item.number).with_for_update(key_share=True)
    ).first()
    if found is None:
        return None
    refusal = not_free(connection, found, item.at, item.by)
    if refusal is not None:
        return refusal
    ready = update(appeal).where(appeal.c.id == found.id)
    connection.execute(ready.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
    mine = lookup.c.appeal_id == found.id
    due = update(lookup).where(mine, OPEN).values(next_attempt_at=item.at)
    count = connection.execute(due).rowcount
    answered = (ANSWERED_NO if item.everything or item.refresh else []) + (ANSWERED_YES if item.refresh else [])
    if answered:
        anew = update(lookup).where(mine, lookup.c.kind.in_(answered)).values(next_attempt_at=item.at)
        count += connection.execute(anew).rowcount
    what = What.REFRESHED if item.refresh else What.RETRIED
    detail: dict[str, Any] = {"questions": count, "everything": item.everything, "due": to_number(item.at)}
    detail |= {"reason": printable(item.reason)} if item.reason else {}
    events.note(connection, [Event(what, found.id, item.by, detail=detail)])
    return count


def not_free(connection: Connection, found: Any, at: datetime, by: str) -> JournalError | None:
    """Return why a person may not change an appeal now: it is worked on, or held. What a dead worker had is free.

    `found` is its locked row: `id`, `number`, `state`, `deaths`, `lease_until`. `at` is by the journal's clock.
    """
    held = found.state == "held"
    if found.state == "in_work":
        if found.lease_until > clock.leased_at(connection, at):
            return JournalError("the appeal is being worked on right now; try again in a moment", "in_work")
        held = bool(suspects.take_over(connection, [found], at, by).held)
    return JournalError("the appeal is held; `appealbus release NUMBER` lets it go on", "held") if held else None
