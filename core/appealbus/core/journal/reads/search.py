"""What is looked for among appeals, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from appealbus.core.domain.selection import NOWHERE, Place, Selection
from appealbus.core.journal.tables import appeal


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and where."""

    connection: Connection
    selection: Selection
    marks: Sequence[bytes] = ()
    """Of whom and what the selection names."""
    after: Place = NOWHERE
    last: int | None = None
    """The id of the last appeal that is old enough, where only old ones are meant."""
    whole: bool = False
    """Whether all of it is wanted at once, and not a page."""

    @classmethod
    def of(
        cls, connection: Connection, selection: Selection, marks: Sequence[bytes] = (), after: Place = NOWHERE
    ) -> "Search":
        """Return a search for what is selected."""
        before = selection.accepted_before
        return cls(connection, selection, marks, after, None if before is None else _last_before(connection, before))

    def ahead(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that an id comes behind the place, and is old enough."""
        behind = column > self.after.id
        return behind if self.last is None else behind & (column <= self.last)


def _last_before(connection: Connection, moment: datetime) -> int:
    """Return the id of the last appeal accepted before a moment.

    Some twenty looks at the primary key say it, so that no index by time is written with each appeal.
    """
    first, last = 0, connection.scalar(select(func.max(appeal.c.id))) or 0
    while first < last:
        middle = (first + last) // 2
        after = select(appeal.c.id, appeal.c.accepted_at).where(appeal.c.id > middle).order_by(appeal.c.id).limit(1)
        row = connection.execute(after).first()
        if row is not None and row.accepted_at < moment:
            first = row.id
        else:
            last = middle
    return first
