"""What became of deliveries, and what a person decides about one that was shown."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select, true, update

from appealbus.core.domain.event import Event, EventType
from appealbus.core.domain.operation import ItemResult
from appealbus.core.journal import events
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.deliveries.deliveries import DeliveryRow, DeliveryState, listed
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.tables import ALONE, LACKED, SENT, WAITS, appeal, outbox, unindexed
from appealbus.core.journal.writes import ACTOR, NOW, WALL, Write


@dataclass(frozen=True, slots=True)
class Confirmed(Write[None]):
    ids: Sequence[int]
    at: datetime = WALL
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Failed(Write[None]):
    """Deliveries that failed: the id, a code and when to try again. Later versions wait till then too.

    The code is ours, never the receiver's text; of a longer one 200 characters are kept.
    """

    rows: Sequence[tuple[int, str, datetime]]
    struck: Collection[int] = ()
    """Those over which alone the delivery raised, while the receiver took others."""
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Begun(Write[None]):
    """What a worker begins to hand over, before it does; what becomes of each ends that.

    One that another has begun and not ended has one death more.
    """

    ids: Sequence[int]
    by: str


@dataclass(frozen=True, slots=True)
class GivenUp(Write[None]):
    """Deliveries set aside, id and code each: no automatic retry, and later versions wait no longer."""

    rows: Sequence[tuple[int, str]]
    at: datetime = NOW
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Deliveries that a person decides about: of one appeal, or all that wait alone; of one receiver or version."""

    number: str | None
    reason: str = ""
    receiver: str | None = None
    version: int | None = None
    at: datetime = NOW
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Skip(_Chosen, Write[int]):
    """Give up undelivered versions of an appeal, with None all set aside; it returns how many."""


@dataclass(frozen=True, slots=True)
class Resend(_Chosen, Write[int]):
    """Deliver again what waits alone or was given up of an appeal, with None all that waits alone.

    A version that is named goes out again even if it was delivered. It returns how many versions.
    """


_AT_ONCE = 1000
"""Deliveries that one statement changes."""
_CODE_LENGTH = 200
"""Characters: a code is a word or two, and a plugin that gives a whole text as one must not fill the table."""
_REASON_LENGTH = 500
"""Characters of what a person writes: the log has it whole, as it has all reasons."""
TOLD = (outbox.c.id, outbox.c.appeal_id, outbox.c.receiver, outbox.c.version)
"""What the log says of a delivery."""
_WAITING = select(*TOLD).where(direct.among(outbox.c.id, "ids"), WAITS).with_for_update()
_SENT = (
    update(outbox)
    .where(direct.among(outbox.c.id, "ids"), outbox.c.sent_at.is_(None))
    .values(attempts=outbox.c.attempts + 1, sent_at=bindparam("at"), last_error=None, begun_by=None)
    .returning(*TOLD)
)
_BEGUN = (
    update(outbox)
    .where(direct.among(outbox.c.id, "ids"), WAITS)
    .values(
        deaths=case((outbox.c.begun_by != bindparam("by"), outbox.c.deaths + 1), else_=outbox.c.deaths),
        begun_by=bindparam("by"),
    )
)
_SURVIVED = (
    update(outbox)
    .where(WAITS, outbox.c.receiver == bindparam("to"), outbox.c.begun_by == bindparam("by"))
    .values(begun_by=None, deaths=0)
)
_is_it = outbox.c.id == bindparam("this")
_it = outbox.alias()
_unsent = (
    select(_it.c.appeal_id, _it.c.receiver, _it.c.version)
    .where(_it.c.id == bindparam("this"), _it.c.sent_at.is_(None), _it.c.alone_since.is_(None))
    .subquery()
)
# The later versions that wait behind it get its next attempt too, or each poll would look at every one of them.
_FAILED = (
    update(outbox)
    .where(
        outbox.c.appeal_id == select(_unsent.c.appeal_id).scalar_subquery(),
        outbox.c.receiver == select(_unsent.c.receiver).scalar_subquery(),
        outbox.c.version >= select(_unsent.c.version).scalar_subquery(),
        WAITS,
    )
    .values(
        attempts=case((_is_it, outbox.c.attempts + 1), else_=outbox.c.attempts),
        strikes=case((_is_it, outbox.c.strikes + bindparam("struck")), else_=outbox.c.strikes),
        begun_by=case((_is_it, None), else_=outbox.c.begun_by),
        deaths=case((_is_it, 0), else_=outbox.c.deaths),
        next_attempt_at=bindparam("next"),
        last_error=case((_is_it, bindparam("code")), else_=outbox.c.last_error),
    )
)
_this = select(_it.c.appeal_id, _it.c.receiver, _it.c.version).where(_it.c.id == bindparam("this")).subquery()
# Nothing holds the later versions up any more: they had its next attempt, and are due at once.
_LATER = (
    update(outbox)
    .where(
        outbox.c.appeal_id == select(_this.c.appeal_id).scalar_subquery(),
        outbox.c.receiver == select(_this.c.receiver).scalar_subquery(),
        outbox.c.version > select(_this.c.version).scalar_subquery(),
        WAITS,
    )
    .values(next_attempt_at=bindparam("at"))
)
_ALONE = (
    update(outbox)
    .where(_is_it, WAITS)
    .values(attempts=outbox.c.attempts + 1, alone_since=bindparam("at"), last_error=bindparam("code"), begun_by=None)
)
_SKIPPED = (
    update(outbox)
    .where(_is_it)
    .values(
        skipped_at=bindparam("at"),
        alone_since=func.coalesce(outbox.c.alone_since, bindparam("at", type_=Moment())),
        last_error=bindparam("reason"),
    )
)
_AGAIN = (
    update(outbox)
    .where(direct.among(outbox.c.id, "ids"))
    .values(
        next_attempt_at=bindparam("at"),
        sent_at=None,
        alone_since=None,
        skipped_at=None,
        last_error=None,
        attempts=0,
        strikes=0,
        begun_by=None,
        deaths=0,
    )
)


@Begun.each
def begun(connection: Connection, item: Begun) -> None:
    direct.run(connection, _BEGUN, {"ids": list(item.ids), "by": item.by})


@dataclass(frozen=True, slots=True)
class Survived(Write[None]):
    """A worker hands this receiver nothing now, and survived what it began."""

    receiver: str
    by: str


@Survived.batch
def survived(connection: Connection, items: Sequence[Survived]) -> list[None]:
    connection.execute(_SURVIVED, [{"to": item.receiver, "by": item.by} for item in items])
    return [None] * len(items)


@Confirmed.batch
def delivered(connection: Connection, items: Sequence[Confirmed]) -> list[None]:
    sent = direct.ask(connection, *((_SENT, {"ids": list(item.ids), "at": item.at}) for item in items))
    happened = [
        event(EventType.DELIVERED, row, item.by) for item, rows in zip(items, sent, strict=True) for row in rows
    ]
    events.note(connection, happened)
    return [None] * len(items)


def event(what: EventType, row: Any, by: str, **more: Any) -> Event:
    return Event(what, row.appeal_id, by, row.receiver, {"version": row.version, "id": row.id, **more})


def _waiting(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    """Return by id what is still on its way; nothing else is changed or noted."""
    (rows,) = direct.ask(connection, (_WAITING, {"ids": list(ids)}))
    return {row.id: row for row in rows}


@Failed.batch
def failed(connection: Connection, items: Sequence[Failed]) -> list[None]:
    rows = [(item, *row) for item in items for row in item.rows]
    waiting = _waiting(connection, [id_ for _, id_, _, _ in rows])
    happened = [
        event(EventType.FAILED, waiting[id_], item.by, code=_code(code), next=to_number(next_attempt_at))
        for item, id_, code, next_attempt_at in rows
        if id_ in waiting
    ]
    values = [
        {"this": id_, "next": next_attempt_at, "code": _code(code), "struck": int(id_ in item.struck)}
        for item, id_, code, next_attempt_at in rows
    ]
    connection.execute(_FAILED, values)
    events.note(connection, happened)
    return [None] * len(items)


@GivenUp.batch
def alone(connection: Connection, items: Sequence[GivenUp]) -> list[None]:
    rows = [(item, *row) for item in items for row in item.rows]
    waiting = _waiting(connection, [id_ for _, id_, _ in rows])
    aside = [
        event(EventType.SET_ASIDE, waiting[id_], item.by, code=_code(code))
        for item, id_, code in rows
        if id_ in waiting
    ]
    connection.execute(_ALONE, [{"this": id_, "at": item.at, "code": _code(code)} for item, id_, code in rows])
    connection.execute(_LATER, [{"this": id_, "at": item.at} for item, id_, _ in rows])
    events.note(connection, aside)
    return [None] * len(items)


@Skip.each
def skip(connection: Connection, item: Skip) -> int:
    rows = _chosen(connection, item, LACKED)
    if rows:
        give_up(connection, rows, item.at, item.by, item.reason)
    return len(rows)


def give_up(connection: Connection, rows: Sequence[Any], at: datetime, by: str, reason: str) -> None:
    """Give deliveries up, so that later versions of the same appeals wait no longer."""
    connection.execute(_SKIPPED, [{"this": row.id, "at": at, "reason": _code(reason)} for row in rows])
    connection.execute(_LATER, [{"this": row.id, "at": at} for row in rows])
    events.note(connection, [event(EventType.SKIPPED, row, by, reason=_code(reason, _REASON_LENGTH)) for row in rows])


@Resend.each
def resend(connection: Connection, item: Resend) -> int:
    rows = _chosen(connection, item, outbox.c.alone_since.is_not(None) if item.version is None else true())
    if rows:
        again(connection, [row.id for row in rows], item.at)
        why = {"reason": item.reason} if item.reason else {}
        events.note(connection, [event(EventType.RESENT, row, item.by, **why) for row in rows])
        direct.notify(connection)
    return len(rows)


def again(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """Start deliveries from the beginning, whatever their state."""
    for first in range(0, len(ids), _AT_ONCE):
        direct.run(connection, _AGAIN, {"ids": list(ids[first : first + _AT_ONCE]), "at": at})


def _chosen(connection: Connection, item: _Chosen, which: ColumnElement[bool]) -> Sequence[Any]:
    query = select(*TOLD).order_by(outbox.c.id)
    if item.number is None:
        query = query.where(ALONE)
    else:
        it = select(appeal.c.id).where(appeal.c.number == item.number).scalar_subquery()
        query = query.where(which, outbox.c.appeal_id == it)
    if item.receiver is not None:
        to = outbox.c.receiver if item.number is None else unindexed(outbox.c.receiver)
        query = query.where(to == item.receiver)
    if item.version is not None:
        query = query.where(outbox.c.version == item.version)
    return connection.execute(query).all()


def _code(given: object, most: int = _CODE_LENGTH) -> str:
    """Return a code from a plugin as a database can hold it."""
    return "".join(filter(str.isprintable, str(given)[:most]))


_WRITTEN = re.compile(r"([0-9]{1,18})\.([a-z]{1,20})\.([0-9]{1,18})\.([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ShownVersion:
    id: int
    state: DeliveryState
    since: int
    """As the journal keeps moments."""
    attempts: int

    def __str__(self) -> str:
        return f"{self.id}.{self.state}.{self.since}.{self.attempts}"

    @classmethod
    def parse(cls, text: str) -> "ShownVersion":
        """Return it from its text; ValueError if that is malformed."""
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise ValueError("write it as it was shown")
        return cls(int(match[1]), DeliveryState(match[2]), int(match[3]), int(match[4]))

    @classmethod
    def of(cls, row: DeliveryRow) -> "ShownVersion":
        return cls(row.id, row.state, to_number(row.since) or 0, row.attempts)

    def fits(self, row: DeliveryRow) -> bool:
        """Whether nothing but further attempts has happened since."""
        now = ShownVersion.of(row)
        return (self.state, self.since) == (now.state, now.since) and self.attempts <= now.attempts


@dataclass(frozen=True, slots=True)
class Decision(Write[ItemResult]):
    """Give up one version if it still is as it was shown, or deliver it again unless the receiver has a newer one."""

    shown: ShownVersion
    again: bool
    reason: str
    at: datetime = NOW
    by: str = ACTOR


@Decision.each
def decide(connection: Connection, item: Decision) -> ItemResult:
    row = connection.execute(listed().where(outbox.c.id == item.shown.id).with_for_update(of=outbox)).first()
    if row is None:
        return ItemResult.GONE
    now = deliveries.delivery_from_row(row)
    over = (DeliveryState.WAITING,) if item.again else (DeliveryState.DELIVERED, DeliveryState.SKIPPED)
    if now.state in over or not item.shown.fits(now):
        return ItemResult.NOTHING
    if not item.again:
        give_up(connection, [row], item.at, item.by, item.reason)
        return ItemResult.DONE
    if _has_newer(connection, row):
        return ItemResult.NEWER
    again(connection, [row.id], item.at)
    events.note(connection, [event(EventType.RESENT, row, item.by, reason=item.reason)])
    direct.notify(connection)
    return ItemResult.DONE


def _has_newer(connection: Connection, row: Any) -> bool:
    its = outbox.c.appeal_id == row.appeal_id, outbox.c.receiver == row.receiver
    newer = select(outbox.c.id).where(*its, SENT, outbox.c.version > row.version).limit(1)
    return connection.execute(newer).first() is not None
