"""Resumes appeals parked for a source that is back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Place = tuple[int, int]
"""Position in a list by urgency: urgency and id of the last appeal."""

SETTLED = timedelta(seconds=120)
"""Time after a recovery in which older runs may still end."""
HEARD = timedelta(seconds=5)
"""Time after a recovery in which workers may still see the source as away."""


@dataclass(frozen=True, slots=True)
class TakeIn:
    """A request to resume some appeals parked for a source.

    Attributes:
        back_at: the recovery, by the clock that stamps questions' ends.
        now: by the journal's clock.
        by: the worker as an actor.
        places: progress, by reason of waiting.
        settled: longest run; later parking knew of the recovery.
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
    """Number of resumed appeals, new progress, and whether none are left."""

    count: int
    places: Mapping[str, Place]
    over: bool
