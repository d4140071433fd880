"""What is parked for a source that has come back, on its way to be worked again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Place = tuple[int, int]
"""Up to where a list by urgency has been gone through: urgency and id of the last appeal."""

SETTLED = timedelta(seconds=120)
"""So long at least after a source came back a run may still end that was told before that it could not be asked."""
HEARD = timedelta(seconds=5)
"""So long after it came back a worker may still say that it is away."""


@dataclass(frozen=True, slots=True)
class TakeIn:
    """A wish to have some of what is parked for a source worked again.

    Attributes:
        source: that has come back.
        back_at: when it did, by the clock that stamps how questions end.
        lookups: that ask it.
        limit: the most appeals.
        now: the time by the journal's clock.
        by: the worker, in the words of the log.
        places: up to where this has been gone through, by what appeals wait for.
        settled: how long a run may take: what is parked later than that after `back_at` knew of it.

    """

    source: str
    back_at: datetime
    lookups: Collection[str]
    limit: int
    now: datetime
    by: str
    places: Mapping[str, Place] = field(default_factory=dict)
    settled: timedelta = SETTLED


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What has become of it.

    Attributes:
        count: appeals that are worked again.
        places: up to where it has been gone through now.
        over: whether nothing is left there.

    """

    count: int
    places: Mapping[str, Place]
    over: bool
