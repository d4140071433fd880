"""Appeals at work: claimed under a lease, concluded in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, select, update

from appealbus.core.journal import bulk
from appealbus.core.journal.errors import JournalError, VersionConflict
from appealbus.core.journal.tables import IDLE, IN_WORK, PARKED, READY, appeal, dossier, outbox
from appealbus.schemas.dossier import Completeness

_DUE_AT_ONCE = 1000
"""How many parked appeals one claim makes ready: after an outage a hundred thousand may be due at the same time."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's wish for work."""

    owner: str
    now: datetime
    until: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Leases to prolong."""

    owner: str
    ids: Sequence[int]
    until: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """Leases to end. `ids` None: all of the owner's; `owner` None: everybody's."""

    owner: str | None
    ids: Sequence[int] | None


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


def claim(connection: Connection, items: Sequence[Claim]) -> list[list[int]]:
    """Lease the most urgent appeals; return their ids, most urgent first."""
    return [_claim(connection, item) for item in items]


def _claim(connection: Connection, item: Claim) -> list[int]:
    ids = select(appeal.c.id).with_for_update(skip_locked=True)
    due = ids.where(appeal.c.state == PARKED, appeal.c.due_at <= item.now).order_by(appeal.c.due_at)
    dead = ids.where(appeal.c.state == IN_WORK, appeal.c.lease_until <= item.now).order_by(appeal.c.lease_until)
    again = [found for query in (due, dead) for found in connection.execute(query.limit(_DUE_AT_ONCE)).scalars().all()]
    if again:
        ready = update(appeal).where(appeal.c.id.in_(again))
        connection.execute(ready.values(state="ready", due_at=None, lease_owner=None, lease_until=None))
    waiting = ids.where(appeal.c.state == READY)
    urgent = list(connection.execute(waiting.order_by(appeal.c.urgency, appeal.c.id).limit(item.limit)).scalars())
    if urgent:
        leased = update(appeal).where(appeal.c.id.in_(urgent))
        connection.execute(leased.values(state="in_work", lease_owner=item.owner, lease_until=item.until))
    return urgent


def renew(connection: Connection, items: Sequence[Renew]) -> list[set[int]]:
    """Prolong leases that are still held; return whose."""
    return [
        set(
            connection.execute(
                update(appeal)
                .where(appeal.c.id.in_(item.ids), appeal.c.state == IN_WORK, appeal.c.lease_owner == item.owner)
                .values(lease_until=item.until)
                .returning(appeal.c.id)
            ).scalars()
        )
        for item in items
    ]


def release(connection: Connection, items: Sequence[Release]) -> list[None]:
    """End leases."""
    for item in items:
        free = update(appeal).where(appeal.c.state == IN_WORK)
        if item.owner is not None:
            free = free.where(appeal.c.lease_owner == item.owner)
        if item.ids is not None:
            free = free.where(appeal.c.id.in_(item.ids))
        connection.execute(free.values(state="ready", lease_owner=None, lease_until=None))
    return [None] * len(items)


_VERSIONS = (
    select(appeal.c.id, appeal.c.version)
    .where(appeal.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(appeal.c.id)
    .with_for_update()
)
_CONCLUDE = (
    update(appeal)
    .where(appeal.c.id == bindparam("this"))
    .values(
        version=bindparam("v"),
        completeness=bindparam("c"),
        state=bindparam("s"),
        due_at=bindparam("d"),
        changed_at=bindparam("a"),
        lease_owner=None,
        lease_until=None,
    )
)


def conclude(connection: Connection, items: Sequence[Conclusion]) -> list[JournalError | None]:
    """Write new versions, their deliveries and where the appeals stand now."""
    ids = [item.appeal_id for item in items]
    newest = {row.id: row.version for row in connection.execute(_VERSIONS, {"ids": ids})}
    results = [_admit(newest, item) for item in items]
    good = [item for item, error in zip(items, results, strict=True) if error is None]
    if good:
        connection.execute(_CONCLUDE, [_state_of(item) for item in good])
    versions = [
        {
            "appeal_id": item.appeal_id,
            "version": item.version,
            "completeness": item.completeness.value,
            "created_at": item.at,
            "document": item.dossier,
        }
        for item in good
        if item.dossier is not None
    ]
    bulk.insert(connection, dossier, versions)
    deliveries = [
        {
            "appeal_id": item.appeal_id,
            "receiver": receiver,
            "version": item.version,
            "attempts": 0,
            "next_attempt_at": item.at,
        }
        for item in good
        if item.dossier is not None
        for receiver in item.receivers
    ]
    bulk.insert(connection, outbox, deliveries)
    return results


def _admit(newest: dict[int, int], item: Conclusion) -> JournalError | None:
    """Say why an appeal cannot be concluded so, or note its new version."""
    if item.appeal_id not in newest:
        return JournalError("there is no such appeal", "unknown_appeal")
    before = newest[item.appeal_id]
    if item.version != before + (item.dossier is not None):
        return VersionConflict(before, item.version)
    newest[item.appeal_id] = item.version
    return None


def _state_of(item: Conclusion) -> dict[str, object]:
    return {
        "this": item.appeal_id,
        "v": item.version,
        "c": item.completeness.value,
        "s": "idle" if item.due_at is None else "parked",
        "d": item.due_at,
        "a": item.at,
    }


def wake(connection: Connection, numbers: Sequence[str]) -> list[bool]:
    """Make parked and idle appeals ready; one that is ready or in work stays so."""
    results = []
    for number in numbers:
        ready = update(appeal).where(appeal.c.number == number, or_(appeal.c.state == PARKED, appeal.c.state == IDLE))
        found = connection.execute(ready.values(state="ready", due_at=None)).rowcount
        results.append(found > 0 or connection.scalar(select(appeal.c.id).where(appeal.c.number == number)) is not None)
    return results
