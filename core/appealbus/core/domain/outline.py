"""An appeal as it was told, without what registers say of it."""

from dataclasses import dataclass
from datetime import date, datetime

from appealbus.core.domain.change import KeptChange


@dataclass(frozen=True, slots=True)
class Outline:
    """What figures need of an appeal: to read it whole takes several times as long.

    Attributes:
        appeal_id: its id in the journal.
        accepted_at: when the bus got it.
        due_on: until when it has to be answered: as its register says, or as plugins count.
        appeal: its newest form, as JSON.
        first: the form that it came in, as JSON; None: `appeal` is that.
        changes: those that count, in no order; without corrections, which are in its form.
        found: the lookups that ended in found, each once for every time.
        completed_at: when its dossier was complete first, of the versions that are kept; None: in none of them.

    """

    appeal_id: int
    accepted_at: datetime
    due_on: date | None
    appeal: bytes
    first: bytes | None = None
    changes: tuple[KeptChange, ...] = ()
    found: tuple[str, ...] = ()
    completed_at: datetime | None = None
