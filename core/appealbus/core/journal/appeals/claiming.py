"""Appeals are claimed: leased to a worker, the most urgent of the new ones and of those that return first."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_, update

from appealbus.core.domain.case import Case
from appealbus.core.domain.event import Event, EventType, by_worker
from appealbus.core.domain.source_state import Place
from appealbus.core.errors import JournalError
from appealbus.core.journal import clock, events
from appealbus.core.journal.appeals import leases, suspects
from appealbus.core.journal.appeals.cases import cases as cases_of
from appealbus.core.journal.codec import names_from, one_word
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import (
    CARRIED,
    LACKS,
    MISDATED,
    PARKED,
    READY,
    UNASSESSED,
    WAITS_FOR,
    appeal,
    unindexed,
)
from appealbus.core.journal.waiting import combinations
from appealbus.core.journal.writes import Write

_UNREADABLE = timedelta(hours=1)
"""How long an appeal is put off that cannot be read from the journal: only another version of the program, or a mended
database, will read it. With less, it takes a place in a claim, and a line in the log, more often."""
_CLAIMS = 10
"""Claims in a row that are tried while unreadable appeals are among those claimed, as they take the places of readable
ones. The bound keeps a journal full of them from holding up the worker; the next poll goes on."""
ANY = 1 << 62
"""Bytes that are more than any number of appeals have, and still fit into an integer of the database."""
_DUE_AT_ONCE = 1000
"""The most appeals that one claim looks at to find the most urgent of those that return. After an outage a hundred
thousand may be due at the same time: of more than these the most urgent are found by what they wait for."""
_DUE_OF_ONE = 50
"""Appeals that wait for the same which are read at a time."""
_PLACE = tuple_(appeal.c.urgency, appeal.c.id)
_KINDS_OF_LACK = 1000
"""The most combinations of lookups that are lacking together which one claim looks at: a fifth of a second. Seven that
are lost make 127 at most; the next claim goes on behind them. With less, whoever lacks one of the last waits longer."""

_AGAIN = timedelta(hours=1)
"""Since its last run, until an appeal is worked for the sake of facts alone that are carried: of two workers that lack
different lookups each finds something to do in what the other has done. With less, they do so all the time."""


@dataclass(frozen=True, slots=True)
class Claimed:
    ids: list[int]
    """A suspect first, if it has its turn, then new ones and those that return, of both the most urgent first."""
    dead: suspects.SuspectsFound = field(default_factory=suspects.SuspectsFound)
    """What dead workers had in work."""
    returning: frozenset[int] = frozenset()
    """Those that return."""
    lacks_after: str = ""
    """Where the next claim goes on; empty: at the beginning, as all combinations were looked at."""


@dataclass(frozen=True, slots=True)
class Claim(Write[Claimed]):
    owner: str
    """The worker."""
    now: datetime
    """The time by the worker's clock."""
    limit: int
    """The most appeals."""
    seconds: float
    """How long the worker has them, unless it renews the leases."""
    room: int = ANY
    """Bytes of appeals, as the journal keeps them, that the worker has room for."""
    alone: bool = True
    """Whether the worker has nothing in work: then the first appeal is leased, however large it is."""
    suspects: bool = True
    """Whether a suspect may have its turn."""
    lost: Collection[str] | None = None
    """What the worker lacks, too: lookups, `~NAME` for one whose facts alone it cannot confirm, or marks of what stands
    in `lacks`. What lacks something else is leased as if it were ready. None: it is not."""
    kept: int = 0
    """Places that first versions have before what returns; what either leaves is the others'."""
    thorough: bool = True
    """Whether what returns is looked for among all that are ready, however many new ones there are."""
    lacks_after: str = ""
    """Behind which combination of lookups what is lacking is looked for."""
    busy: Collection[int] = ()
    """Ids of what runs at the worker, whose lease may have ended: with a new one that run would conclude, though what
    it found meanwhile was dropped."""


async def claim(journal: Journal, wanted: Claim) -> list[Case]:
    """Lease appeals and return them: new ones and those that return, of both the most urgent first.

    What a dead worker had in work is suspect from now on. Over all workers one suspect is leased at a time, and it
    comes first. An appeal that cannot be read is put off by an hour, so that it takes no place until then.
    """
    cases: list[Case] = []
    leased: list[int] = []
    try:
        for _ in range(_CLAIMS):
            claimed = await journal.do(replace(wanted, lacks_after=journal.lacks_after))
            journal.lacks_after = claimed.lacks_after
            suspects.tell(claimed.dead)
            leased += claimed.ids
            journal.forget(claimed.ids)
            readable = [
                replace(case, returning=True) if case.appeal_id in claimed.returning else case
                for case in await journal.ask(cases_of, claimed.ids)
            ]
            cases += readable
            unreadable = set(claimed.ids).difference(case.appeal_id for case in readable)
            if not unreadable:
                break
            wanted = _rest(wanted, readable)
            await journal.do(leases.Release(wanted.owner, tuple(unreadable), wanted.now + _UNREADABLE))
    except JournalError:
        if leased:  # else no worker would have them until the leases are over
            with suppress(JournalError):
                await journal.do(leases.Release(wanted.owner, leased))
        raise
    return cases


def _rest(wanted: Claim, claimed: Sequence[Case]) -> Claim:
    """Return what there is still room for."""
    return replace(
        wanted,
        limit=wanted.limit - len(claimed),
        room=wanted.room - sum(case.size for case in claimed),
        alone=wanted.alone and not claimed,
        kept=max(0, wanted.kept - sum(case.is_first for case in claimed)),
        lost=None,
    )


async def bury(journal: Journal, owner: str | None, ids: Sequence[int] | None = None) -> None:
    """Take over at once what a dead worker had in work, or with None what all had: it is suspect from now on.

    With `ids` only of these.
    """
    suspects.tell(await journal.do(suspects.Burial(owner, ids)))


@Claim.each
def lease(connection: Connection, item: Claim) -> Claimed:
    """Lease the suspect whose turn it is, then the most urgent new and returning appeals, as far as there is room."""
    now = clock.leased_at(connection, item.now)
    _put_with_the_due(connection, item)
    longest = _longest_due(connection, item)
    dead = suspects.leased().where(appeal.c.lease_until <= now).order_by(appeal.c.lease_until).limit(_DUE_AT_ONCE)
    left = [row for row in connection.execute(dead) if row.id not in item.busy]
    suspected = suspects.take_over(connection, left, item.now, by_worker(item.owner))
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
        events.note(connection, [Event(EventType.CLAIMED, appeal_id, by) for appeal_id in claimed])
    return Claimed(claimed, suspected, returning.intersection(claimed), after)


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
    worked = list(connection.scalars(select(seen.c.id).where(seen.c.version > 0).limit(_DUE_AT_ONCE)))
    if worked:
        ids = [
            row.id
            for row in _locked(connection, len(worked), unindexed(appeal.c.state) == READY, appeal.c.id.in_(worked))
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
    queues: list[Iterable[Place]] = [longest]
    if len(longest) == _DUE_AT_ONCE:
        queues += [_due(connection, waits_for, item.now) for waits_for in combinations(connection)]
    # Twice as many as are wanted: other workers may be claiming the first of them.
    first = [place[1] for place in islice(merge(*queues), 2 * limit)]
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
            its.append(appeal.c.waits_for.is_distinct_from(leases.PUT_OFF))
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
