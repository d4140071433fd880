"""The table: counts by row, their sums, and shares of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.words import By, Column

_DISTRICT = 4
"""Digits of КАТО that name a district."""
_KEYS = {
    By.BODY: ("body", "max(body_name)"),
    By.DISTRICT: (f"substr(place, 1, {_DISTRICT})", "''"),
    By.CATEGORY: ("category", "max(category_name)"),
    By.PERIOD: ("substr(day, 1, 7)", "''"),
}
_COUNTED = {
    Column.REGISTERED: "1",
    Column.LOCAL: "is_local(body, body_name)",
    Column.LAND: "is_land(category) AND is_local(body, body_name)",
    Column.CONSIDERED: "state = 'considered'",
    Column.SATISFIED: "result IN ('satisfied', 'partly_satisfied')",
    Column.REFUSED: "result = 'refused'",
    Column.EXPLAINED: "result = 'explained'",
    Column.REDIRECTED: "state = 'redirected'",
    Column.OPEN: "state = 'open'",
    Column.OVERDUE: "state = 'open' AND due IS NOT NULL AND due < :today",
    Column.REPEATS: "repeat",
    Column.REDIRECTED_CONSIDERED: "state = 'considered' AND sent_on",
    Column.LATE: "late",
    Column.LAST_TWO_DAYS: "last_two_days",
    Column.EXTENDED: "extended",
    Column.REVERSED: "reversed",
}
_OF = {
    Column.LAND: Column.LOCAL,
    Column.OVERDUE: Column.OPEN,
    **dict.fromkeys(
        (
            Column.SATISFIED,
            Column.REFUSED,
            Column.EXPLAINED,
            Column.OTHER,
            Column.REDIRECTED_CONSIDERED,
            Column.LATE,
            Column.LAST_TWO_DAYS,
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
        ),
        Column.REGISTERED,
    ),
}
"""Of what each share is."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which appeals: registered from a day up to another one, in places whose КАТО begins so."""

    since: date
    until: date
    place: str = ""

    def year_before(self) -> "Span":
        """Return the same days of the year before; of 29 February the day before."""
        return Span(_year_before(self.since), _year_before(self.until), self.place)


@dataclass(slots=True)
class Row:
    """The figures of one row."""

    key: str
    label: str = ""
    counts: Counter[Column] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    """How many were answered in so many days."""
    hidden: frozenset[Column] = frozenset()
    """What may not be told."""

    def count(self, column: Column) -> int | None:
        """Return a count, or a number of days; None where there is none, or it may not be told."""
        if column in self.hidden:
            return None
        match column:
            case Column.OTHER:
                told = (Column.SATISFIED, Column.REFUSED, Column.EXPLAINED)
                return self.counts[Column.CONSIDERED] - sum(self.counts[each] for each in told)
            case Column.REPEATS_CHANGE:
                return None
            case Column.DAYS_MEDIAN:
                return _quantile(self.days, 5)
            case Column.DAYS_P90:
                return _quantile(self.days, 9)
            case _:
                return self.counts[column]

    def share(self, column: Column, *, rounds: bool) -> str | None:
        """Return a share in percent; None where the column has none, or it may not be told."""
        if column is Column.REPEATS_CHANGE:
            now, before = self.count(Column.REPEATS), self.count(Column.REPEATS_BEFORE)
            told = now is not None and before
            return percent((now or 0) - (before or 0), before or 0, rounds=rounds) if told else None
        of = self.count(_OF[column]) if column in _OF else None
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


def percent(part: int, of: int, *, rounds: bool) -> str:
    """Return a share in percent with one decimal, cut towards zero, or rounded half away from it."""
    tenths = (2000 * abs(part) + of) // (2 * of) if rounds else 1000 * abs(part) // of
    return f"{'-' if part < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"


def make_table(store: Store, settings: ReportSettings, span: Span, by: By, today: date) -> Table:
    """Count a table; every appeal is in one row, and the last row is the sum of them."""
    _teach(store, settings)
    rows: dict[str, Row] = {}
    key, label = _KEYS[by]
    sums = ", ".join(f"sum({each})" for each in _COUNTED.values()).replace(":today", f"'{today.isoformat()}'")
    for name, called, days, *sums_of in _select(store, span, f"{key}, {label}, days, {sums}", f"{key}, days"):
        row = rows.setdefault(name, Row(name))
        row.label = max(row.label, called)
        counts = dict(zip(_COUNTED, map(int, sums_of), strict=True))
        row.counts.update(counts)
        if days is not None:
            row.days[days] += counts[Column.REGISTERED]
    for name, called, number in _select(store, span.year_before(), f"{key}, {label}, count(*)", key, "AND repeat"):
        now = f"{int(name[:4]) + 1:04d}{name[4:]}" if by is By.PERIOD else name
        rows.setdefault(now, Row(now, called)).counts[Column.REPEATS_BEFORE] = number
    ordered = sorted(rows.values(), key=lambda each: (not each.key, each.key))
    return Table(by, span, today, tuple(ordered), summed(ordered))


def summed(rows: list[Row]) -> Row:
    """Return the sum of rows."""
    total = Row("")
    for each in rows:
        total.counts.update(each.counts)
        total.days.update(each.days)
    return total


def _select(store: Store, span: Span, what: str, by: str, also: str = "") -> list[Any]:
    """Return what is asked of the appeals of a span; the texts are the program's own."""
    where = f"day BETWEEN ? AND ? AND substr(place, 1, ?) = ? {also}"
    values = (span.since.isoformat(), span.until.isoformat(), len(span.place), span.place)
    return store.select(f"SELECT {what} FROM fact WHERE {where} GROUP BY {by}", values)  # noqa: S608


def _teach(store: Store, settings: ReportSettings) -> None:
    words = [each.casefold() for each in settings.local_words if each]
    bins = frozenset(settings.local_bins)
    codes, below = frozenset(settings.land_codes), tuple(f"{each}." for each in settings.land_codes)
    known: dict[tuple[str, str], bool] = {}

    def is_local(body: str, name: str) -> bool:
        if (body, name) not in known:
            known[body, name] = body in bins or any(word in name.casefold() for word in words)
        return known[body, name]

    store.function("is_local", 2, is_local)
    store.function("is_land", 1, lambda code: code in codes or code.startswith(below))


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
