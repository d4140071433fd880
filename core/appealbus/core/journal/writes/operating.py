"""Operations on many rows: begun once, carried out part after part, each part in one transaction.

The part goes in the transaction in which it is done. So whoever is stopped, or killed, goes on with what is left, and
nothing is done twice, by two at once either.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from appealbus.core.domain.event import Event, What
from appealbus.core.domain.operation import Frozen, Operation, Order, Progress, Verdict
from appealbus.core.errors import JournalError
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import operation, operation_part
from appealbus.core.journal.writes import acting, events, handing_later
from appealbus.schemas.base import printable

PART = 500
"""Rows of one transaction: as many writes as the writer takes together; others wait for some tens of milliseconds."""
_KEPT = timedelta(days=7)
"""How long one that was stopped can be gone on with: later, what it was about has changed."""

_ACTS: Mapping[Operation, Callable[[Connection, acting.Act], acting.Verdicts]] = {
    Operation.RETRY: acting.ask_again,
    Operation.REFRESH: acting.ask_again,
    Operation.HOLD: acting.hold,
    Operation.RELEASE: acting.let_go,
    Operation.RESEND: acting.resend,
    Operation.HISTORY: handing_later.hand_over,
}


@dataclass(frozen=True, slots=True)
class Begin:
    """A person's decision."""

    frozen: Frozen
    by: str
    reason: str
    purpose: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Go:
    """A wish that the next part be done."""

    hash: str
    by: str
    at: datetime
    """By the journal's clock."""
    wall: datetime


def begin(connection: Connection, items: Sequence[Begin]) -> list[Progress]:
    """Write down what is to be done, and to which rows; one that has begun already goes on as it was."""
    return [_begin(connection, item) for item in items]


def _begin(connection: Connection, item: Begin) -> Progress:
    _forget_old(connection, item.at)
    frozen, mark = item.frozen, item.frozen.hash
    under_way = _row(connection, mark)
    if under_way is not None:
        return _progress(under_way)
    row = {
        "hash": mark,
        "name": frozen.order.operation.value,
        "everything": int(frozen.order.everything),
        "at": item.at,
        "by": printable(item.by),
        "reason": printable(item.reason),
        "total": len(frozen.ids),
        "verdicts": b"{}",
        "receiver": frozen.order.receiver or None,
    }
    connection.execute(insert(operation), row)
    parts = (frozen.ids[at : at + PART] for at in range(0, len(frozen.ids), PART))
    rows = [{"hash": mark, "part": part, "ids": ids.tobytes()} for part, ids in enumerate(parts)]
    bulk.insert(connection, operation_part, rows)
    detail: dict[str, Any] = {"hash": mark, "count": row["total"], "selected_by": dict(frozen.selected_by)}
    detail |= {name: True for name in ("everything",) if row[name]}
    said = {"reason": row["reason"], "purpose": printable(item.purpose)}
    detail |= {name: text for name, text in said.items() if text}
    events.note(connection, [Event(What.ORDERED, None, item.by, frozen.order.operation.value, detail)])
    return Progress(mark, frozen.order.operation, len(frozen.ids), {})


def _forget_old(connection: Connection, now: datetime) -> None:
    old = connection.execute(select(operation.c.hash).where(operation.c.at < now - _KEPT)).scalars().all()
    for mark in old:
        _drop(connection, mark)


def go(connection: Connection, items: Sequence[Go]) -> list[Progress | JournalError]:
    """Do the next part of an operation; after the last one it is finished."""
    return [_go(connection, item) for item in items]


def _go(connection: Connection, item: Go) -> Progress | JournalError:
    row = _row(connection, item.hash)
    if row is None:
        return JournalError("no such operation is under way", "unknown_operation")
    parts = select(operation_part.c.part, operation_part.c.ids).where(operation_part.c.hash == item.hash)
    found = connection.execute(parts.order_by(operation_part.c.part).limit(2)).all()
    verdicts = Counter(orjson.loads(row.verdicts))
    left_out: list[tuple[str, Verdict]] = []
    if found:
        ids = array("q", found[0].ids)
        order = Order(Operation(row.name), bool(row.everything), row.receiver or "")
        act = acting.Act(ids.tolist(), order, item.by, row.reason, item.hash, item.at, item.wall)
        told = _ACTS[order.operation](connection, act)
        verdicts.update(verdict.value for _, verdict in told.values())
        left_out = [(number, verdict) for number, verdict in told.values() if verdict is not Verdict.DONE]
        mine = (operation_part.c.hash == item.hash) & (operation_part.c.part == found[0].part)
        connection.execute(delete(operation_part).where(mine))
    progress = Progress(item.hash, Operation(row.name), row.total, dict(verdicts), tuple(left_out))
    if len(found) < 2:
        _drop(connection, item.hash)
        detail = {"hash": item.hash, "verdicts": dict(verdicts)}
        events.note(connection, [Event(What.CARRIED_OUT, None, item.by, row.name, detail)])
    else:
        now = {"verdicts": orjson.dumps(verdicts)}
        connection.execute(update(operation).where(operation.c.hash == item.hash).values(now))
    return progress


def drop(connection: Connection, items: Sequence[str]) -> list[bool]:
    """Forget what is left of operations; what is done stays done. False where there is no such one."""
    results = []
    for mark in items:
        results.append(_row(connection, mark) is not None)
        _drop(connection, mark)
    return results


def _row(connection: Connection, mark: str) -> Any | None:
    return connection.execute(select(operation).where(operation.c.hash == mark).with_for_update()).first()


def _drop(connection: Connection, mark: str) -> None:
    connection.execute(delete(operation_part).where(operation_part.c.hash == mark))
    connection.execute(delete(operation).where(operation.c.hash == mark))


def seen(row: Any) -> int:
    """Return how many rows of an operation have had their verdict."""
    return sum(orjson.loads(row.verdicts).values())


def _progress(row: Any) -> Progress:
    return Progress(row.hash, Operation(row.name), row.total, orjson.loads(row.verdicts))
