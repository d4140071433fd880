"""Operations on many rows: begun once, carried out part after part, each part in one transaction.

The part goes in the transaction in which it is done. So whoever is stopped, or killed, goes on with what is left, and
nothing is done twice, by two at once either.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)

from appealbus.core.domain.event import Event, EventType
from appealbus.core.domain.operation import Frozen, ItemResult, NotDone, Operation, OperationRow, Order, Progress
from appealbus.core.errors import JournalError
from appealbus.core.journal import acting, events
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.tables import Id, counter, metadata
from appealbus.core.journal.writes import ACTOR, NOW, WALL, Write
from appealbus.schemas.base import printable

operation = Table(
    "operation",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("everything", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("verdicts", LargeBinary, nullable=False),
    Column("receiver", Text),
    Column("selected_by", LargeBinary),
    Column("moved_at", Moment, nullable=False),
    Column("stopped_by", Text),
    Column("ended_at", Moment),
)
"""Each has the next number. `moved_at` says when its last part was done; of those that have not ended, none has the
hash of another one.
"""
Index("ix_operation_hash", operation.c.hash, operation.c.id)

operation_part = Table(
    "operation_part",
    metadata,
    Column("operation", Id, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),
)
"""Rows of a frozen selection that have had no verdict yet, some hundreds in a part; each part goes as it is done."""

operation_left = Table(
    "operation_left",
    metadata,
    Column("operation", Id, primary_key=True, autoincrement=False),
    Column("verdict", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),
)
"""Rows that were not done, with the verdict that says why, those of a part together."""


PART = 500
"""Rows of one transaction: as many writes as the writer takes together; others wait for some tens of milliseconds."""
_KEPT = timedelta(days=7)
"""How long one that was stopped can be gone on with: later, what it was about has changed. Others are told of so long.
"""
_FIRST = text("INSERT INTO counter (name, value) VALUES ('operation', 0) ON CONFLICT DO NOTHING")
_NEXT = update(counter).where(counter.c.name == "operation").values(value=counter.c.value + 1)
_LAST = select(counter.c.value).where(counter.c.name == "operation")

_ACTS: Mapping[Operation, Callable[[Connection, acting.Act], acting.Verdicts]] = {
    Operation.RETRY: acting.ask_again,
    Operation.REFRESH: acting.ask_again,
    Operation.ASSESS: acting.assess,
    Operation.HOLD: acting.hold,
    Operation.RELEASE: acting.let_go,
    Operation.RESEND: acting.resend,
    Operation.HISTORY: acting.hand_over,
}


@dataclass(frozen=True, slots=True)
class Begin(Write[Progress]):
    """What a person has decided; nothing is done yet. One that was stopped goes on as it was."""

    frozen: Frozen
    reason: str
    purpose: str = ""
    """Why somebody is looked for; empty where nobody is."""
    newest: int | None = None
    """The newest operation that the person saw: the same one begun since is theirs, whoever began it, ended or not.
    None: only an unfinished one is."""
    at: datetime = NOW
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Switch(Write[bool]):
    """Stop an operation before its next part, or resume it; False where that changes nothing."""

    hash: str
    go_on: bool
    reason: str
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Go(Write[Progress]):
    """The next part of an operation. Raises JournalError: `unknown_operation`, or `operation_stopped` by a person."""

    hash: str
    at: datetime = NOW
    wall: datetime = WALL
    by: str = ACTOR


@Begin.each
def begin(connection: Connection, item: Begin) -> Progress:
    frozen, mark = item.frozen, item.frozen.hash
    number = _number(connection)
    _forget_old(connection, item.at)
    begun = _row(connection, mark) or _begun_since(connection, mark, item.newest)
    if begun is not None:
        return Progress(begun.hash, Operation(begun.name), begun.total, orjson.loads(begun.verdicts), begun.id)
    row = {
        "id": number,
        "hash": mark,
        "name": frozen.order.operation.value,
        "everything": int(frozen.order.everything),
        "at": item.at,
        "moved_at": item.at,
        "by": printable(item.by),
        "reason": printable(item.reason),
        "total": len(frozen.ids),
        "verdicts": b"{}",
        "receiver": frozen.order.receiver or None,
        "selected_by": orjson.dumps(dict(frozen.selected_by)),
    }
    connection.execute(insert(operation), row)
    parts = (frozen.ids[at : at + PART] for at in range(0, len(frozen.ids), PART))
    rows = [{"operation": number, "part": part, "ids": ids.tobytes()} for part, ids in enumerate(parts)]
    bulk.insert(connection, operation_part, rows)
    detail: dict[str, Any] = {"hash": mark, "count": row["total"], "selected_by": dict(frozen.selected_by)}
    detail |= {name: True for name in ("everything",) if row[name]}
    said = {"reason": row["reason"], "purpose": printable(item.purpose)}
    detail |= {name: text for name, text in said.items() if text}
    events.note(connection, [Event(EventType.ORDERED, None, item.by, frozen.order.operation.value, detail)])
    return Progress(mark, frozen.order.operation, len(frozen.ids), {}, number)


def _number(connection: Connection) -> int:
    """Return the next number; the locked counter lets only one operation begin at a time."""
    connection.execute(_FIRST)
    connection.execute(_NEXT)
    return int(connection.execute(_LAST).scalar_one())


def _begun_since(connection: Connection, mark: str, newest: int | None) -> Any | None:
    if newest is None:
        return None
    since = (operation.c.hash == mark) & (operation.c.id > newest)
    return connection.execute(select(operation).where(since).order_by(operation.c.id).limit(1)).first()


def _forget_old(connection: Connection, now: datetime) -> None:
    for old in connection.execute(select(operation.c.id).where(operation.c.at < now - _KEPT)).scalars().all():
        _drop(connection, old)


@Go.each
def go(connection: Connection, item: Go) -> Progress | JournalError:
    row = _row(connection, item.hash)
    if row is None:
        return JournalError("no such operation is under way", "unknown_operation")
    if row.stopped_by is not None:
        return JournalError("a person has stopped the operation", "operation_stopped")
    parts = select(operation_part.c.part, operation_part.c.ids).where(operation_part.c.operation == row.id)
    next_parts = connection.execute(parts.order_by(operation_part.c.part).limit(2)).all()
    verdicts = Counter(orjson.loads(row.verdicts))
    left_out: list[tuple[str, ItemResult]] = []
    if next_parts:
        ids = array("q", next_parts[0].ids)
        order = Order(Operation(row.name), bool(row.everything), row.receiver or "")
        act = acting.Act(ids.tolist(), order, item.by, row.reason, item.hash, item.at, item.wall)
        judged = _ACTS[order.operation](connection, act)
        verdicts.update(verdict.value for _, verdict in judged.values())
        left_out = [(number, verdict) for number, verdict in judged.values() if verdict is not ItemResult.DONE]
        _keep_left(connection, row.id, next_parts[0].part, judged)
        mine = (operation_part.c.operation == row.id) & (operation_part.c.part == next_parts[0].part)
        connection.execute(delete(operation_part).where(mine))
    now: dict[str, Any] = {"verdicts": orjson.dumps(verdicts), "moved_at": item.at}
    if len(next_parts) < 2:
        now["ended_at"] = item.at
        detail = {"hash": item.hash, "verdicts": dict(verdicts)}
        events.note(connection, [Event(EventType.CARRIED_OUT, None, item.by, row.name, detail)])
    connection.execute(update(operation).where(operation.c.id == row.id).values(now))
    return Progress(item.hash, Operation(row.name), row.total, dict(verdicts), row.id, tuple(left_out))


def _keep_left(connection: Connection, number: int, part: int, judged: acting.Verdicts) -> None:
    left: dict[str, array[int]] = {}
    for id_, (_, verdict) in sorted(judged.items()):
        if verdict is not ItemResult.DONE:
            left.setdefault(verdict.value, array("q")).append(id_)
    rows = [
        {"operation": number, "verdict": verdict, "part": part, "ids": ids.tobytes()} for verdict, ids in left.items()
    ]
    if rows:
        connection.execute(insert(operation_left), rows)


@Switch.each
def switch(connection: Connection, item: Switch) -> bool:
    row = _row(connection, item.hash)
    if row is None or (row.stopped_by is not None and not item.go_on):
        return False
    stopped_by = None if item.go_on else printable(item.by)
    connection.execute(update(operation).where(operation.c.id == row.id).values(stopped_by=stopped_by))
    what = EventType.WENT_ON if item.go_on else EventType.STOPPED
    detail = {"hash": item.hash} | ({"reason": printable(item.reason)} if item.reason else {})
    events.note(connection, [Event(what, None, item.by, row.name, detail)])
    return True


def _row(connection: Connection, mark: str) -> Any | None:
    """Return the unfinished operation with this hash, locked."""
    under_way = (operation.c.hash == mark) & operation.c.ended_at.is_(None)
    return connection.execute(select(operation).where(under_way).with_for_update()).first()


def _drop(connection: Connection, number: int) -> None:
    for table in (operation_part, operation_left):
        connection.execute(delete(table).where(table.c.operation == number))
    connection.execute(delete(operation).where(operation.c.id == number))


_APART = 10_000
"""In places the parts lie so far from each other: more than one has rows."""


def under_way(connection: Connection) -> list[OperationRow]:
    query = select(operation).where(operation.c.ended_at.is_(None)).order_by(operation.c.at, operation.c.id)
    return [_listed(row) for row in connection.execute(query)]


def newest(connection: Connection, before: int | None = None, limit: int = 100) -> list[OperationRow]:
    """Return a page of operations, newest first: unfinished ones and those of the last days."""
    query = select(operation).order_by(operation.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(operation.c.id < before)
    return [_listed(row) for row in connection.execute(query)]


def one(connection: Connection, number: int) -> OperationRow | None:
    row = connection.execute(select(operation).where(operation.c.id == number)).first()
    return None if row is None else _listed(row)


def not_done(
    connection: Connection, number: int, verdict: ItemResult, after: int = 0, limit: int = 100
) -> list[NotDone]:
    """Return a page of the rows of an operation that were not done for this reason, in order."""
    part, skip = divmod(after, _APART)
    mine = (operation_left.c.operation == number) & (operation_left.c.verdict == verdict.value)
    query = select(operation_left.c.part, operation_left.c.ids).where(mine, operation_left.c.part >= part)
    listed: list[NotDone] = []
    # Each has a row at least, so with so many there are enough.
    for row in connection.execute(query.order_by(operation_left.c.part).limit(limit + 1)):
        first = skip if row.part == part else 0
        ids = array("q", row.ids)[first : first + limit - len(listed)]
        listed += [NotDone(id_, verdict, row.part * _APART + first + at) for at, id_ in enumerate(ids, 1)]
    return listed


def _listed(row: Any) -> OperationRow:
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
