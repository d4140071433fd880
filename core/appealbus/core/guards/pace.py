"""Computes how many appeals per day a source's limits allow."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appealbus.core.clocks import day_of
from appealbus.core.domain.pauses import Period, Quota, QuotaUse
from appealbus.core.guards.settings import Calendar, GuardSettings

AHEAD = 366
"""Days of the forecast; anything later is too late."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A source's limits and usage. `calls` are per appeal; `took` is seconds per call, None if unknown."""

    guard: GuardSettings
    calls: int
    took: float | None
    used: Sequence[QuotaUse]
    now: datetime

    @property
    def per_second(self) -> float:
        rate = math.inf if self.guard.rate is None else self.guard.rate
        return min(rate, self.guard.concurrency / self.took) if self.took else rate

    def by_day(self, since: datetime) -> Iterator[tuple[date, float]]:
        """Yield each day of a year with the number of appeals that can be asked on it."""
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
