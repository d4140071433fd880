"""Appeals at work: claimed under a lease, concluded in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from appealbus.core.errors import JournalError
from appealbus.core.journal import bulk, notifications
from appealbus.core.journal.errors import LeaseLost, VersionConflict
from appealbus.core.journal.tables import IN_WORK, PARKED, READY, WAITS, appeal, dossier, lookup, outbox
from appealbus.core.journal.writes import clock, suspects
from appealbus.core.journal.writes.awaiting import arrived
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind

_DUE_AT_ONCE = 1000
"""How many parked appeals one claim makes ready: after an outage a hundred thousand may be due at the same time."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's wish for work."""

    owner: str
    now: datetime
    seconds: float
    limit: int
    room: int
    """Bytes of appeals that the worker has room for."""
    alone: bool
    """Whether nothing is in work there: then the first appeal is taken, however large."""
    suspects: bool = True
    """Whether a suspect may have its turn."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a worker got."""

    ids: list[int]
    """A suspect first, if it is one's turn, then the others, most urgent first."""
    found: suspects.SuspectsFound = field(default_factory=suspects.SuspectsFound)
    """What dead workers had left."""


@dataclass(frozen=True, slots=True)
class Release:
    """Leases to end. `ids` None: all of the owner's; `owner` None: everybody's; `due_at` None: ready at once."""

    owner: str | None
    ids: Sequence[int] | None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The end of a run."""

    appeal_id: int
    dossier: bytes | None
    version: int
    completeness: Completeness
    receivers: tuple[str, ...]
    due_at: datetime | None
    at: datetime
    region: str = ""
    heard: frozenset[str] | None = None
    owner: str | None = None
    """Whose lease it must be; None: whoever's."""
    doubted: bool = False
    """Whether a suspect stays one, since a question was left out over which workers died."""
    now: datetime | None = None
    """By the journal's clock, from which on the version is due for its receivers; None: `at`."""
    epoch: int = 1


@dataclass(frozen=True, slots=True)
class Renewal:
    """A worker's leases that shall last longer."""

    owner: str
    ids: Sequence[int]
    now: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Retry:
    """A person's wish that an appeal be asked again; with `everything` also what a source has answered with no."""

    number: str
    at: datetime
    everything: bool
    refresh: bool = False
    """Also what was found."""


_OPEN = [kind.value for kind in OutcomeKind if not kind.final and kind is not OutcomeKind.SKIPPED]
_ANSWERED_NO = [OutcomeKind.REFUSED.value, OutcomeKind.NOT_FOUND.value]
_ANSWERED_YES = [OutcomeKind.FOUND.value]


def claim(connection: Connection, items: Sequence[Claim]) -> list[Claimed]:
    """Lease a suspect whose turn it is, and the most urgent of the others as far as there is room."""
    return [_claim(connection, item) for item in items]


def _claim(connection: Connection, item: Claim) -> Claimed:
    # What is parked is due by the clock of the worker that will ask: by that one its questions are due too.
    now = clock.leased_at(connection, item.now)
    ids = select(appeal.c.id).with_for_update(skip_locked=True, key_share=True)
    due = ids.where(appeal.c.state == PARKED, appeal.c.due_at <= item.now).order_by(appeal.c.due_at)
    again = list(connection.execute(due.limit(_DUE_AT_ONCE)).scalars())
    if again:
        ready = update(appeal).where(appeal.c.id.in_(again))
        connection.execute(ready.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
    dead = suspects.leased().where(appeal.c.lease_until <= now).order_by(appeal.c.lease_until).limit(_DUE_AT_ONCE)
    found = suspects.take_over(connection, connection.execute(dead).all(), item.now)
    turn = suspects.next_turn(connection, item.now) if item.suspects else None
    rows = [] if turn is None else [turn]
    if len(rows) < item.limit:
        waiting = ids.add_columns(func.length(appeal.c.document).label("size")).where(appeal.c.state == READY)
        waiting = waiting.order_by(appeal.c.urgency, appeal.c.id).limit(item.limit - len(rows))
        rows += connection.execute(waiting).all()
    claimed = _fitting(rows, item)
    if claimed:
        leased = update(appeal).where(appeal.c.id.in_(claimed))
        until = now + timedelta(seconds=item.seconds)
        connection.execute(leased.values(state="in_work", lease_owner=item.owner, lease_until=until))
    return Claimed(claimed, found)


def _fitting(rows: Sequence[Any], item: Claim) -> list[int]:
    """Return the first of them, as many as the worker has room for: none passes one that is more urgent."""
    ids: list[int] = []
    room = item.room
    for row in rows:
        room -= row.size
        if room < 0 and (ids or not item.alone):
            break
        ids.append(row.id)
    return ids


def release(connection: Connection, items: Sequence[Release]) -> list[None]:
    """End leases."""
    for item in items:
        free = update(appeal).where(appeal.c.state == IN_WORK)
        if item.owner is not None:
            free = free.where(appeal.c.lease_owner == item.owner)
        if item.ids is not None:
            free = free.where(appeal.c.id.in_(item.ids))
        # Nobody died: what was suspect is no more so than before.
        put_off = {"state": "parked", "deaths": None}
        free = free.values(state=suspects.WAITING) if item.due_at is None else free.values(**put_off)
        connection.execute(free.values(due_at=item.due_at, lease_owner=None, lease_until=None))
    return [None] * len(items)


def renew(connection: Connection, items: Sequence[Renewal]) -> list[set[int]]:
    """Make leases last longer; return of which appeals. The others are not the owner's any more."""
    results = []
    for item in items:
        held = select(appeal.c.id).where(appeal.c.id.in_(item.ids), appeal.c.lease_owner == item.owner)
        # In order, as all others who lock several: two that wait for each other would cost a second.
        held = held.where(appeal.c.state == IN_WORK).order_by(appeal.c.id).with_for_update(key_share=True)
        until = clock.leased_at(connection, item.now) + timedelta(seconds=item.seconds)
        longer = update(appeal).where(appeal.c.id.in_(held)).values(lease_until=until)
        results.append(set(connection.execute(longer.returning(appeal.c.id)).scalars()))
    return results


_VERSIONS = (
    select(appeal.c.id, appeal.c.version, appeal.c.lease_owner, appeal.c.deaths)
    .where(appeal.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(appeal.c.id)
    .with_for_update(key_share=True)
)


def conclude(connection: Connection, items: Sequence[Conclusion]) -> list[JournalError | bool]:
    """Write new versions, their deliveries and where the appeals stand; say which are to be worked again at once."""
    ids = bulk.padded([item.appeal_id for item in items])
    rows = connection.execute(_VERSIONS, {"ids": ids}).all()
    newest = {row.id: (row.version, row.lease_owner) for row in rows}
    deaths = {row.id: row.deaths for row in rows}
    errors = [_admit(newest, item) for item in items]
    good = [item for item, error in zip(items, errors, strict=True) if error is None]
    again = arrived(connection, {item.appeal_id: item.heard for item in good if item.heard is not None})
    bulk.update(connection, appeal, [_state_of(item, again, deaths[item.appeal_id]) for item in good])
    versions = [
        {
            "appeal_id": item.appeal_id,
            "version": item.version,
            "completeness": item.completeness.value,
            "created_at": item.at,
            "document": item.dossier,
            "region": item.region,
            "epoch": item.epoch,
        }
        for item in good
        if item.dossier is not None
    ]
    bulk.insert(connection, dossier, versions)
    behind = _unsent(connection, [item.appeal_id for item in good if item.version > 1 and item.receivers])
    deliveries = [
        {
            "appeal_id": item.appeal_id,
            "receiver": receiver,
            "version": item.version,
            "attempts": 0,
            "next_attempt_at": max(now, behind.get((item.appeal_id, receiver), now)),
        }
        for item in good
        if item.dossier is not None
        for now in (item.now or item.at,)
        for receiver in item.receivers
    ]
    bulk.insert(connection, outbox, deliveries)
    if deliveries:
        notifications.tell(connection)
    return [error or item.appeal_id in again for item, error in zip(items, errors, strict=True)]


def _admit(newest: dict[int, tuple[int, str | None]], item: Conclusion) -> JournalError | None:
    """Say why an appeal cannot be concluded so, or note its new version."""
    if item.appeal_id not in newest:
        return JournalError("there is no such appeal", "unknown_appeal")
    before, owner = newest[item.appeal_id]
    if item.owner is not None and item.owner != owner:
        return LeaseLost()
    if item.version != before + (item.dossier is not None):
        return VersionConflict(before, item.version)
    newest[item.appeal_id] = item.version, None
    return None


def _unsent(connection: Connection, ids: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """Return when an earlier version is tried again: no later one is due before, or each poll would look at it."""
    if not ids:
        return {}
    latest = func.max(outbox.c.next_attempt_at).label("at")
    unsent = select(outbox.c.appeal_id, outbox.c.receiver, latest).where(
        outbox.c.appeal_id.in_(bulk.padded(ids)), WAITS
    )
    rows = connection.execute(unsent.group_by(outbox.c.appeal_id, outbox.c.receiver))
    return {(row.appeal_id, row.receiver): row.at for row in rows}


def _state_of(item: Conclusion, again: Collection[int], deaths: int | None) -> dict[str, object]:
    at_once = item.appeal_id in again
    parked = "idle" if item.due_at is None else "parked"
    if not item.doubted or (parked == "idle" and not at_once):
        deaths = None
    return {
        "id": item.appeal_id,
        "version": item.version,
        "completeness": item.completeness.value,
        "state": ("ready" if deaths is None else "suspect") if at_once else parked,
        "deaths": deaths,
        "due_at": None if at_once else item.due_at,
        "changed_at": item.now or item.at,  # its age is what retention goes by
        "lease_owner": None,
        "lease_until": None,
    }


def retry(connection: Connection, items: Sequence[Retry]) -> list[int | JournalError | None]:
    """Make appeals ready, with all their open questions due; return how many questions, None for no such appeal."""
    return [_retry(connection, item) for item in items]


def _retry(connection: Connection, item: Retry) -> int | JournalError | None:
    columns = (appeal.c.id, appeal.c.number, appeal.c.deaths, appeal.c.state, appeal.c.lease_until)
    found = connection.execute(
        select(*columns).where(appeal.c.number == item.number).with_for_update(key_share=True)
    ).first()
    if found is None:
        return None
    held = found.state == "held"
    if found.state == "in_work":
        if found.lease_until > clock.leased_at(connection, item.at):
            return JournalError("the appeal is being worked on right now; try again in a moment", "in_work")
        held = bool(suspects.take_over(connection, [found], item.at).held)
    if held:
        return JournalError("the appeal is held; `appealbus release NUMBER` lets it go on", "held")
    ready = update(appeal).where(appeal.c.id == found.id)
    connection.execute(ready.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
    mine = lookup.c.appeal_id == found.id
    due = update(lookup).where(mine, lookup.c.kind.in_(_OPEN)).values(next_attempt_at=item.at)
    count = connection.execute(due).rowcount
    answered = (_ANSWERED_NO if item.everything or item.refresh else []) + (_ANSWERED_YES if item.refresh else [])
    if answered:
        anew = update(lookup).where(mine, lookup.c.kind.in_(answered)).values(next_attempt_at=item.at)
        count += connection.execute(anew).rowcount
    return count
