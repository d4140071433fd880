"""Rates of events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SPAN = timedelta(minutes=5)
"""Interval of a rate, long enough to bridge a channel's pause."""


@dataclass(frozen=True, slots=True)
class Pace:
    since: datetime
    until: datetime
    counts: Mapping[str, int] = field(default_factory=dict)

    def a_minute(self, *what: str) -> float:
        seconds = max(1.0, (self.until - self.since).total_seconds())
        return sum(self.counts.get(str(name), 0) for name in what) * 60 / seconds
