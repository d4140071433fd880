"""Appeals per week, by category and place."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class WeekCount:
    """Appeals of one category and place that were accepted in one week."""

    monday: date
    """The week begins on it, in Kazakhstan."""
    category: str | None
    place: str | None
    """КАТО, as the appeal has it: a region, a district or a village."""
    appeals: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class WeekPart:
    """Which appeals of a week somebody means."""

    monday: date
    first_id: int
    """The first appeal to look at, and the last one, as they were told with the counts."""
    last_id: int
    category: str | None = None
    """None: any, and none."""
    places: str = ""
    """What КАТО begins with, as `27` or `2710`; empty: anywhere, and nowhere."""


@dataclass(frozen=True, slots=True)
class WeekCounts:
    """The appeals behind an id up to another one, counted."""

    rows: tuple[WeekCount, ...]
    upto: int
    """The id of the last appeal that is counted: go on behind it."""
    last: int
    """The id of the newest appeal that there is; 0 where there is none."""
    epoch: int
    """Of the journal: in another one an id may be another appeal's."""
