"""What a person decides about one delivery that was shown: done where it still is as it was shown, and once."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from appealbus.core.domain.event import What
from appealbus.core.domain.operation import Verdict
from appealbus.core.journal import codec, events, notifications
from appealbus.core.journal.reads.deliveries import listed
from appealbus.core.journal.rows import DeliveryRow, DeliveryState
from appealbus.core.journal.tables import SENT, outbox, to_number
from appealbus.core.journal.writes import delivering
from appealbus.core.journal.writes.one_by_one import one_by_one

_WRITTEN = re.compile(r"([0-9]{1,18})\.([a-z]{1,20})\.([0-9]{1,18})\.([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """A delivery as a person saw it when they decided."""

    id: int
    state: DeliveryState
    since: int
    """As the journal keeps moments."""
    attempts: int

    def __str__(self) -> str:
        return f"{self.id}.{self.state}.{self.since}.{self.attempts}"

    @classmethod
    def parse(cls, text: str) -> "Shown":
        """Return what is written so; raise ValueError where nothing is."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError("write it as it was shown")
        return cls(int(found[1]), DeliveryState(found[2]), int(found[3]), int(found[4]))

    @classmethod
    def of(cls, row: DeliveryRow) -> "Shown":
        """Return how it stands in a list."""
        return cls(row.id, row.state, to_number(row.since) or 0, row.attempts)

    def fits(self, row: DeliveryRow) -> bool:
        """Whether nothing but further attempts has happened since: one that is sent again begins anew with them."""
        now = Shown.of(row)
        return (self.state, self.since) == (now.state, now.since) and self.attempts <= now.attempts


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of it: it goes out again, or is given up."""

    shown: Shown
    again: bool
    at: datetime
    by: str
    reason: str


@one_by_one
def decide(connection: Connection, item: Decision) -> Verdict:
    """Do what was decided, each with its verdict."""
    row = connection.execute(listed().where(outbox.c.id == item.shown.id).with_for_update(of=outbox)).first()
    if row is None:
        return Verdict.GONE
    now = codec.delivery_from_row(row)
    over = (DeliveryState.WAITING,) if item.again else (DeliveryState.DELIVERED, DeliveryState.SKIPPED)
    if now.state in over or not item.shown.fits(now):
        return Verdict.NOTHING
    if not item.again:
        delivering.give_up(connection, [row], item.at, item.by, item.reason)
        return Verdict.DONE
    if _has_newer(connection, row):
        return Verdict.NEWER
    delivering.again(connection, [row.id], item.at)
    events.note(connection, [delivering.event(What.RESENT, row, item.by, reason=item.reason)])
    notifications.tell(connection)
    return Verdict.DONE


def _has_newer(connection: Connection, row: Any) -> bool:
    its = outbox.c.appeal_id == row.appeal_id, outbox.c.receiver == row.receiver
    newer = select(outbox.c.id).where(*its, SENT, outbox.c.version > row.version).limit(1)
    return connection.execute(newer).first() is not None
