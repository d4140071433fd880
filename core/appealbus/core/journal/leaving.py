"""Messages leave quarantine in the transaction in which they become an appeal or a change: both happen, or neither."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from sqlalchemy import Connection, select

from appealbus.core.errors import JournalError
from appealbus.core.journal.appeals import accepting
from appealbus.core.journal.appeals.accepting import Accepted, Arriving, NewAppeal
from appealbus.core.journal.changes import changing
from appealbus.core.journal.changes.changes import ChangeTaken, NewChange
from appealbus.core.journal.changes.targets import Changing
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.part_rows import NOTHING, Kept
from appealbus.core.journal.quarantine import QuarantineRow, Replayed, quarantine, replayed
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

    turn = 3
    replayed: Replayed
    closed: bool
    as_what: Arriving | Changing

    def bare(self) -> tuple[Self, Kept]:
        """Return it without the rows of parts, and these."""
        if isinstance(self.as_what, Changing):
            return self, NOTHING
        bare, kept = self.as_what.bare()
        return replace(self, as_what=bare), kept


async def leave_quarantine(
    journal: Journal, row: QuarantineRow, new: NewAppeal | NewChange, *, most_waiting: int = 10_000, reason: str = ""
) -> Accepted | ChangeTaken:
    """Write down what a message in quarantine is, and that it has left: both, or neither.

    Raises:
        MessageDiffers: as `accept` and `change` do.
        JournalError: `quarantine.left`: somebody has taken or closed it since the row was read; as `change`; or its
            sender may not make that change, `change.foreign` or `change.out_of_scope`.

    """
    if isinstance(new, NewChange):
        item: Changing | Arriving = Changing(new, most_waiting, replayed=True)
    else:
        item = await journal.arriving(new)
    taken = Replayed(row.id, "", journal.now(), journal.actor, reason)
    return await journal.do(Leaving(taken, row.closed_at is not None, item))


@Leaving.batch
def leave(connection: Connection, items: Sequence[Leaving]) -> list[Accepted | ChangeTaken | JournalError]:
    """Take messages that still are as they were seen; leave those that somebody took or closed meanwhile."""
    table, ids = quarantine, [item.replayed.quarantine_id for item in items]
    locked = select(table.c.id, table.c.replayed_at, table.c.closed_at).where(table.c.id.in_(direct.padded(ids)))
    rows = {row.id: row for row in connection.execute(locked.order_by(table.c.id).with_for_update())}
    results = list[Accepted | ChangeTaken | JournalError]()
    for item in items:
        row = rows.get(item.replayed.quarantine_id)
        if row is None or row.replayed_at is not None or (row.closed_at is not None and not item.closed):
            results.append(JournalError("somebody has taken or closed it meanwhile", LEFT))
            continue
        taken = _taken(connection, item.as_what)
        results.append(taken)
        if not isinstance(taken, JournalError):
            replayed(connection, [replace(item.replayed, number=taken.receipt.number)])
            del rows[row.id]
    return results


def _taken(connection: Connection, what: Arriving | Changing) -> Accepted | ChangeTaken | JournalError:
    if isinstance(what, Changing):
        return changing.change(connection, [what])[0]
    return accepting.accept(connection, [what])[0]
