"""Receivers: how each stands, and pages of what waits for one, what it refused and what it confirmed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, select, tuple_

from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import NOWHERE, DeliverySelection, ListPosition
from appealbus.core.journal.appeals.lists import rows_of
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.deliveries.deliveries import DeliveryRow, DeliveryState, by_id, listed, receivers_of
from appealbus.core.journal.drivers.encoding import Moment, to_moment, to_number
from appealbus.core.journal.tables import ALONE, SENT, WAITS, outbox


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """How a receiver stands with what is to be delivered to it.

    Attributes:
        name: as in the configuration that it stood in.
        waiting: versions on their way to it.
        oldest: of these the one that was made first, with why it failed last.
        refused: versions that it will not take, and that wait for a decision.
        first_refused: of these the first one.
        confirmed_at: when it confirmed a version last.

    """

    name: str
    waiting: int = 0
    oldest: DeliveryRow | None = None
    refused: int = 0
    first_refused: DeliveryRow | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryOfAppeal:
    """A delivery in the list of its receiver.

    Attributes:
        delivery: how it stands.
        appeal: whose version it is.
        newer: the newest later version that the receiver has confirmed; None: there is none.

    """

    delivery: DeliveryRow
    appeal: AppealRow
    newer: int | None = None


Page = list[tuple[DeliveryOfAppeal, ListPosition]]
"""Deliveries, each with the place behind it."""


def receivers(connection: Connection, names: Iterable[str] = ()) -> list[ReceiverState]:
    """Return the state of these receivers and of all others in the journal, by name."""
    waiting, refused = _sums(connection, WAITS), _sums(connection, ALONE)
    sent = receivers_of(connection, DeliverySelection())
    every = sorted({*names, *waiting, *refused, *sent})
    heads = [oldest for sums in (waiting, refused) for _, oldest in sums.values()]
    shown = {row.id: row for row in by_id(connection, heads)} if heads else {}
    states = []
    for name in every:
        count, oldest = waiting.get(name, (0, 0))
        alone, first = refused.get(name, (0, 0))
        last = select(outbox.c.sent_at).where(SENT, outbox.c.receiver == name)
        at = connection.scalar(last.order_by(outbox.c.sent_at.desc()).limit(1))
        states.append(ReceiverState(name, count, shown.get(oldest), alone, shown.get(first), at))
    return states


def _sums(connection: Connection, which: ColumnElement[bool]) -> dict[str, tuple[int, int]]:
    query = select(outbox.c.receiver, func.count(), func.min(outbox.c.id)).where(which).group_by(outbox.c.receiver)
    return {name: (count, oldest) for name, count, oldest in connection.execute(query)}


def page(connection: Connection, receiver: str, state: DeliveryState, after: ListPosition, limit: int) -> Page:
    """Return a page: waiting ones by next attempt, refused ones oldest first, confirmed ones newest first."""
    mine = outbox.c.receiver == receiver
    query: Select[Any] = select(outbox.c.id, outbox.c.next_attempt_at, outbox.c.sent_at)
    if state is DeliveryState.WAITING:
        query = query.where(mine, WAITS, _behind(outbox.c.next_attempt_at, after))
        query = query.order_by(outbox.c.next_attempt_at, outbox.c.id)
    elif state is DeliveryState.ALONE:
        query = query.where(mine, ALONE, outbox.c.id > after.id).order_by(outbox.c.id)
    else:
        query = query.where(mine, SENT, _behind(outbox.c.sent_at, after, backwards=True))
        query = query.order_by(outbox.c.sent_at.desc(), outbox.c.id.desc())
    rows = connection.execute(query.limit(limit)).all()
    shown = {appeal.delivery.id: appeal for appeal in of_appeals(connection, [row.id for row in rows])}
    by = {DeliveryState.WAITING: "next_attempt_at", DeliveryState.ALONE: ""}.get(state, "sent_at")
    return [
        (shown[row.id], ListPosition(row.id, to_number(getattr(row, by)) if by else None))
        for row in rows
        if row.id in shown
    ]


def _behind(column: ColumnElement[Any], after: ListPosition, *, backwards: bool = False) -> ColumnElement[bool]:
    if after == NOWHERE:
        return and_(True)
    here = tuple_(column, outbox.c.id)
    there = tuple_(literal(to_moment(after.first), Moment()), literal(after.id))
    return here < there if backwards else here > there


def of_appeal(connection: Connection, delivery_id: int) -> DeliveryOfAppeal | None:
    with_appeal = of_appeals(connection, [delivery_id])
    return with_appeal[0] if with_appeal else None


def of_appeals(connection: Connection, ids: Sequence[int]) -> list[DeliveryOfAppeal]:
    """Return deliveries with their appeals, without deleted ones."""
    if not ids:
        return []
    rows = connection.execute(listed().where(outbox.c.id.in_(ids))).all()
    appeals = {row.appeal_id: row for row in rows_of(connection, sorted({row.appeal_id for row in rows}))}
    newest = _newest_sent(connection, {row.receiver for row in rows}, list(appeals))
    with_appeals = []
    for row in rows:
        if row.appeal_id in appeals:
            has = newest.get((row.appeal_id, row.receiver), 0)
            newer = has if has > row.version else None
            with_appeals.append(DeliveryOfAppeal(deliveries.delivery_from_row(row), appeals[row.appeal_id], newer))
    return with_appeals


def _newest_sent(connection: Connection, names: Iterable[str], appeals: Sequence[int]) -> dict[tuple[int, str], int]:
    which = outbox.c.appeal_id.in_(appeals) & outbox.c.receiver.in_(sorted(names))
    # Not in the condition: there it has SQLite go through all that a receiver has confirmed, by the index of that.
    confirmed = func.max(case((SENT, outbox.c.version)))
    rows = connection.execute(
        select(outbox.c.appeal_id, outbox.c.receiver, confirmed)
        .where(which)
        .group_by(outbox.c.appeal_id, outbox.c.receiver)
    )
    return {(appeal, receiver): version for appeal, receiver, version in rows if version is not None}
