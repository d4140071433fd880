"""How fast things happen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SPAN = timedelta(minutes=5)
"""Of which a rate tells: long enough that a pause of a channel is not one of the bus."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What happened in the last minutes."""

    since: datetime
    until: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    """Entries of the log, by what they tell."""

    def a_minute(self, *what: str) -> float:
        """Return how many entries of these kinds (`What`) there were in a minute."""
        seconds = max(1.0, (self.until - self.since).total_seconds())
        return sum(self.counts.get(str(each), 0) for each in what) * 60 / seconds
