"""Spans, rows, and shares of their counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from appealbus.core.management.appeals import within
from appealbus.plugins.report.words import By, Column

_HOUR = 3600
SHARE_OF = {column: Column(column.whole) for column in Column if column.whole}
"""Denominators."""


@dataclass(frozen=True, slots=True)
class ReportSpan:
    """A selection of appeals by day of registration and by КАТО.

    Attributes:
        since: first day.
        until: last day.
        place: prefix of КАТО; empty: all.
        places: normalised КАТО of the viewer's territories; empty: all.
        kinds: kinds of appeals that the viewer may see; empty: all.
    """

    since: date
    until: date
    place: str = ""
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def year_before(self) -> "ReportSpan":
        """Return the same days of the year before; 29 February becomes 28 February."""
        return replace(self, since=_year_before(self.since), until=_year_before(self.until))

    def is_seen(self, place: str, kind: str) -> bool:
        return (not self.kinds or kind in self.kinds) and within(self.places, place or None)


@dataclass(slots=True)
class Row:
    key: str
    label: str = ""
    names: tuple[str, str] = ("", "")
    """Russian and Kazakh name of a district."""
    counts: Counter[Column] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    """Number of appeals by days until the answer."""
    hidden: frozenset[Column] = frozenset()
    """Columns that must not be shown."""

    def count(self, column: Column) -> int | None:
        """Return a count, days or hours; None if absent or hidden."""
        if column in self.hidden:
            return None
        match column:
            case Column.OTHER:
                parts = (Column.SATISFIED, Column.REFUSED, Column.EXPLAINED)
                return self.counts[Column.CONSIDERED] - sum(self.counts[part] for part in parts)
            case Column.REPEATS_CHANGE:
                return None
            case Column.HOURS_SAVED:
                return self.counts[column] // _HOUR
            case Column.DAYS_MEDIAN | Column.DAYS_P90:
                return _quantile(self.days, 5 if column is Column.DAYS_MEDIAN else 9)
            case _:
                return self.counts[column]

    def share(self, column: Column, *, rounds: bool) -> str | None:
        """Return a share in percent; None if absent or hidden."""
        if column is Column.REPEATS_CHANGE:
            now, before = self.count(Column.REPEATS), self.count(Column.REPEATS_BEFORE)
            known = now is not None and before
            return percent((now or 0) - (before or 0), before or 0, rounds=rounds) if known else None
        of = self.count(SHARE_OF[column]) if column in SHARE_OF else None
        part = self.count(column)
        return percent(part, of, rounds=rounds) if part is not None and of else None


@dataclass(frozen=True, slots=True)
class Table:
    by: By
    span: ReportSpan
    today: date
    rows: tuple[Row, ...]
    total: Row
    by_hand: float = 0.0
    """Minutes that looking up a record by hand takes."""


def percent(part: int, of: int, *, rounds: bool) -> str:
    """Return a share in percent with one decimal, truncated towards zero or rounded half away from it."""
    tenths = (2000 * abs(part) + of) // (2 * of) if rounds else 1000 * abs(part) // of
    return f"{'-' if part < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"


def summed(rows: list[Row]) -> Row:
    total = Row("")
    for row in rows:
        total.counts.update(row.counts)
        total.days.update(row.days)
    return total


def _quantile(days: Mapping[int, int], tenths: int) -> int | None:
    """Return the least number of days that covers so many tenths; None without data."""
    total, seen = sum(days.values()), 0
    for day in sorted(days):
        seen += days[day]
        if 10 * seen >= tenths * total:
            return day
    return None


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
