"""An appeal as submitted and changed, without facts from registers."""

from dataclasses import dataclass
from datetime import date, datetime

from appealbus.core.domain.change import KeptChange


@dataclass(frozen=True, slots=True)
class Outline:
    """The data of an appeal that statistics need; reading the whole takes several times as long.

    Attributes:
        appeal: newest form, as JSON.
        first: original form, as JSON; None: same as `appeal`.
        changes: applied changes without corrections, unordered.
        found: lookups of found records, with repeats.
        completed_at: creation of the first complete version; None: none among those kept.
    """

    appeal_id: int
    accepted_at: datetime
    due_on: date | None
    appeal: bytes
    first: bytes | None = None
    changes: tuple[KeptChange, ...] = ()
    found: tuple[str, ...] = ()
    completed_at: datetime | None = None
