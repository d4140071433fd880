"""Weekly counts as series: each topic in each place, and their sums."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

WEEK = timedelta(weeks=1)
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE | re.ASCII)
_REGION, _DISTRICT = 2, 4
"""Digits of a КАТО that name a region, and a district or city in it; the others name villages."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """What is counted together. An empty category is all of them, and those without one; so is an empty place."""

    category: str
    place: str
    """The first two digits of КАТО: a region. The first four: a district, or a city that is none's."""

    def meets(self, other: "Series") -> bool:
        """Whether there may be appeals that both count."""
        topics = not self.category or not other.category or self.category == other.category
        return topics and (self.place.startswith(other.place) or other.place.startswith(self.place))

    @property
    def narrowness(self) -> int:
        """How little is summed here: 0 for all appeals."""
        return bool(self.category) + len(self.place) // _REGION


@dataclass(frozen=True, slots=True)
class WeekRow:
    """Appeals of one category and place in one week."""

    monday: date
    category: str | None
    place: str | None
    appeals: int


@dataclass(frozen=True, slots=True)
class Book:
    """Series of equal length, of which the last week is `monday`."""

    monday: date
    weeks: int
    series: dict[Series, list[int]]

    @property
    def first(self) -> date:
        """The Monday of the first week."""
        return self.monday - (self.weeks - 1) * WEEK


def book(rows: Iterable[WeekRow], monday: date) -> Book:
    """Return the series up to the week of a Monday.

    They begin with the second week of which anything is known: the first is most likely a part of one.
    """
    known = [row for row in rows if row.monday <= monday]
    first = min((row.monday for row in known), default=monday) + WEEK
    weeks = max(0, (monday - first) // WEEK + 1)
    series: dict[Series, list[int]] = {}
    for row in known:
        at = (row.monday - first) // WEEK
        if at >= 0:
            for each in _of(row.category, row.place):
                counts = series.get(each)
                if counts is None:
                    counts = series[each] = [0] * weeks
                counts[at] += row.appeals
    return Book(monday, weeks, series)


def begin(counts: Sequence[int], at_least: int) -> int:
    """Return with which week a series begins: with its first appeal, but with so many weeks before the last.

    A topic that nobody wrote of before has no other past than weeks without any.
    """
    first = next((week for week, count in enumerate(counts) if count), len(counts))
    return max(0, min(first, len(counts) - 1 - at_least))


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def week_of(text: str) -> date:
    """Return the Monday of a week that somebody has written: `2026-W47`, or a day of it; else raise ValueError."""
    written = _WEEK.fullmatch(text.strip())
    if written:
        return date.fromisocalendar(int(written[1]), int(written[2]), 1)
    return monday_of(written_day(text))


def written_day(text: str) -> date:
    """Return the day that somebody has written, as `2026-11-16`; else raise ValueError."""
    return datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - it has no time


def week_name(monday: date) -> str:
    """Return a week as it is written: `2026-W47`."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"


def _of(category: str | None, place: str | None) -> Iterator[Series]:
    places = [""]
    if place:
        places.append(place[:_REGION])
        if place[_REGION:_DISTRICT].strip("0"):
            places.append(place[:_DISTRICT])
    for each in places:
        yield Series("", each)
        if category:
            yield Series(category, each)
