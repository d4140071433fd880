"""Changes of an appeal as the journal keeps them, and the order in which they count."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appealbus.schemas.base import Model
from appealbus.schemas.change import Change, ChangeKind

ENDS = frozenset({ChangeKind.ANSWERED, ChangeKind.WITHDRAWN, ChangeKind.CLOSED})
"""After these nobody asks anything for the appeal."""
GOES_ON = frozenset({ChangeKind.DUE, ChangeKind.EXTENDED, ChangeKind.REDIRECTED})
"""An appeal that gets a term or a body after its end is considered again."""

AS_KEPT = "application/vnd.appealbus.change+json"
"""Media type of a change in the bus's own form: with what could not be used of it, which is not read from outside."""

_PATH = re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40})?")
"""What else a sender may write there is none of ours, and may be anything."""
_MOST_FIELDS = 50
"""Of one change that are told: an appeal has fewer."""

Order = tuple[datetime, str, str]
"""When it happened, its message id, its channel: whatever the order of arrival, changes count in this one."""
AHEAD = timedelta(days=1)
"""How far after its receipt a change may be dated: a clock that is ahead is within, a year that is mistyped is not."""


def counts_from(dated_at: datetime, received_at: datetime) -> datetime:
    """Return the moment that a change counts from: its date or, where that is too far ahead to be true, its receipt."""
    return received_at if dated_at - received_at > AHEAD else dated_at


def order_of(row: Any) -> Order:
    """Return the place of a change among those of its appeal, given its columns."""
    return counts_from(row.dated_at, row.received_at), row.message_id, row.channel


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change with the moment that it counts from: that of its arrival where it says none, or one too far ahead."""

    change: Change
    dated_at: datetime

    @property
    def order(self) -> Order:
        """Its place among the changes of an appeal."""
        return self.dated_at, self.change.message_id, self.change.channel

    @property
    def misdated(self) -> bool:
        """Whether its date is too far ahead to be true, so that it counts from its receipt."""
        return self.change.dated_at is not None and self.change.dated_at - self.dated_at > AHEAD


def fields_of_change(change: Change) -> list[str]:
    """Return the paths of what a change says of the appeal's fields: `applicant.iin`, `due_on`; never a value."""
    paths = []
    for name, value in change.corrected or ():
        if isinstance(value, Model):
            paths += [f"{name}.{field}" for field, given in value if given is not None and field != "type"]
        elif value is not None:
            paths.append(name)
    paths += change.removed if change.kind is ChangeKind.CORRECTED else []
    return [path for path in paths if _PATH.fullmatch(path)][:_MOST_FIELDS]


def closed_by(changes: Iterable[tuple[Order, str]]) -> str | None:
    """Return the kind of change with which an appeal has ended; None where it has not, or was taken up again."""
    closed = None
    for _, kind in sorted(changes):
        if kind in ENDS:
            closed = kind
        elif kind in GOES_ON:
            closed = None
    return closed
