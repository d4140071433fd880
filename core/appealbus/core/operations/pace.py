"""How many appeals a source can be asked for, day after day, by its limits."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appealbus.core.clocks import day_of
from appealbus.core.domain.pauses import Period, Quota, QuotaUse
from appealbus.core.guards.calendar import Calendar
from appealbus.core.guards.settings import GuardSettings

AHEAD = 366
"""Days that are looked ahead: what is not asked in a year is asked too late."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of a source, and what is used of them.

    Attributes:
        guard: its settings.
        calls: that one appeal needs.
        took: seconds that a call takes, as it was last; None: nobody knows, and places for calls limit nothing.
        used: of its quotas.
        now: by the journal's clock.

    """

    guard: GuardSettings
    calls: int
    took: float | None
    used: Sequence[QuotaUse]
    now: datetime

    @property
    def per_second(self) -> float:
        """Calls a second at most."""
        rate = math.inf if self.guard.rate is None else self.guard.rate
        return min(rate, self.guard.concurrency / self.took) if self.took else rate

    def by_day(self, since: datetime) -> Iterator[tuple[date, float]]:
        """Yield, for a year from a moment on, each day and for how many appeals the source can be asked on it."""
        calendar, most = Calendar(self.guard.closed), self.guard.quotas()
        left = {Period(name): n for name, n in Quota(most).left(self.used, self.now).items()}
        begins = {period: period.begins(self.now) for period in most}
        at = since
        for _ in range(AHEAD):
            midnight = Period.DAY.begins(at) + timedelta(days=1)
            for period in most:
                if period.begins(at) != begins[period]:
                    begins[period], left[period] = period.begins(at), most[period]
            seconds = calendar.open_within(at, midnight)
            calls = min([self.per_second * seconds if seconds else 0.0, *left.values()])
            for period in most:
                left[period] -= int(calls)
            yield day_of(at), calls / self.calls
            at = midnight
