"""Builds the table: counts by row, totals and shares."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from appealbus.plugins.report.fact import DISTRICT
from appealbus.plugins.report.row import ReportSpan, Row, Table, summed
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.words import By, Column

KEYS = {
    By.BODY: ("body", "max(body_name)"),
    By.DISTRICT: (f"substr(place, 1, {DISTRICT})", "''"),
    By.CATEGORY: ("category", "max(category_name)"),
    By.PERIOD: ("substr(day, 1, 7)", "''"),
}
AFTER = 60
"""Days without a further appeal in the matter after which an answer counts as final."""
_SETTLED = f"known AND answered IS NOT NULL AND date(answered, '+{AFTER} days') < :today"
_AGAIN = f"""
WITH again AS (SELECT fact.appeal_id FROM (SELECT mark FROM matter GROUP BY mark HAVING count(*) > 1) AS many
    JOIN matter USING (mark) JOIN fact ON fact.appeal_id = matter.appeal_id WHERE fact.answered IS NOT NULL
    AND EXISTS (SELECT 1 FROM matter AS later WHERE later.mark = matter.mark AND later.appeal_id <> fact.appeal_id
        AND later.day > fact.answered AND later.day <= date(fact.answered, '+{AFTER} days')))
"""  # noqa: S608 - a number of ours
MOST_ROWS = 2000
"""Maximum number of rows: senders can invent names of bodies, so the smallest rows are merged."""
OTHERS = "… others"
"""Key of the merged row."""
COUNTED = {
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
    Column.REVIEWED: "reviewed",
    Column.COMPLETE_BEFORE: "complete_before",
    Column.HOURS_SAVED: "waited + records * :by_hand",
    Column.SETTLED: _SETTLED,
    Column.FIRST_RIGHT: f"({_SETTLED}) AND appeal_id NOT IN again",
}
"""SQL condition of each counted column; for *hours saved*, the seconds."""


def make_table(store: Store, settings: ReportSettings, span: ReportSpan, by: By, today: date) -> Table:
    """Build a table; every appeal is in one row, and the last row is the total."""
    counting = Counting(store, settings, span, by, today)
    rows: dict[str, Row] = {}
    key, label = counting.folded().key, KEYS[by][1]
    sums = ", ".join(f"sum({counting.of(column)})" for column in COUNTED)
    for name, called, days, *sums_of in counting.select(span, f"{key}, {label}, days, {sums}", "GROUP BY 1, days"):
        row = rows.setdefault(name, Row(name))
        row.label = max(row.label, called)
        counts = dict(zip(COUNTED, map(int, sums_of), strict=True))
        row.counts.update(counts)
        if days is not None:
            row.days[days] += counts[Column.REGISTERED]
    repeated = counting.select(span.year_before(), f"{key}, {label}, count(*)", "AND repeat GROUP BY 1")
    for name, called, number in repeated:
        now = shifted(name, by, 1)
        rows.setdefault(now, Row(now, called)).counts[Column.REPEATS_BEFORE] = number
    if by is By.DISTRICT:
        for code, *names in store.select("SELECT code, ru, kk FROM district"):
            if code in rows:
                rows[code].names = tuple(names)
    ordered = sorted(rows.values(), key=lambda line: (not line.key, line.key == OTHERS, line.key))
    return Table(by, span, today, tuple(ordered), summed(ordered), settings.minutes_by_hand)


def shifted(key: str, by: By, years: int) -> str:
    """Shift a month by years; other keys are unchanged."""
    return f"{int(key[:4]) + years:04d}{key[4:]}" if by is By.PERIOD else key


@dataclass(frozen=True, slots=True)
class Folded:
    """SQL key of a row, and its values; beyond the limit the smallest rows share one key."""

    key: str
    keys: tuple[str, ...]


class Counting:
    def __init__(self, store: Store, settings: ReportSettings, span: ReportSpan, by: By, today: date) -> None:
        self._store, self._span, self._by = store, span, by
        self._values = {":today": f"'{today.isoformat()}'", ":by_hand": str(round(60 * settings.minutes_by_hand))}
        _teach(store, settings, span)

    def of(self, column: Column) -> str:
        text = COUNTED[column]
        for name, value in self._values.items():
            text = text.replace(name, value)
        return text

    def folded(self) -> Folded:
        key = KEYS[self._by][0]
        largest = self.select(self._span, key, f"GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {MOST_ROWS + 1}")
        if len(largest) <= MOST_ROWS:
            return Folded(key, tuple(row[0] for row in largest))
        kept = {row[0] for row in largest[:-1]}
        self._store.function("row_of", 1, lambda name: name if name in kept else OTHERS)
        return Folded(f"row_of({key})", (*kept, OTHERS))

    def select(self, span: ReportSpan, what: str, rest: str, *more: object) -> list[Any]:
        """Run a query over a span; the SQL parts must be constants of the program."""
        where = "day BETWEEN ? AND ? AND substr(place, 1, ?) = ?"
        if span.places or span.kinds:
            where += " AND is_seen(place, kind)"
        values = (span.since.isoformat(), span.until.isoformat(), len(span.place), span.place, *more)
        return self._store.select(f"{_AGAIN} SELECT {what} FROM fact WHERE {where} {rest}", values)  # noqa: S608


def _teach(store: Store, settings: ReportSettings, span: ReportSpan) -> None:
    words = [word.casefold() for word in settings.local_words if word]
    bins = frozenset(settings.local_bins)
    codes, below = frozenset(settings.land_codes), tuple(f"{code}." for code in settings.land_codes)
    known: dict[tuple[str, str], bool] = {}

    def is_local(body: str, name: str) -> bool:
        if (body, name) not in known:
            known[body, name] = body in bins or any(word in name.casefold() for word in words)
        return known[body, name]

    store.function("is_seen", 2, span.is_seen)
    store.function("is_local", 2, is_local)
    store.function("is_land", 1, lambda code: code in codes or code.startswith(below))
