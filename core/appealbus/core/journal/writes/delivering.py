"""What became of deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, select, update

from appealbus.core.journal import bulk
from appealbus.core.journal.tables import outbox


@dataclass(frozen=True, slots=True)
class Delivered:
    """Deliveries that were confirmed."""

    ids: Sequence[int]
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """A delivery that was not."""

    id: int
    code: str
    next_attempt_at: datetime


_CODE_LENGTH = 200
_MOST = 512
_SENT = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)), outbox.c.sent_at.is_(None))
    .values(attempts=outbox.c.attempts + 1, sent_at=bindparam("at"), last_error=None)
)
_is_it = outbox.c.id == bindparam("this")
_it = outbox.alias()
_unsent = (
    select(_it.c.appeal_id, _it.c.receiver, _it.c.version)
    .where(_it.c.id == bindparam("this"), _it.c.sent_at.is_(None))
    .subquery()
)
# The later versions that wait behind it get its next attempt too, or each poll would look at every one of them.
_FAILED = (
    update(outbox)
    .where(
        outbox.c.appeal_id == select(_unsent.c.appeal_id).scalar_subquery(),
        outbox.c.receiver == select(_unsent.c.receiver).scalar_subquery(),
        outbox.c.version >= select(_unsent.c.version).scalar_subquery(),
        outbox.c.sent_at.is_(None),
    )
    .values(
        attempts=case((_is_it, outbox.c.attempts + 1), else_=outbox.c.attempts),
        next_attempt_at=bindparam("next"),
        last_error=case((_is_it, bindparam("code")), else_=outbox.c.last_error),
    )
)


def delivered(connection: Connection, items: Sequence[Delivered]) -> list[None]:
    """Note confirmed deliveries."""
    for item in items:
        for some in range(0, len(item.ids), _MOST):
            connection.execute(_SENT, {"ids": bulk.padded(item.ids[some : some + _MOST]), "at": item.at})
    return [None] * len(items)


def failed(connection: Connection, items: Sequence[Sequence[Failed]]) -> list[None]:
    """Note failed deliveries and when to try again."""
    rows = [{"this": row.id, "next": row.next_attempt_at, "code": _code(row.code)} for item in items for row in item]
    connection.execute(_FAILED, rows)
    return [None] * len(items)


def _code(given: object) -> str:
    """Return what a delivery gave as its code, as a database can hold it."""
    return "".join(filter(str.isprintable, str(given)[:_CODE_LENGTH]))
