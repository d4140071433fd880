"""Changes of an appeal as the journal keeps them, and the order in which they count."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change with the moment that it counts from, which is that of its arrival where it says none."""

    change: Change
    dated_at: datetime

    @property
    def order(self) -> Order:
        """Its place among the changes of an appeal."""
        return self.dated_at, self.change.message_id, self.change.channel


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
