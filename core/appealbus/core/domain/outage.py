"""What a source that is away does to due dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Needs:
    """Which appeals need a source.

    Attributes:
        source: that is meant.
        kinds: of appeals whose contracts ask it; None: nobody knows, and all may.

    """

    source: str
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class WaitingByDay:
    """How many open appeals wait for a source, or are still to ask it, by the day on which they are due."""

    days: Mapping[date, int] = field(default_factory=dict)
    """In the order of the days. Appeals without a day are not among them: they have none to miss."""
    more: bool = False
    """Whether there are more than were counted, all due on the last of these days or later."""


@dataclass(frozen=True, slots=True)
class DueDay:
    """Those that are due on one day.

    Attributes:
        day: on which they are due.
        waiting: that need the source.
        missed: of them, whose answer from it comes after that day.
        anyway: of those, for which it would come too late even if the source were asked from now on.

    """

    day: date
    waiting: int
    missed: int
    anyway: int


@dataclass(frozen=True, slots=True)
class Outage:
    """What becomes of due dates while a source is away.

    Attributes:
        source: which one.
        until: when it can be asked again.
        days: from today on; only those with appeals that need it.
        overdue: appeals that need it and were due before today: they lose nothing more.
        more: whether more wait than were counted.
        over_at: the day on which all that were counted would have been asked; None: not within a year.

    """

    source: str
    until: datetime
    days: Sequence[DueDay]
    overdue: int
    more: bool
    over_at: date | None

    @property
    def waiting(self) -> int:
        """How many open appeals with a day from today on need the source."""
        return sum(each.waiting for each in self.days)

    @property
    def missed(self) -> int:
        """How many miss their day."""
        return sum(each.missed for each in self.days)

    @property
    def anyway(self) -> int:
        """How many of them would even if it were asked from now on."""
        return sum(each.anyway for each in self.days)

    @property
    def missed_days(self) -> list[DueDay]:
        """The days that are missed by some."""
        return [each for each in self.days if each.missed]
