"""Which days of a week people work on, and how much of a week has passed by that."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.plugins.surges.series import WEEK

FIVE_DAYS = "five days a week"
"""What a week is taken for where no calendar knows all of its days."""
_OPENS, _CLOSES = 9, 18
"""Hours between which a working day passes, in Kazakhstan."""

WorksOn = Callable[[date], tuple[bool, str] | None]
"""Whether people work on a day, and whose calendar says so; None where none knows: `RunningBus.works_on`."""


@dataclass(frozen=True, slots=True)
class Workdays:
    """The working days of a week, and by which calendar: the name of terms, or `FIVE_DAYS`."""

    monday: date
    days: tuple[date, ...]
    by: str = FIVE_DAYS

    def passed(self, now: datetime) -> float:
        """Return how much of the week has passed, in working time: from 0.0 to 1.0."""
        here = now.astimezone(KAZAKHSTAN)
        today = day_of(now)
        if today >= self.monday + WEEK:
            return 1.0
        hours = here.hour + here.minute / 60
        part = min(1.0, max(0.0, (hours - _OPENS) / (_CLOSES - _OPENS))) if today in self.days else 0.0
        return (sum(day < today for day in self.days) + part) / len(self.days) if self.days else 0.0

    def closed(self, now: datetime) -> date | None:
        """Return the last working day of the week that is over; None where none is yet."""
        here = now.astimezone(KAZAKHSTAN)
        today = day_of(now)
        return max((day for day in self.days if day < today or (day == today and here.hour >= _CLOSES)), default=None)

    def through(self, day: date) -> float:
        """Return how much of the week has passed with the end of one of its working days."""
        return sum(each <= day for each in self.days) / len(self.days)


def workdays(monday: date, works_on: WorksOn) -> Workdays:
    """Return the working days of a week; from Monday to Friday where no calendar knows all of it."""
    week = [monday + timedelta(days=at) for at in range(7)]
    said = [works_on(day) for day in week]
    known = [each for each in said if each is not None]
    if len(known) < len(week):
        return Workdays(monday, tuple(week[:5]))
    return Workdays(monday, tuple(day for day, (works, _) in zip(week, known, strict=True) if works), known[0][1])
