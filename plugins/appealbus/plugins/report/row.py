"""What a table is made of: spans, rows, and shares of their counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from appealbus.core.domain.places import within
from appealbus.plugins.report.words import By, Column

_HOUR = 3600
SHARE_OF = {
    Column.LAND: Column.LOCAL,
    Column.OVERDUE: Column.OPEN,
    Column.COMPLETE_BEFORE: Column.REVIEWED,
    Column.FIRST_RIGHT: Column.SETTLED,
    **dict.fromkeys(
        (
            Column.SATISFIED,
            Column.REFUSED,
            Column.EXPLAINED,
            Column.OTHER,
            Column.REDIRECTED_CONSIDERED,
            Column.LATE,
            Column.LAST_TWO_DAYS,
            Column.SETTLED,
        ),
        Column.CONSIDERED,
    ),
    **dict.fromkeys(
        (
            Column.LOCAL,
            Column.CONSIDERED,
            Column.REDIRECTED,
            Column.OPEN,
            Column.REPEATS,
            Column.EXTENDED,
            Column.REVERSED,
            Column.REVIEWED,
        ),
        Column.REGISTERED,
    ),
}
"""Of what each share is."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which appeals: registered from a day up to another one, in places whose КАТО begins so.

    Attributes:
        since: the first day.
        until: the last day.
        place: what КАТО begins with; empty: all.
        places: territories by КАТО in their normal form that whoever asks may see; empty: all.
        kinds: of appeals that it may see; empty: all.

    """

    since: date
    until: date
    place: str = ""
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def year_before(self) -> "Span":
        """Return the same days of the year before; of 29 February the day before."""
        return replace(self, since=_year_before(self.since), until=_year_before(self.until))

    def is_seen(self, place: str, kind: str) -> bool:
        """Say whether whoever asks may see appeals of this place and kind."""
        return (not self.kinds or kind in self.kinds) and within(self.places, place or None)


@dataclass(slots=True)
class Row:
    """The figures of one row."""

    key: str
    label: str = ""
    names: tuple[str, str] = ("", "")
    """Of a district: in Russian and in Kazakh."""
    counts: Counter[Column] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    """How many were answered in so many days."""
    hidden: frozenset[Column] = frozenset()
    """What may not be told."""

    def count(self, column: Column) -> int | None:
        """Return a count, or a number of days or hours; None where there is none, or it may not be told."""
        if column in self.hidden:
            return None
        match column:
            case Column.OTHER:
                told = (Column.SATISFIED, Column.REFUSED, Column.EXPLAINED)
                return self.counts[Column.CONSIDERED] - sum(self.counts[each] for each in told)
            case Column.REPEATS_CHANGE:
                return None
            case Column.HOURS_SAVED:
                return self.counts[column] // _HOUR
            case Column.DAYS_MEDIAN | Column.DAYS_P90:
                return _quantile(self.days, 5 if column is Column.DAYS_MEDIAN else 9)
            case _:
                return self.counts[column]

    def share(self, column: Column, *, rounds: bool) -> str | None:
        """Return a share in percent; None where the column has none, or it may not be told."""
        if column is Column.REPEATS_CHANGE:
            now, before = self.count(Column.REPEATS), self.count(Column.REPEATS_BEFORE)
            told = now is not None and before
            return percent((now or 0) - (before or 0), before or 0, rounds=rounds) if told else None
        of = self.count(SHARE_OF[column]) if column in SHARE_OF else None
        part = self.count(column)
        return percent(part, of, rounds=rounds) if part is not None and of else None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and their sum."""

    by: By
    span: Span
    today: date
    rows: tuple[Row, ...]
    total: Row
    by_hand: float = 0.0
    """Minutes that a record takes by hand."""


def percent(part: int, of: int, *, rounds: bool) -> str:
    """Return a share in percent with one decimal, cut towards zero, or rounded half away from it."""
    tenths = (2000 * abs(part) + of) // (2 * of) if rounds else 1000 * abs(part) // of
    return f"{'-' if part < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"


def summed(rows: list[Row]) -> Row:
    """Return the sum of rows."""
    total = Row("")
    for each in rows:
        total.counts.update(each.counts)
        total.days.update(each.days)
    return total


def _quantile(days: Mapping[int, int], tenths: int) -> int | None:
    """Return the fewest days within which so many tenths lie; None of nothing."""
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
