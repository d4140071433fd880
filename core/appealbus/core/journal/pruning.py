"""Retention: what is finished and old goes, a bounded batch in each transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, over, select, tuple_

from appealbus.core.domain.event import BUS, Event, EventType
from appealbus.core.journal import documents, events, parts
from appealbus.core.journal.access import access
from appealbus.core.journal.awaiting import awaited
from appealbus.core.journal.changes.changes import change
from appealbus.core.journal.clients import feed_reader
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.quarantine import QUARANTINED, QuarantineBounds, quarantine
from appealbus.core.journal.replies import reply
from appealbus.core.journal.tables import (
    ALONE,
    IDLE,
    WAITS,
    appeal,
    counter,
    document,
    dossier,
    lookup,
    outbox,
    subject,
)
from appealbus.core.journal.writes import ACTOR, Write

_BATCH = 200
"""Rows of one transaction: the writer has no time for appeals meanwhile, so it is kept short."""
ENTRIES = 1000
"""Entries of the log that go in one transaction: they are small, and have one index."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many were deleted, and since when the last one had been idle."""

    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Idle(Write[Pruned]):
    """Appeals idle since `before`; those idle since before `after` have been looked at."""

    before: datetime
    after: datetime
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class _Old:
    before: datetime
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class OldMessages(_Old, Write[int]):
    """Messages that were replayed or closed before."""


@dataclass(frozen=True, slots=True)
class OldAccess(_Old, Write[int]):
    """The beginning of the access log."""


@dataclass(frozen=True, slots=True)
class OldEntries(_Old, Write[int]):
    """The beginning of the log."""


@dataclass(frozen=True, slots=True)
class Gone(Write[int]):
    """What waits for a receiver that is gone for good."""

    receiver: str
    by: str = ACTOR


@Idle.each
def prune_appeals(connection: Connection, item: Idle) -> Pruned:
    unsent = select(outbox.c.id).where(outbox.c.appeal_id == appeal.c.id, WAITS).exists()
    old = (appeal.c.changed_at >= item.after, appeal.c.changed_at < item.before)
    query = select(appeal.c.id, appeal.c.changed_at).where(appeal.c.state == IDLE, *old, ~unsent)
    query = query.order_by(appeal.c.changed_at).limit(_BATCH).with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    if ids:
        parts.forget(connection, ids)
        for table in (outbox, dossier, lookup, awaited, document, reply, subject, change):
            connection.execute(delete(table).where(table.c.appeal_id.in_(ids)))
        connection.execute(delete(appeal).where(appeal.c.id.in_(ids)))
        gone = connection.scalar(select(counter.c.value).where(counter.c.name == "pruned")) or 0
        bulk.upsert(connection, counter, [{"name": "pruned", "value": gone + len(ids)}])
        _note(connection, item.by, "appeal", to_number(rows[-1].changed_at), len(ids), ids=ids)
    return Pruned(len(ids), rows[-1].changed_at if rows else item.after)


def _note(connection: Connection, by: str, table: str, upto: Any, count: int, **more: Any) -> None:
    detail = {"table": table, "upto": upto, "count": count, **more}
    events.note(connection, [Event(EventType.PRUNED, None, by, detail=detail)])


@OldMessages.each
def prune_quarantine(connection: Connection, item: OldMessages) -> int:
    """Delete messages replayed or closed before; what waits for a decision stays."""
    count = 0
    for left in (quarantine.c.replayed_at, quarantine.c.closed_at):  # each has its index
        old = select(quarantine.c.id).where(left < item.before).limit(_BATCH)
        count += connection.execute(delete(quarantine).where(quarantine.c.id.in_(old))).rowcount
    if count:
        _note(connection, item.by, "quarantine", to_number(item.before), count)
    return count


@QuarantineBounds.each
def trim_quarantine(connection: Connection, item: QuarantineBounds) -> int:
    """Delete waiting messages over the bounds of their channel, oldest first."""
    behind = partial(over, partition_by=quarantine.c.channel, order_by=quarantine.c.id.desc())
    place = behind(func.row_number()).label("place")
    size = behind(func.sum(func.length(quarantine.c.raw))).label("bytes")
    all_ = select(quarantine.c.id, quarantine.c.at, place, size).where(QUARANTINED).subquery()
    too_much = (all_.c.place > item.messages) | (all_.c.bytes > item.bytes)
    if item.before is not None:
        too_much |= all_.c.at < item.before
    ids = select(all_.c.id).where(too_much).limit(_BATCH)
    dropped = delete(quarantine).where(quarantine.c.id.in_(ids))
    returned = dropped.returning(quarantine.c.id, quarantine.c.channel, quarantine.c.at)
    rows = sorted(connection.execute(returned), key=lambda row: row.id)
    events.note(connection, [_dropped(row, item) for row in rows])
    return len(rows)


def _dropped(row: Any, item: QuarantineBounds) -> Event:
    reason = "too_old" if item.before is not None and row.at < item.before else "too_much"
    return Event(EventType.CLOSED, None, BUS, row.channel, {"id": row.id, "reason": reason})


@OldAccess.each
def prune_access(connection: Connection, item: OldAccess) -> int:
    """Delete the beginning of the access log, up to the first younger entry."""
    oldest = connection.execute(select(access.c.id, access.c.at).order_by(access.c.id).limit(_BATCH))
    old = _older(oldest, item.before)
    connection.execute(delete(access).where(access.c.id.in_(old)))
    if old:
        _note(connection, item.by, "access", old[-1], len(old))
    return len(old)


@OldEntries.each
def prune_log(connection: Connection, item: OldEntries) -> int:
    """Delete the beginning of the log, up to the first younger entry."""
    first = select(log_entry.c.position, log_entry.c.at).order_by(log_entry.c.position).limit(ENTRIES)
    old = _older(connection.execute(first), item.before)
    if old:
        connection.execute(delete(log_entry).where(log_entry.c.position <= old[-1]))
        # Who stopped before what is left has to start again, and nobody need wait for it any more.
        connection.execute(delete(feed_reader).where(feed_reader.c.position < old[-1]))
        _note(connection, item.by, "log_entry", old[-1], len(old))
    return len(old)


def _older(rows: Iterable[Any], before: datetime) -> list[int]:
    return [row[0] for row in takewhile(lambda row: row.at < before, rows)]


@Gone.each
def drop_deliveries(connection: Connection, item: Gone) -> int:
    return _drop(connection, item, WAITS) or _drop(connection, item, ALONE)


def _drop(connection: Connection, item: Gone, which: ColumnElement[bool]) -> int:
    some = select(outbox.c.id).where(outbox.c.receiver == item.receiver, which).limit(_BATCH)
    columns = (outbox.c.id, outbox.c.appeal_id, outbox.c.version)
    dropped = delete(outbox).where(outbox.c.id.in_(some)).returning(*columns)
    rows = sorted(connection.execute(dropped), key=lambda row: row.id)
    if rows:
        _note(connection, item.by, "outbox", rows[-1].id, len(rows))
        events.note(connection, [_skipped(row, item) for row in rows])
    return len(rows)


def _skipped(row: Any, item: Gone) -> Event:
    detail = {"version": row.version, "id": row.id, "reason": "the receiver is gone", "deleted": True}
    return Event(EventType.SKIPPED, row.appeal_id, item.by, item.receiver, detail)


@dataclass(frozen=True, slots=True)
class Superseded(Write[int]):
    """Versions to delete: of each appeal all before this version."""

    before: Sequence[tuple[int, int]]
    upto: datetime
    by: str = ACTOR


@Superseded.each
def prune_versions(connection: Connection, item: Superseded) -> int:
    """Delete superseded versions that nobody waits for, with documents that only they refer to."""
    limits = dict(item.before)
    rested = _locked(connection, limits)
    theirs = select(dossier.c.appeal_id, dossier.c.version).where(dossier.c.appeal_id.in_(rested), ~waited_for())
    gone = [(a, v) for a, v in connection.execute(theirs) if v < limits[a]]
    if not gone:
        return 0
    connection.execute(delete(dossier).where(tuple_(dossier.c.appeal_id, dossier.c.version).in_(gone)))
    documents.drop_unused(connection, rested)
    detail = {"table": "dossier", "upto": to_number(item.upto), "count": len(gone), "versions": sorted(gone)}
    events.note(connection, [Event(EventType.PRUNED, None, item.by, detail=detail)])
    return len(gone)


def waited_for(which: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Return the condition for versions that a receiver still lacks and nobody has given up."""
    its = (outbox.c.appeal_id == dossier.c.appeal_id, outbox.c.version == dossier.c.version, WAITS | ALONE)
    return select(outbox.c.id).where(*its, *(() if which is None else (which,))).exists()


RESTS = appeal.c.state.in_(("idle", "parked"))
"""Nobody works on the appeal, or is about to: a run may refer to versions and documents that were there before."""


def _locked(connection: Connection, ids: Collection[int]) -> list[int]:
    """Lock those of the appeals that nobody works on."""
    rest = select(appeal.c.id).where(appeal.c.id.in_(list(ids)), RESTS)
    return list(connection.execute(rest.order_by(appeal.c.id).with_for_update(skip_locked=True)).scalars())
