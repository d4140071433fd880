"""What is past its time: counted before it is deleted, and found where deleting it needs a look first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, Table, func, or_, select, true

from appealbus.core.journal.access import access
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.quarantine import quarantine
from appealbus.core.journal.replies import old_replies, reply
from appealbus.core.journal.tables import IDLE, SUPERSEDES, WAITS, appeal, dossier, outbox
from appealbus.core.journal.writes.superseding import RESTS, waited_for

_PAGE = 200
"""Versions that are looked at at once."""


@dataclass(frozen=True, slots=True)
class Ages:
    """What was before these moments is past its time; None: nothing is."""

    done: datetime
    """Appeals that have been idle and fully delivered since, and messages that were replayed."""
    access: datetime | None = None
    log: datetime | None = None
    versions: datetime | None = None
    """Versions that were superseded before."""
    replies: Mapping[str, datetime] = field(default_factory=dict)
    """By source, where its setting says less than what was said when they came."""


def superseding(
    connection: Connection, before: datetime, after: tuple[datetime, int] | None
) -> list[tuple[int, int, datetime]]:
    """Return a page of versions that have superseded others before a moment: appeal, version, when."""
    query = select(dossier.c.appeal_id, dossier.c.version, dossier.c.created_at)
    query = query.where(SUPERSEDES, dossier.c.created_at < before)
    if after is not None:
        at, appeal_id = after
        behind = or_(dossier.c.created_at > at, dossier.c.appeal_id > appeal_id)
        query = query.where(dossier.c.created_at >= at, behind)
    rows = connection.execute(query.order_by(dossier.c.created_at, dossier.c.appeal_id).limit(_PAGE))
    return [(row.appeal_id, row.version, row.created_at) for row in rows]


def with_older(connection: Connection, versions: list[tuple[int, int, datetime]]) -> list[tuple[int, int]]:
    """Return those of these versions that have an older one before them which nobody waits for."""
    ids = [appeal_id for appeal_id, _, _ in versions]
    theirs = select(dossier.c.appeal_id, func.min(dossier.c.version)).where(dossier.c.appeal_id.in_(ids), ~waited_for())
    first = {row[0]: row[1] for row in connection.execute(theirs.group_by(dossier.c.appeal_id))}
    newest: dict[int, int] = {}
    for appeal_id, version, _ in versions:
        if first.get(appeal_id, version) < version:
            newest[appeal_id] = max(version, newest.get(appeal_id, 0))
    return list(newest.items())


def count(connection: Connection, ages: Ages, now: datetime, without: str | None = None) -> dict[str, int]:
    """Return how much would be deleted now, by what it is. What goes with its appeal is not counted beside that.

    Args:
        connection: to the journal.
        ages: what is past its time.
        now: by the journal's clock.
        without: a receiver for which nothing waits any more then.

    """

    def of(table: Table, *conditions: ColumnElement[bool]) -> int:
        return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    others = true() if without is None else outbox.c.receiver != without
    unsent = select(outbox.c.id).where(outbox.c.appeal_id == appeal.c.id, WAITS, others).exists()
    done = (appeal.c.state == IDLE, appeal.c.changed_at < ages.done, ~unsent)
    goes = select(appeal.c.id).where(*done)
    found = {
        "appeals": of(appeal, *done),
        "quarantine": of(quarantine, (quarantine.c.replayed_at < ages.done) | (quarantine.c.closed_at < ages.done)),
        "replies": of(
            reply, or_(*old_replies(now, ages.replies)), ~goes.where(appeal.c.id == reply.c.appeal_id).exists()
        ),
    }
    if ages.access is not None:
        found["access"] = of(access, *_before(access.c.id, access.c.at >= ages.access))
    if ages.log is not None:
        found["log"] = of(log_entry, *_before(log_entry.c.position, log_entry.c.at >= ages.log))
    if ages.versions is not None:
        newer = dossier.alias()
        same = (newer.c.appeal_id == dossier.c.appeal_id, newer.c.version > dossier.c.version)
        followed = select(newer.c.version).where(*same, newer.c.created_at < ages.versions).exists()
        its = select(appeal.c.id).where(appeal.c.id == dossier.c.appeal_id)
        rests, stays = its.where(RESTS).exists(), ~its.where(*done).exists()
        found["versions"] = of(dossier, followed, ~waited_for(others), rests, stays)
    return found


def _before(key: Column[int], young: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    """Return the condition for the rows before the first young one: of these only whole beginnings go."""
    first = select(key).where(young).order_by(key).limit(1).scalar_subquery()
    return [key < func.coalesce(first, 1 << 62)]
