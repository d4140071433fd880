"""The calendar of working days by year; a day of an unpublished year is an error."""

import hashlib
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from appealbus.core import AppealBusError, ConfigError
from appealbus.plugins.terms.words import DayKind
from appealbus.schemas.base import Day, Model, Text

_SATURDAY = 5
_SHIPPED = "the file that ships"
_DIGEST = 8
"""Characters of the digest in a version: enough for files edited by hand."""


class UnknownYear(AppealBusError):
    """A day is in a year that the calendar lacks, so its days off are unknown."""

    def __init__(self, year: int, version: str) -> None:
        super().__init__(f"the calendar {version} has no year {year}; add its days off, with their source")
        self.year = year


class Year(Model):
    """The days off of a year that are none by the week, and the weekend days on which people work."""

    year: int = Field(ge=1992, le=2999)
    source: Text
    published: Day | None = None
    assumed: Text = ""
    """What of it nobody has published; it stands in the proof of each term that the year has a day of."""
    working: list[Day]
    off: dict[DayKind, list[Day]]


class Amendment(Model):
    """What was changed after publication, and when."""

    published: Day
    source: Text
    no_longer_off: list[Day] = []
    no_longer_working: list[Day] = []
    working: list[Day] = []
    off: dict[DayKind, list[Day]] = {}


class CalendarFile(Model):
    """A file of calendars."""

    name: Text
    version: Text
    years: list[Year]
    amended: list[Amendment] = []


@dataclass(frozen=True)
class Calendar:
    """Working days of consecutive whole years.

    Attributes:
        version: name, version, digest and effective day of its source.
        working: ordinals of all working days, ascending.
        first: ordinal of the first known day.
        last: ordinal of the last known day.
        off: reason of each day off, without weekends.
        assumed: by year, unpublished assumptions.
    """

    version: str
    working: tuple[int, ...] = field(repr=False)
    first: int
    last: int
    off: Mapping[date, DayKind] = field(repr=False)
    assumed: Mapping[int, str] = field(default_factory=dict)

    def check(self, day: date) -> None:
        self._known(day.toordinal())

    def _known(self, day: int) -> None:
        if not self.first <= day <= self.last:
            raise UnknownYear(date.fromordinal(max(1, min(day, date.max.toordinal()))).year, self.version)

    def is_working(self, day: date) -> bool:
        at = day.toordinal()
        self._known(at)
        place = bisect_left(self.working, at)
        return place < len(self.working) and self.working[place] == at

    def next_working(self, day: date) -> date:
        """Return the day itself or the next working day (art. 76 ¶5)."""
        return self.nth(day, 1)

    def nth(self, first: date, n: int) -> date:
        """Return the n-th working day, n ≥ 1, counted from a day inclusive."""
        at = first.toordinal()
        self._known(at)
        place = bisect_left(self.working, at) + n - 1
        if place >= len(self.working):
            raise UnknownYear(date.fromordinal(self.last).year + 1, self.version)
        return date.fromordinal(self.working[place])

    def before(self, day: date, n: int) -> date:
        """Return the day after which n working days are left up to a day inclusive."""
        at = day.toordinal()
        self._known(at)
        place = bisect_right(self.working, at) - 1 - n
        if place < 0:
            raise UnknownYear(date.fromordinal(self.first).year - 1, self.version)
        return date.fromordinal(self.working[place])

    def count(self, first: date, last: date) -> int:
        """Count the working days between two days inclusive; 0 if the last is before the first."""
        since, until = first.toordinal(), last.toordinal()
        if until < since:
            return 0
        self._known(since)
        self._known(until)
        return bisect_right(self.working, until) - bisect_left(self.working, since)

    def kind(self, day: date) -> DayKind:
        return DayKind.COUNTED if self.is_working(day) else self.off.get(day, DayKind.WEEKEND)

    def assumptions(self, first: date, last: date) -> list[str]:
        return [self.assumed[year] for year in range(first.year, last.year + 1) if year in self.assumed]


def made(file: CalendarFile, digest: str, as_of: date | None = None) -> Calendar:
    """Build the calendar of a file; `as_of` ignores later amendments.

    Raises ConfigError if the years have a gap, or a day is in the wrong place.
    """
    years = sorted(file.years, key=lambda year: year.year)
    if as_of is not None:  # no year behind one that was not published yet was known either
        years = list(takewhile(lambda year: year.published is None or year.published <= as_of, years))
        if not years:
            raise ConfigError(f"the calendar has no year that was published by {as_of}; give a later day")
    numbers = [year.year for year in years]
    if not numbers or numbers != list(range(numbers[0], numbers[-1] + 1)):
        raise ConfigError(f"the calendar has the years {numbers}; write each once, without a gap")
    for year in years:
        for day in (*year.working, *(day for days in year.off.values() for day in days)):
            if day.year != year.year:
                raise ConfigError(f"the calendar has {day} among the days of {year.year}; move it to its own year")
    off = {day: kind for year in years for kind, days in year.off.items() for day in days}
    working = {day for year in years for day in year.working}
    for change in sorted(file.amended, key=lambda amended: amended.published):
        if as_of is not None and change.published > as_of:
            continue
        for day in change.no_longer_off:
            off.pop(day, None)
        working = working.difference(change.no_longer_working).union(change.working)
        off |= {day: kind for kind, days in change.off.items() for day in days}
    if both := sorted(working & off.keys()):
        raise ConfigError(f"the calendar has {both[0]} both as a day off and as one on which people work")
    if week := sorted(day for day in working if day.weekday() < _SATURDAY):
        raise ConfigError(f"the calendar has {week[0]} among the weekend days of work, and it is none")
    first, last = date(numbers[0], 1, 1).toordinal(), date(numbers[-1], 12, 31).toordinal()
    days = tuple(at for at in range(first, last + 1) if _works(date.fromordinal(at), off=off.keys(), working=working))
    version = f"{file.name} {file.version} ({digest[:_DIGEST]})" + (f" as of {as_of}" if as_of else "")
    return Calendar(version, days, first, last, off, {year.year: year.assumed for year in years if year.assumed})


def _works(day: date, *, off: Iterable[date], working: Iterable[date]) -> bool:
    return day in working or (day.weekday() < _SATURDAY and day not in off)


def load_calendar(path: Path | None = None, as_of: date | None = None) -> Calendar:
    """Load a calendar, by default the one that ships; raise ConfigError with the position of an error."""
    raw = raw_of(path, "calendar.toml")
    with named(path):
        return made(read(CalendarFile, raw, path), hashlib.sha256(raw).hexdigest(), as_of)


def raw_of(path: Path | None, shipped: str) -> bytes:
    if path is None:
        return (files("appealbus.plugins.terms") / "data" / shipped).read_bytes()
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


@contextmanager
def named(path: Path | None) -> Iterator[None]:
    """Add the file's name to errors about its content."""
    name = str(path or _SHIPPED)
    try:
        yield
    except ConfigError as error:
        text = str(error)
        raise (error if text.startswith(name) else ConfigError(f"{name}: {text}")) from None


def read(model: type[Any], raw: bytes, path: Path | None) -> Any:
    """Parse a TOML file into a model; raise ConfigError with file, line or key."""
    name = path or _SHIPPED
    try:
        return model.model_validate(tomllib.loads(raw.decode()))
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is no TOML: {error}") from None
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ConfigError(*lines) from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{name} has a number or a nesting that nobody needs; write values as they are") from None


def days_between(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


__all__ = ["Calendar", "CalendarFile", "UnknownYear", "days_between", "load_calendar", "made"]
