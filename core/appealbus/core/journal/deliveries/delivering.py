"""What became of deliveries, and what a person decides about one that was shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select, true, update

from appealbus.core.domain.event import Event, What
from appealbus.core.domain.operation import Verdict
from appealbus.core.journal import direct, events, notifications
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.deliveries.deliveries import DeliveryRow, DeliveryState, listed
from appealbus.core.journal.one_by_one import one_by_one
from appealbus.core.journal.tables import ALONE, LACKED, SENT, WAITS, Moment, appeal, outbox, to_number, unindexed


@dataclass(frozen=True, slots=True)
class Confirmed:
    ids: Sequence[int]
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Failed:
    id: int
    code: str
    next_attempt_at: datetime
    by: str
    struck: bool = False
    """Whether the delivery raised over it alone, while the receiver took others."""


@dataclass(frozen=True, slots=True)
class Begun:
    ids: Sequence[int]
    by: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    id: int
    code: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Deliveries that a person decides about: of one appeal, or all that wait alone; of one receiver or version."""

    at: datetime
    number: str | None
    receiver: str | None
    version: int | None
    by: str
    reason: str = ""


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


@one_by_one
def begun(connection: Connection, item: Begun) -> None:
    direct.run(connection, _BEGUN, {"ids": list(item.ids), "by": item.by})


def survived(connection: Connection, items: Sequence[tuple[str, str]]) -> list[None]:
    connection.execute(_SURVIVED, [{"to": receiver, "by": by} for receiver, by in items])
    return [None] * len(items)


def delivered(connection: Connection, items: Sequence[Confirmed]) -> list[None]:
    sent = direct.ask(connection, *((_SENT, {"ids": list(item.ids), "at": item.at}) for item in items))
    happened = [event(What.DELIVERED, row, item.by) for item, rows in zip(items, sent, strict=True) for row in rows]
    events.note(connection, happened)
    return [None] * len(items)


def event(what: What, row: Any, by: str, **more: Any) -> Event:
    return Event(what, row.appeal_id, by, row.receiver, {"version": row.version, "id": row.id, **more})


def _waiting(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    """Return by id what is still on its way; nothing else is changed or noted."""
    (rows,) = direct.ask(connection, (_WAITING, {"ids": list(ids)}))
    return {row.id: row for row in rows}


def failed(connection: Connection, items: Sequence[Sequence[Failed]]) -> list[None]:
    rows = [row for item in items for row in item]
    waiting = _waiting(connection, [row.id for row in rows])
    happened = [
        event(What.FAILED, waiting[row.id], row.by, code=_code(row.code), next=to_number(row.next_attempt_at))
        for row in rows
        if row.id in waiting
    ]
    values = [
        {"this": row.id, "next": row.next_attempt_at, "code": _code(row.code), "struck": int(row.struck)}
        for row in rows
    ]
    connection.execute(_FAILED, values)
    events.note(connection, happened)
    return [None] * len(items)


def alone(connection: Connection, items: Sequence[Sequence[GivenUp]]) -> list[None]:
    """Set deliveries aside, each with its reason; later versions of the same appeals go out."""
    rows = [row for item in items for row in item]
    waiting = _waiting(connection, [row.id for row in rows])
    aside = [event(What.SET_ASIDE, waiting[row.id], row.by, code=_code(row.code)) for row in rows if row.id in waiting]
    connection.execute(_ALONE, [{"this": row.id, "at": row.at, "code": _code(row.code)} for row in rows])
    connection.execute(_LATER, [{"this": row.id, "at": row.at} for row in rows])
    events.note(connection, aside)
    return [None] * len(items)


@one_by_one
def skip(connection: Connection, item: Chosen) -> int:
    rows = _chosen(connection, item, LACKED)
    if rows:
        give_up(connection, rows, item.at, item.by, item.reason)
    return len(rows)


def give_up(connection: Connection, rows: Sequence[Any], at: datetime, by: str, reason: str) -> None:
    """Give deliveries up, so that later versions of the same appeals wait no longer."""
    connection.execute(_SKIPPED, [{"this": row.id, "at": at, "reason": _code(reason)} for row in rows])
    connection.execute(_LATER, [{"this": row.id, "at": at} for row in rows])
    events.note(connection, [event(What.SKIPPED, row, by, reason=_code(reason, _REASON_LENGTH)) for row in rows])


@one_by_one
def resend(connection: Connection, item: Chosen) -> int:
    """Send again what waits alone or was given up; a named version in any case."""
    rows = _chosen(connection, item, outbox.c.alone_since.is_not(None) if item.version is None else true())
    if rows:
        again(connection, [row.id for row in rows], item.at)
        why = {"reason": item.reason} if item.reason else {}
        events.note(connection, [event(What.RESENT, row, item.by, **why) for row in rows])
        notifications.tell(connection)
    return len(rows)


def again(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """Start deliveries from the beginning, whatever their state."""
    for first in range(0, len(ids), _AT_ONCE):
        direct.run(connection, _AGAIN, {"ids": list(ids[first : first + _AT_ONCE]), "at": at})


def _chosen(connection: Connection, item: Chosen, which: ColumnElement[bool]) -> Sequence[Any]:
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
class Shown:
    id: int
    state: DeliveryState
    since: int
    """As the journal keeps moments."""
    attempts: int

    def __str__(self) -> str:
        return f"{self.id}.{self.state}.{self.since}.{self.attempts}"

    @classmethod
    def parse(cls, text: str) -> "Shown":
        """Return it from its text; ValueError if that is malformed."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError("write it as it was shown")
        return cls(int(found[1]), DeliveryState(found[2]), int(found[3]), int(found[4]))

    @classmethod
    def of(cls, row: DeliveryRow) -> "Shown":
        return cls(row.id, row.state, to_number(row.since) or 0, row.attempts)

    def fits(self, row: DeliveryRow) -> bool:
        """Whether nothing but further attempts has happened since."""
        now = Shown.of(row)
        return (self.state, self.since) == (now.state, now.since) and self.attempts <= now.attempts


@dataclass(frozen=True, slots=True)
class Decision:
    shown: Shown
    again: bool
    at: datetime
    by: str
    reason: str


@one_by_one
def decide(connection: Connection, item: Decision) -> Verdict:
    row = connection.execute(listed().where(outbox.c.id == item.shown.id).with_for_update(of=outbox)).first()
    if row is None:
        return Verdict.GONE
    now = deliveries.delivery_from_row(row)
    over = (DeliveryState.WAITING,) if item.again else (DeliveryState.DELIVERED, DeliveryState.SKIPPED)
    if now.state in over or not item.shown.fits(now):
        return Verdict.NOTHING
    if not item.again:
        give_up(connection, [row], item.at, item.by, item.reason)
        return Verdict.DONE
    if _has_newer(connection, row):
        return Verdict.NEWER
    again(connection, [row.id], item.at)
    events.note(connection, [event(What.RESENT, row, item.by, reason=item.reason)])
    notifications.tell(connection)
    return Verdict.DONE


def _has_newer(connection: Connection, row: Any) -> bool:
    its = outbox.c.appeal_id == row.appeal_id, outbox.c.receiver == row.receiver
    newer = select(outbox.c.id).where(*its, SENT, outbox.c.version > row.version).limit(1)
    return connection.execute(newer).first() is not None
