"""What `--public` hides: nobody can add up a small number from what is left."""

from collections.abc import Iterator
from datetime import date
from random import Random

import pytest

from appealbus.plugins.report.public import published
from appealbus.plugins.report.row import ReportSpan, Row, Table
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from tests.plugins.report.making import BODIES, filled, letter, random_register

SPAN, TODAY, SMALLEST = ReportSpan(date(2026, 1, 1), date(2026, 12, 31)), date(2026, 8, 1), 5
NUMBERS = [
    each
    for each in Column
    if each.value.split("_")[0] not in ("days", "hours") and each not in (Column.REPEATS_CHANGE, Column.REGISTERED)
]
PARTS = [(Column.REGISTERED, Column.LOCAL), (Column.LOCAL, Column.LAND), (Column.REGISTERED, Column.REPEATS)]
PARTS += [(Column.REGISTERED, Column.REVIEWED), (Column.REVIEWED, Column.COMPLETE_BEFORE)]
PARTS += [(Column.CONSIDERED, Column.SETTLED), (Column.SETTLED, Column.FIRST_RIGHT)]
PARTS += [(Column.OPEN, Column.OVERDUE), (Column.CONSIDERED, Column.LATE), (Column.REGISTERED, Column.EXTENDED)]


def told(table: Table, column: Column) -> tuple[list[int], int | None]:
    """Return what is shown of a column, and what the hidden rows of it together are; None: nobody knows."""
    shown = [number for row in table.rows if (number := row.count(column)) is not None]
    total = table.total.count(column)
    return shown, None if total is None else total - sum(shown)


def attacked(table: Table) -> Iterator[int]:
    """Go through the numbers that somebody can add up from a table: of rows, of the hidden ones, and of differences."""
    for column in (Column.REGISTERED, *NUMBERS):
        shown, rest = told(table, column)
        yield from shown
        yield rest or 0
    for whole, part in PARTS:
        rows = [*table.rows, table.total]
        pairs = [(row.count(whole), row.count(part)) for row in rows]
        yield from (all_ - some for all_, some in pairs if all_ is not None and some is not None)
        alike = [row for row in table.rows if row.count(part) is None]
        if table.total.count(part) is not None and all(row.counts[Column.REGISTERED] >= 0 for row in alike):
            yield sum(row.counts[whole] - row.counts[part] for row in alike)


@pytest.mark.parametrize("size", [1, 3, 8, 30, 200, 900])
@pytest.mark.parametrize("by", list(By))
def test_no_small_number_follows(size: int, by: By) -> None:
    """Over registers of any size, what is shown, what is hidden together and what is left are never 1 to 4."""
    for seed in range(5):
        store = filled(random_register(Random(seed), size))
        table = published(make_table(store, ReportSettings(), SPAN, by, TODAY), SMALLEST)
        assert [number for number in attacked(table) if 0 < number < SMALLEST] == []
        for column in NUMBERS:
            hidden = [row for row in table.rows if row.count(column) is None]
            assert len(hidden) != 1 or table.total.count(column) is None


def one_small_row() -> Table:
    """Return a table with one row of three appeals between large ones."""
    sizes = {BODIES[0]: 40, BODIES[1]: 3, BODIES[2]: 60, BODIES[3]: 30}
    register = [letter(date(2026, 3, 1), body=body) for body, size in sizes.items() for _ in range(size)]
    return make_table(filled(register), ReportSettings(), SPAN, By.BODY, TODAY)


def test_another_row_is_hidden_with_the_small_one() -> None:
    """Beside a row of three the smallest other one is hidden, the rest and the total are told."""
    table = published(one_small_row(), SMALLEST)
    shown = {row.label: row.count(Column.REGISTERED) for row in table.rows}
    assert shown == {BODIES[0]: 40, BODIES[1]: None, BODIES[2]: 60, BODIES[3]: None}
    assert table.total.count(Column.REGISTERED) == 133


def test_shares_and_days_are_hidden_with_what_they_tell() -> None:
    """A hidden row has no share, no days and no change from which a number follows."""
    row: Row = next(each for each in published(one_small_row(), SMALLEST).rows if each.label == BODIES[1])
    assert [each for each in Column if row.share(each, rounds=False) is not None] == []
    assert [each for each in Column if row.count(each) is not None] == []


def test_large_rows_are_told() -> None:
    """Where no row tells a small number, nothing is hidden."""
    register = [letter(date(2026, 3, 1), body=body) for body in BODIES for _ in range(9)]
    table = make_table(filled(register), ReportSettings(), SPAN, By.BODY, TODAY)
    assert published(table, SMALLEST) == table
