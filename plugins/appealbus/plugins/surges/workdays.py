"""Working days of a week, and its elapsed part in working time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.plugins.surges.series import WEEK

FIVE_DAYS = "five days a week"
"""Name of the fallback if no calendar covers the week."""
_OPENS, _CLOSES = 9, 18
"""Working hours in Kazakhstan."""

WorksOn = Callable[[date], tuple[bool, str] | None]
"""Whether a day is a working day, and the calendar's name; None if no calendar covers it: `RunningBus.works_on`."""


@dataclass(frozen=True, slots=True)
class Workdays:
    monday: date
    days: tuple[date, ...]
    by: str = FIVE_DAYS

    def passed(self, now: datetime) -> float:
        """Return the elapsed part of the week in working time, from 0.0 to 1.0."""
        here = now.astimezone(KAZAKHSTAN)
        today = day_of(now)
        if today >= self.monday + WEEK:
            return 1.0
        hours = here.hour + here.minute / 60
        part = min(1.0, max(0.0, (hours - _OPENS) / (_CLOSES - _OPENS))) if today in self.days else 0.0
        return (sum(day < today for day in self.days) + part) / len(self.days) if self.days else 0.0

    def closed(self, now: datetime) -> date | None:
        """Return the last working day that is over; None if none is."""
        here = now.astimezone(KAZAKHSTAN)
        today = day_of(now)
        return max((day for day in self.days if day < today or (day == today and here.hour >= _CLOSES)), default=None)

    def through(self, day: date) -> float:
        """Return the part of the week elapsed at the end of one of its working days."""
        return sum(workday <= day for workday in self.days) / len(self.days)


def workdays(monday: date, works_on: WorksOn) -> Workdays:
    """Return the working days of a week; Monday to Friday if no calendar covers all of it."""
    week = [monday + timedelta(days=at) for at in range(7)]
    said = [works_on(day) for day in week]
    known = [answer for answer in said if answer is not None]
    if len(known) < len(week):
        return Workdays(monday, tuple(week[:5]))
    return Workdays(monday, tuple(day for day, (works, _) in zip(week, known, strict=True) if works), known[0][1])
