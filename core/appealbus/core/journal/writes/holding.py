"""Holding a case, and letting it go on: what a person decides."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from appealbus.core.domain.event import Event, What, by_person
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.tables import WAITED_FOR, appeal
from appealbus.core.journal.writes.one_by_one import one_by_one
from appealbus.schemas.base import printable


@dataclass(frozen=True, slots=True)
class Hold:
    """A person's wish that nothing of an appeal be worked."""

    number: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Releasing:
    """A person's wish that a held appeal go on."""

    number: str
    at: datetime
    by: str
    reason: str = ""


@one_by_one
def hold(connection: Connection, item: Hold) -> bool | JournalError:
    """Hold appeals, those in work too: whoever works one has it no longer. False where there is no such appeal."""
    found = _found(connection, item.number)
    if found is None:
        return False
    if found.state == "held":
        return JournalError("the appeal is held already; `appealbus why NUMBER` says why", "held")
    held = {"held_by": printable(item.by), "held_reason": printable(item.reason), "changed_at": item.at}
    free = {"due_at": None, "lease_owner": None, "lease_until": None, "waits_for": WAITED_FOR}
    connection.execute(update(appeal).where(appeal.c.id == found.id).values(state="held", **held, **free))
    reason = {"reason": held["held_reason"]}
    events.note(connection, [Event(What.HELD, found.id, by_person(item.by), detail=reason)])
    return True


@one_by_one
def let_go(connection: Connection, item: Releasing) -> bool | JournalError:
    """Have held appeals worked again: those that workers died over alone. False where there is no such appeal."""
    found = _found(connection, item.number)
    if found is None:
        return False
    if found.state != "held":
        return JournalError("the appeal is not held", "not_held")
    state = {"state": "ready"} if found.deaths is None else {"state": "suspect", "deaths": 0}
    free = {"held_by": None, "held_reason": None, "changed_at": item.at, "due_at": None}
    reason = {"reason": printable(item.reason)} if item.reason else {}
    connection.execute(update(appeal).where(appeal.c.id == found.id).values(**state, **free))
    events.note(connection, [Event(What.RELEASED, found.id, item.by, detail=reason)])
    return True


def _found(connection: Connection, number: str) -> Any | None:
    query = select(appeal.c.id, appeal.c.state, appeal.c.deaths).where(appeal.c.number == number)
    return connection.execute(query.with_for_update(key_share=True)).first()
