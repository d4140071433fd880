"""Retention: what is finished and old goes, a bounded batch in each transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, delete, func, over, select

from appealbus.core.journal import bulk
from appealbus.core.journal.rows import QuarantineBounds
from appealbus.core.journal.tables import (
    ALONE,
    IDLE,
    WAITS,
    access,
    appeal,
    awaited,
    change,
    counter,
    document,
    dossier,
    lookup,
    outbox,
    quarantine,
    reply,
)

_BATCH = 200
"""Rows of one transaction: the writer has no time for appeals meanwhile, so it is kept short."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Appeals that have been idle since `before`, but not since before `after`: up to there all have been looked at."""

    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many are gone, and since when the last one of them had been idle."""

    count: int
    last: datetime


def prune_appeals(connection: Connection, items: Sequence[Idle]) -> list[Pruned]:
    """Delete appeals that have been idle for long, and have nothing left to deliver."""
    return [_prune_appeals(connection, item) for item in items]


def _prune_appeals(connection: Connection, item: Idle) -> Pruned:
    # What waits alone holds nothing up: the alert has told of it for as long as the retention is.
    unsent = select(outbox.c.id).where(outbox.c.appeal_id == appeal.c.id, WAITS).exists()
    old = (appeal.c.changed_at >= item.after, appeal.c.changed_at < item.before)
    query = select(appeal.c.id, appeal.c.changed_at).where(appeal.c.state == IDLE, *old, ~unsent)
    query = query.order_by(appeal.c.changed_at).limit(_BATCH).with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    if ids:
        for table in (outbox, dossier, lookup, awaited, reply, change, document):
            connection.execute(delete(table).where(table.c.appeal_id.in_(ids)))
        connection.execute(delete(appeal).where(appeal.c.id.in_(ids)))
        gone = connection.scalar(select(counter.c.value).where(counter.c.name == "pruned")) or 0
        bulk.upsert(connection, counter, [{"name": "pruned", "value": gone + len(ids)}])
    return Pruned(len(ids), rows[-1].changed_at if rows else item.after)


def prune_quarantine(connection: Connection, items: Sequence[datetime]) -> list[int]:
    """Delete messages that were replayed before. What nobody replayed stays."""
    results = []
    for before in items:
        old = select(quarantine.c.id).where(quarantine.c.replayed_at < before).limit(_BATCH)
        results.append(connection.execute(delete(quarantine).where(quarantine.c.id.in_(old))).rowcount)
    return results


def trim_quarantine(connection: Connection, items: Sequence[QuarantineBounds]) -> list[int]:
    """Delete messages that nobody replayed and that are over the bounds of their channel, the oldest first."""
    behind = partial(over, partition_by=quarantine.c.channel, order_by=quarantine.c.id.desc())
    ranked = select(
        quarantine.c.id,
        quarantine.c.at,
        behind(func.row_number()).label("place"),
        behind(func.sum(func.length(quarantine.c.raw))).label("bytes"),
    ).where(quarantine.c.replayed_at.is_(None))
    results = []
    for item in items:
        all_ = ranked.subquery()
        too_much = (all_.c.place > item.messages) | (all_.c.bytes > item.bytes)
        if item.before is not None:
            too_much |= all_.c.at < item.before
        ids = select(all_.c.id).where(too_much).limit(_BATCH)
        results.append(connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids))).rowcount)
    return results


def prune_access(connection: Connection, items: Sequence[datetime]) -> list[int]:
    """Delete entries of the access log, from the oldest on up to the first that is younger."""
    results = []
    for before in items:
        oldest = connection.execute(select(access.c.id, access.c.at).order_by(access.c.id).limit(_BATCH))
        old = []
        for row in oldest:
            if row.at >= before:
                break
            old.append(row.id)
        connection.execute(delete(access).where(access.c.id.in_(old)))
        results.append(len(old))
    return results


def drop_deliveries(connection: Connection, items: Sequence[str]) -> list[int]:
    """Delete deliveries that were never confirmed, of the receivers named."""
    return [_drop(connection, receiver, WAITS) or _drop(connection, receiver, ALONE) for receiver in items]


def _drop(connection: Connection, receiver: str, which: ColumnElement[bool]) -> int:
    some = select(outbox.c.id).where(outbox.c.receiver == receiver, which).limit(_BATCH)
    return connection.execute(delete(outbox).where(outbox.c.id.in_(some))).rowcount
