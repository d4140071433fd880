"""A question stands otherwise than its answer was read: that is written, and the appeal worked on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from appealbus.core.domain.case import LookupState
from appealbus.core.domain.event import Event, What
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.key import Marked
from appealbus.core.journal.tables import appeal, lookup
from appealbus.core.journal.writes import record_calls, suspects
from appealbus.core.journal.writes.one_by_one import one_by_one
from appealbus.core.journal.writes.working import not_free


@dataclass(frozen=True, slots=True)
class Anew:
    """How a question stands now that its replies were read again."""

    state: LookupState
    source: str
    was: tuple[str, datetime]
    """What its lookup was called when it ended, and when that was, as far as whoever read it again knows."""
    differs: Sequence[str]
    """Where its record differs, by paths alone; which paths are known now; as what it ended, where that is another."""
    marked: Sequence[Marked] = ()
    """Whom its record names."""


@dataclass(frozen=True, slots=True)
class Reread:
    """What came of reading again what was kept of an appeal."""

    appeal_id: int
    by: str
    reason: str
    at: datetime
    states: Sequence[Anew]
    what: What = What.REREAD
    """Or a record was withdrawn."""
    operation: str = ""
    """Of which operation of the bus it is a part; empty: of none."""


@one_by_one
def write(connection: Connection, item: Reread) -> int | JournalError | None:
    """Write how questions stand now, and make their appeals ready; return of each how many, None for no such appeal.

    A question that has been asked since is left alone. An appeal that is worked on or held is left alone whole.
    """
    columns = (appeal.c.id, appeal.c.number, appeal.c.deaths, appeal.c.state, appeal.c.lease_until)
    locked = select(*columns).where(appeal.c.id == item.appeal_id).with_for_update(key_share=True)
    found = connection.execute(locked).first()
    if found is None:
        return None
    refusal = not_free(connection, found, item.at, item.by)
    if refusal is not None:
        return refusal
    stands = select(lookup.c.lookup, lookup.c.key, lookup.c.ended_at).where(lookup.c.appeal_id == item.appeal_id)
    ended = {(row.lookup, row.key): row.ended_at for row in connection.execute(stands)}
    good = [each for each in item.states if ended.get((each.was[0], each.state.key)) == each.was[1]]
    if good:
        record_calls.keep(
            connection,
            [
                record_calls.Keep(item.appeal_id, each.state, marked=each.marked, by=item.by, replaces=True)
                for each in good
            ],
        )
        ready = update(appeal).where(appeal.c.id == item.appeal_id)
        connection.execute(ready.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
        events.note(connection, [_noted(item, each) for each in good])
    return len(good)


def _noted(item: Reread, anew: Anew) -> Event:
    detail = {"lookup": anew.state.lookup, "key": anew.state.key, "differs": list(anew.differs), "reason": item.reason}
    detail |= {"operation": item.operation} if item.operation else {}
    return Event(item.what, item.appeal_id, item.by, anew.source, detail)
