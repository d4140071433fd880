"""Versions on their way to receivers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select
from sqlalchemy import case as sql_case

from appealbus.core.journal import codec, documents
from appealbus.core.journal.rows import DeliveryRow, Undelivered
from appealbus.core.journal.tables import (
    ALONE,
    WAITS,
    appeal,
    outbox,
)
from appealbus.core.journal.tables import (
    dossier as dossiers,
)

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


def undelivered(connection: Connection, receiver: str, now: datetime, limit: int, size: int) -> list[Undelivered]:
    """Return what is due for a receiver, of each appeal the oldest unconfirmed version alone.

    No more bytes of dossiers than `size` are read, but one dossier in any case.
    """
    # A pruned appeal may go between the two questions; then nothing of it is left to deliver.
    due: list[Row[Any]] = []
    left = size
    for row in connection.execute(_UNDELIVERED, {"receiver": receiver, "now": now, "most": limit}):
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


def newest_delivery(connection: Connection) -> int:
    """Return the largest id of a delivery; 0 where there has been none."""
    return connection.scalar(select(func.max(outbox.c.id))) or 0


def deliveries(
    connection: Connection, number: str | None, receiver: str | None, after: int, limit: int
) -> list[DeliveryRow]:
    """Return a page of deliveries: of one appeal all, else what waits alone."""
    made = (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version)
    query: Select[Any] = select(*outbox.columns, appeal.c.number, dossiers.c.created_at)
    query = query.join(appeal, appeal.c.id == outbox.c.appeal_id).join(dossiers, made)
    # `id + 0`: what waits alone is few and has an index; by id it would be looked for among all.
    query = query.where(outbox.c.id + 0 > after).order_by(outbox.c.id + 0).limit(limit)
    query = query.where(ALONE if number is None else appeal.c.number == number)
    if receiver is not None:
        query = query.where(outbox.c.receiver == receiver)
    return [codec.delivery_from_row(row) for row in connection.execute(query)]
