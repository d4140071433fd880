"""Messages leave quarantine in the transaction in which they become an appeal or a change: both happen, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from appealbus.core.errors import JournalError
from appealbus.core.journal.appeals import accepting
from appealbus.core.journal.appeals.accepting import Accepted, Arriving
from appealbus.core.journal.changes import changing
from appealbus.core.journal.changes.changes import ChangeTaken
from appealbus.core.journal.changes.targets import Changing
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.quarantine import Replayed, quarantine, replayed
from appealbus.core.journal.writes import Write

LEFT = "quarantine.left"
"""The code of what is not taken, since somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Leaving(Write[Accepted | ChangeTaken]):
    """A message that is taken after all.

    Attributes:
        replayed: the message; its number is filled in.
        closed: whether whoever takes it has seen that a person closed it.
        as_what: what it is.

    """

    replayed: Replayed
    closed: bool
    as_what: Arriving | Changing


@Leaving.batch
def leave(connection: Connection, items: Sequence[Leaving]) -> list[Accepted | ChangeTaken | JournalError]:
    """Take messages that still are as they were seen; leave those that somebody took or closed meanwhile."""
    table, ids = quarantine, [item.replayed.quarantine_id for item in items]
    locked = select(table.c.id, table.c.replayed_at, table.c.closed_at).where(table.c.id.in_(direct.padded(ids)))
    found = {row.id: row for row in connection.execute(locked.order_by(table.c.id).with_for_update())}
    results = list[Accepted | ChangeTaken | JournalError]()
    for item in items:
        row = found.get(item.replayed.quarantine_id)
        if row is None or row.replayed_at is not None or (row.closed_at is not None and not item.closed):
            results.append(JournalError("somebody has taken or closed it meanwhile", LEFT))
            continue
        taken = _taken(connection, item.as_what)
        results.append(taken)
        if not isinstance(taken, JournalError):
            replayed(connection, [replace(item.replayed, number=taken.receipt.number)])
            del found[row.id]
    return results


def _taken(connection: Connection, what: Arriving | Changing) -> Accepted | ChangeTaken | JournalError:
    if isinstance(what, Changing):
        return changing.change(connection, [what])[0]
    return accepting.accept(connection, [what])[0]
