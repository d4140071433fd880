"""Weekly counts as series: each topic in each place, and their sums."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

WEEK = timedelta(weeks=1)
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE | re.ASCII)
_REGION, _DISTRICT = 2, 4
"""Digits of КАТО for a region and for a district or city; further digits are villages."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """Key of a series. An empty category or place stands for all, and for appeals without one."""

    category: str
    place: str
    """Two digits of КАТО: a region. Four digits: a district, or a city of its own."""

    def meets(self, other: "Series") -> bool:
        """Whether the two may count the same appeals."""
        topics = not self.category or not other.category or self.category == other.category
        return topics and (self.place.startswith(other.place) or other.place.startswith(self.place))

    @property
    def narrowness(self) -> int:
        """0 for the series of all appeals; higher for narrower ones."""
        return bool(self.category) + len(self.place) // _REGION


@dataclass(frozen=True, slots=True)
class WeekRow:
    monday: date
    category: str | None
    place: str | None
    appeals: int


@dataclass(frozen=True, slots=True)
class Book:
    """Series of equal length whose last week is `monday`."""

    monday: date
    weeks: int
    series: dict[Series, list[int]]

    @property
    def first(self) -> date:
        return self.monday - (self.weeks - 1) * WEEK


def book(rows: Iterable[WeekRow], monday: date) -> Book:
    """Return the series up to a week.

    They begin with the second known week, as the first is probably incomplete.
    """
    known = [row for row in rows if row.monday <= monday]
    first = min((row.monday for row in known), default=monday) + WEEK
    weeks = max(0, (monday - first) // WEEK + 1)
    series: dict[Series, list[int]] = {}
    for row in known:
        at = (row.monday - first) // WEEK
        if at >= 0:
            for key in _of(row.category, row.place):
                counts = series.get(key)
                if counts is None:
                    counts = series[key] = [0] * weeks
                counts[at] += row.appeals
    return Book(monday, weeks, series)


def begin(counts: Sequence[int], at_least: int) -> int:
    """Return the index of the first appeal, but at least `at_least` weeks before the last.

    A new topic has no other history than empty weeks.
    """
    first = next((week for week, count in enumerate(counts) if count), len(counts))
    return max(0, min(first, len(counts) - 1 - at_least))


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def week_of(text: str) -> date:
    """Parse a week, `2026-W47` or a day of it, into its Monday; raise ValueError if it is invalid."""
    written = _WEEK.fullmatch(text.strip())
    if written:
        return date.fromisocalendar(int(written[1]), int(written[2]), 1)
    return monday_of(written_day(text))


def written_day(text: str) -> date:
    """Parse a day, `2026-11-16`; raise ValueError if it is invalid."""
    return datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - it has no time


def week_name(monday: date) -> str:
    """Format a week: `2026-W47`."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"


def _of(category: str | None, place: str | None) -> Iterator[Series]:
    places = [""]
    if place:
        places.append(place[:_REGION])
        if place[_REGION:_DISTRICT].strip("0"):
            places.append(place[:_DISTRICT])
    for area in places:
        yield Series("", area)
        if category:
            yield Series(category, area)
