"""Versions on their way to receivers, as they are handed over and as lists have them."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    false,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import case as sql_case

from appealbus.core.domain.selection import NOWHERE, DeliverySelection, ListPosition
from appealbus.core.journal import documents
from appealbus.core.journal.appeals.selecting import packed_ids
from appealbus.core.journal.drivers.direct import single
from appealbus.core.journal.drivers.encoding import Moment, to_moment, to_number
from appealbus.core.journal.tables import ALONE, SENT, WAITS, appeal, by_jumps, outbox
from appealbus.core.journal.tables import dossier as dossiers


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A dossier version that a receiver has not confirmed yet."""

    delivery_id: int
    appeal_id: int
    receiver: str
    number: str
    version: int
    completeness: str
    attempts: int
    dossier: bytes
    region: str
    strikes: int
    """How often the delivery raised over it alone."""
    begun_by: str | None = None
    """The worker whose hand-over of it was noted and has not ended: unless that is alive, it died meanwhile."""
    deaths: int = 0
    """How many died, one after the other, while they handed it over alone; the hand-over noted now counts already."""
    epoch: int = 1
    """Of the journal when the version was made."""
    created_at: datetime | None = None
    """When the version was made."""


class DeliveryState(StrEnum):
    WAITING = "waiting"
    """It goes out when it is due."""
    ALONE = "alone"
    """The receiver will not take it; it waits for a decision."""
    SKIPPED = "skipped"
    """Somebody gave it up."""
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    id: int
    receiver: str
    number: str
    version: int
    state: DeliveryState
    reason: str | None
    """A code of ours, or what the person wrote who gave it up."""
    attempts: int
    since: datetime
    """When it began to be so; of what waits, when the version was made."""
    next_attempt_at: datetime | None
    """Of what waits."""


def delivery_from_row(row: Row[Any]) -> DeliveryRow:
    if row.sent_at is not None:
        state, since = DeliveryState.DELIVERED, row.sent_at
    elif row.skipped_at is not None:
        state, since = DeliveryState.SKIPPED, row.skipped_at
    elif row.alone_since is not None:
        state, since = DeliveryState.ALONE, row.alone_since
    else:
        state, since = DeliveryState.WAITING, row.created_at
    due = row.next_attempt_at if state is DeliveryState.WAITING else None
    return DeliveryRow(row.id, row.receiver, row.number, row.version, state, row.last_error, row.attempts, since, due)


DELIVERED_BYTES = 8 * 1024 * 1024
"""Of dossiers that are read at once to be handed over: a hundred usual ones have one, and each is copied
some times, by its text and by the ways out."""
_RECEIVERS = 400
"""The most receivers that are looked through: configurations have a handful, and SQLite takes 500 parts."""
_READ_ALONE = {"parts", "size"}
"""What is asked of a delivery and is not told."""
_SIZE = sql_case((dossiers.c.parts.is_(None), func.length(dossiers.c.document)), else_=dossiers.c.size)


def _undelivered() -> Select[Any]:
    earlier = outbox.alias()
    waits_for = (
        select(earlier.c.id)
        .where(
            earlier.c.appeal_id == outbox.c.appeal_id,
            earlier.c.receiver == outbox.c.receiver,
            earlier.c.version < outbox.c.version,
            earlier.c.sent_at.is_(None),
            earlier.c.alone_since.is_(None),
        )
        .exists()
    )
    due = outbox.c.next_attempt_at <= bindparam("now")
    return (
        select(
            outbox.c.id.label("delivery_id"),
            outbox.c.appeal_id,
            outbox.c.receiver,
            appeal.c.number,
            outbox.c.version,
            dossiers.c.completeness,
            outbox.c.attempts,
            outbox.c.strikes,
            outbox.c.begun_by,
            outbox.c.deaths,
            dossiers.c.region,
            dossiers.c.epoch,
            dossiers.c.created_at,
            dossiers.c.parts,
            _SIZE.label("size"),
        )
        .join(appeal, appeal.c.id == outbox.c.appeal_id)
        .join(dossiers, (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version))
        .where(WAITS, outbox.c.receiver == bindparam("receiver"), due, ~waits_for)
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(bindparam("most"))
    )


_UNDELIVERED = _undelivered()  # once: a relay in full work asks fifty times a second


@single
def undelivered(
    connection: Connection, receiver: str, now: datetime, limit: int, size: int = DELIVERED_BYTES
) -> list[Undelivered]:
    """Return what is due for a receiver: of each appeal only the oldest version that is not confirmed yet.

    So a version never overtakes an earlier one, however deliveries fail. Ask again once these are settled.
    `size` bounds the bytes of dossiers that are read; the first one is there however large it is.
    """
    # A pruned appeal may go between the two questions; then nothing of it is left to deliver.
    due: list[Row[Any]] = []
    left = size
    for row in connection.execute(_UNDELIVERED, {"receiver": receiver, "now": now, "most": limit}).all():
        left -= row.size
        if left < 0 and due:
            break
        due.append(row)
    if not due:
        return []
    wholes = documents.wholes(connection, due)
    return [
        Undelivered(
            **{name: value for name, value in row._mapping.items() if name not in _READ_ALONE},
            dossier=wholes[row.delivery_id],
        )
        for row in due
        if row.delivery_id in wholes
    ]


def last_had(connection: Connection, appeal_id: int, receiver: str, before: int) -> tuple[int, bool] | None:
    """Return the newest version before one that a receiver has had, or may have had; and whether it has for certain.

    One that was given up after it was handed over may have arrived all the same.
    """
    touched = outbox.c.sent_at.is_not(None) | (outbox.c.attempts > 0) | (outbox.c.deaths > 0)
    its = outbox.c.appeal_id == appeal_id, outbox.c.receiver == receiver, outbox.c.version < before
    query = select(outbox.c.version, outbox.c.sent_at).where(*its, touched | outbox.c.begun_by.is_not(None))
    row = connection.execute(query.order_by(outbox.c.version.desc()).limit(1)).first()
    return None if row is None else (row.version, row.sent_at is not None)


@single
def newest_delivery(connection: Connection) -> int:
    """Return the largest delivery id: later ones are larger."""
    return connection.scalar(select(func.max(outbox.c.id))) or 0


Confirmed = list[tuple[DeliveryRow, ListPosition]]
"""Deliveries, each with the place behind it."""


def confirmed(
    connection: Connection, selection: DeliverySelection, after: ListPosition = NOWHERE, limit: int = 100
) -> Confirmed:
    """Return a page of confirmed deliveries in the order of confirmation, each with the place after it."""
    rows: list[Row[Any]] = []
    for receiver in receivers_of(connection, selection):
        query = listed().where(*_confirmed(selection, receiver, after))
        rows += connection.execute(query.order_by(outbox.c.sent_at, outbox.c.id).limit(limit))
    rows.sort(key=lambda row: (row.sent_at, row.id))
    return [(delivery_from_row(row), ListPosition(row.id, to_number(row.sent_at))) for row in rows[:limit]]


def all_confirmed(connection: Connection, selection: DeliverySelection) -> Select[Any]:
    parts = (
        select(outbox.c.id).where(*_confirmed(selection, receiver, NOWHERE))
        for receiver in receivers_of(connection, selection)
    )
    return select(union_all(select(outbox.c.id).where(false()), *parts).subquery())


def by_id(connection: Connection, ids: Sequence[int]) -> list[DeliveryRow]:
    """Return deliveries in the order of ids, without deleted ones."""
    query = listed().where(outbox.c.id.in_(ids)).order_by(outbox.c.id)
    return [delivery_from_row(row) for row in connection.execute(query)]


def receivers_of(connection: Connection, selection: DeliverySelection) -> list[str]:
    """Return the receivers of a selection: all that have confirmed anything, by jumps over the index."""
    if selection.receiver is not None:
        return [selection.receiver]
    return list(islice(by_jumps(connection, outbox.c.receiver, SENT), _RECEIVERS))


def _confirmed(selection: DeliverySelection, receiver: str, after: ListPosition) -> list[ColumnElement[bool]]:
    at = outbox.c.sent_at
    conditions = [SENT, outbox.c.receiver == receiver]
    if selection.since is not None:
        conditions.append(at >= selection.since)
    if selection.until is not None:
        conditions.append(at < selection.until)
    if after.first is not None:
        moment = literal(to_moment(after.first), Moment())
        conditions.append(tuple_(at, outbox.c.id) > tuple_(moment, literal(after.id)))
    return conditions


def listed() -> Select[Any]:
    made = (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version)
    query: Select[Any] = select(*outbox.columns, appeal.c.number, dossiers.c.created_at)
    return query.join(appeal, appeal.c.id == outbox.c.appeal_id).outerjoin(dossiers, made)


def deliveries(
    connection: Connection, number: str | None = None, *, receiver: str | None = None, after: int = 0, limit: int = 100
) -> list[DeliveryRow]:
    """Return a page of deliveries, oldest first: all of one appeal, else those that wait alone."""
    made = (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version)
    query: Select[Any] = select(*outbox.columns, appeal.c.number, dossiers.c.created_at)
    query = query.join(appeal, appeal.c.id == outbox.c.appeal_id).join(dossiers, made)
    # `id + 0`: what waits alone is few and has an index; by id it would be looked for among all.
    query = query.where(outbox.c.id + 0 > after).order_by(outbox.c.id + 0).limit(limit)
    query = query.where(ALONE if number is None else appeal.c.number == number)
    if receiver is not None:
        query = query.where(outbox.c.receiver == receiver)
    return [delivery_from_row(row) for row in connection.execute(query)]


def confirmed_ids(connection: Connection, selection: DeliverySelection, most: int) -> "array[int]":
    """Return the ids of all selected confirmed deliveries in order, up to one more than `most`."""
    return array("q", sorted(packed_ids(connection, all_confirmed(connection, selection).limit(most + 1))))
