"""What became of deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, update

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


_counted = update(outbox).where(outbox.c.id == bindparam("this"), outbox.c.sent_at.is_(None))
_SENT = _counted.values(attempts=outbox.c.attempts + 1, sent_at=bindparam("at"), last_error=None)
_FAILED = _counted.values(
    attempts=outbox.c.attempts + 1, next_attempt_at=bindparam("next"), last_error=bindparam("code")
)


def delivered(connection: Connection, items: Sequence[Delivered]) -> list[None]:
    """Note confirmed deliveries."""
    connection.execute(_SENT, [{"this": delivery_id, "at": item.at} for item in items for delivery_id in item.ids])
    return [None] * len(items)


def failed(connection: Connection, items: Sequence[Failed]) -> list[None]:
    """Note failed deliveries and when to try again."""
    rows = [{"this": item.id, "next": item.next_attempt_at, "code": item.code} for item in items]
    connection.execute(_FAILED, rows)
    return [None] * len(items)
