"""Operations on many rows: what is under way, what has ended lately, and which rows were not done."""

from array import array
from typing import Any

import orjson
from sqlalchemy import Connection, select

from appealbus.core.domain.operation import NotDone, Operation, OperationRow, Order, Verdict
from appealbus.core.journal.tables import operation, operation_left

_APART = 10_000
"""In places the parts lie so far from each other: more than one has rows."""


def under_way(connection: Connection) -> list[OperationRow]:
    """Return the operations that have begun and are not finished, the oldest first."""
    query = select(operation).where(operation.c.ended_at.is_(None)).order_by(operation.c.at, operation.c.id)
    return [_row(row) for row in connection.execute(query)]


def newest(connection: Connection, before: int | None = None, limit: int = 100) -> list[OperationRow]:
    """Return a page of operations, the newest first: those under way, and those of the last days."""
    query = select(operation).order_by(operation.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(operation.c.id < before)
    return [_row(row) for row in connection.execute(query)]


def one(connection: Connection, number: int) -> OperationRow | None:
    """Return an operation; None where there is none, or none any more."""
    row = connection.execute(select(operation).where(operation.c.id == number)).first()
    return None if row is None else _row(row)


def not_done(connection: Connection, number: int, verdict: Verdict, after: int = 0, limit: int = 100) -> list[NotDone]:
    """Return a page of the rows of an operation that were not done for this reason, in their order."""
    part, skip = divmod(after, _APART)
    mine = (operation_left.c.operation == number) & (operation_left.c.verdict == verdict.value)
    query = select(operation_left.c.part, operation_left.c.ids).where(mine, operation_left.c.part >= part)
    found: list[NotDone] = []
    # Each has a row at least, so with so many there are enough.
    for row in connection.execute(query.order_by(operation_left.c.part).limit(limit + 1)):
        first = skip if row.part == part else 0
        ids = array("q", row.ids)[first : first + limit - len(found)]
        found += [NotDone(each, verdict, row.part * _APART + first + at) for at, each in enumerate(ids, 1)]
    return found


def _row(row: Any) -> OperationRow:
    verdicts = orjson.loads(row.verdicts)
    return OperationRow(
        row.hash,
        Operation(row.name),
        row.at,
        row.by,
        row.reason,
        row.total,
        sum(verdicts.values()),
        row.id,
        Order(Operation(row.name), bool(row.everything), row.receiver or ""),
        verdicts,
        orjson.loads(row.selected_by or b"{}"),
        row.moved_at,
        row.stopped_by or "",
        row.ended_at,
    )
