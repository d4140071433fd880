"""Effects of an unavailable source on due dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Needs:
    """The appeals that need a source. `kinds` None: unknown, so all may."""

    source: str
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class WaitingByDay:
    """Number of open appeals by due date that wait for a source or will ask it."""

    days: Mapping[date, int] = field(default_factory=dict)
    """Sorted by date. Appeals without a due date are left out."""
    more: bool = False
    """Whether some were not counted; they are due on the last of these days or later."""


@dataclass(frozen=True, slots=True)
class DueDay:
    """Appeals due on one day: needing the source, answered too late, and late even if it were available now."""

    day: date
    waiting: int
    missed: int
    anyway: int


@dataclass(frozen=True, slots=True)
class Outage:
    """Forecast of due dates while a source is away.

    Attributes:
        days: from today on, if appeals need it.
        overdue: appeals due before today, which lose nothing more.
        more: whether some were not counted.
        over_at: when all counted appeals would be asked; None: not within a year.
    """

    source: str
    until: datetime
    days: Sequence[DueDay]
    overdue: int
    more: bool
    over_at: date | None

    @property
    def waiting(self) -> int:
        """Open appeals, due from today on, that need the source."""
        return sum(day.waiting for day in self.days)

    @property
    def missed(self) -> int:
        return sum(day.missed for day in self.days)

    @property
    def anyway(self) -> int:
        return sum(day.anyway for day in self.days)

    @property
    def missed_days(self) -> list[DueDay]:
        return [day for day in self.days if day.missed]
