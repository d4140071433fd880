"""The appeals behind each number: as many as it says, each once, page by page."""

from datetime import date
from random import Random

import pytest

from appealbus.core.language import ReaderLanguage
from appealbus.plugins.report import listing
from appealbus.plugins.report import table as tables
from appealbus.plugins.report.asking import Ask
from appealbus.plugins.report.listing import LISTED, Cell, list_cell, row_mark
from appealbus.plugins.report.row import ReportSpan
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from tests.plugins.report.making import MARK, filled, letter, random_register

SETTINGS = ReportSettings(minutes_by_hand=7.5)
SPANS = (
    ReportSpan(date(2026, 1, 1), date(2026, 9, 30)),
    ReportSpan(date(2026, 1, 1), date(2026, 12, 31), "275", ("270000000",)),
)
TODAY = date(2026, 8, 1)


def of_cell(store: Store, ask: Ask, row: str, column: Column) -> list[int]:
    """Return the ids of all pages; each says the same number, and who they are of."""
    found: list[int] = []
    before, count = 0, None
    while before is not None:
        told = list_cell(store, SETTINGS, Cell(ask, ReaderLanguage.ENGLISH, row, column, before), MARK)
        assert told is not None
        assert told["count"] == (told["count"] if count is None else count)
        found, before, count = found + told["ids"], told["next"], told["count"]
    assert len(found) == len({*found}) == count
    assert found == sorted(found, reverse=True)
    return found


@pytest.mark.parametrize("by", [*By])
def test_each_number_has_as_many_appeals(by: By, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every row and every column that counts appeals, and those of all rows together are those of the total."""
    monkeypatch.setattr(listing, "PAGE", 7)
    store = filled(random_register(Random(by.value), 200))
    for span in SPANS:
        ask = Ask(span, by, TODAY, public=False)
        table = make_table(store, SETTINGS, span, by, TODAY)
        for column in LISTED:
            total: list[int] = []
            for row in table.rows:
                mine = of_cell(store, ask, row_mark(MARK, row.key), column)
                assert len(mine) == row.count(column), (row.key, column)
                total += mine
            assert sorted(total, reverse=True) == of_cell(store, ask, "", column)
            assert total or column is not Column.REGISTERED


def test_what_is_beside_the_largest_is_a_row_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest rows stand together, and their appeals are listed together; what is no row is none."""
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    days = [date(2026, 3, 1)] * 9 + [date(2025, 3, 1)] * 2
    bodies = ["А"] * 4 + ["Б"] * 2 + ["В", "Г", "Д", "Б", "Ё"]
    store = filled(letter(day, body=body, repeat=True) for day, body in zip(days, bodies, strict=True))
    ask = Ask(SPANS[0], By.BODY, TODAY, public=False)
    table = make_table(store, SETTINGS, SPANS[0], By.BODY, TODAY)
    for column in (Column.REGISTERED, Column.REPEATS_BEFORE):
        told = [len(of_cell(store, ask, row_mark(MARK, row.key), column)) for row in table.rows]
        assert told == [row.count(column) for row in table.rows]
        assert sum(told) > 1
    nobody = Cell(ask, ReaderLanguage.ENGLISH, row_mark(MARK, "в"), Column.REGISTERED)
    assert list_cell(store, SETTINGS, nobody, MARK) is None
    assert row_mark(MARK, "иванов") not in (row_mark(MARK, "петров"), "иванов")


def test_all_columns_but_four_count_appeals() -> None:
    """Hours, days and a change lead to no list."""
    others = {Column.HOURS_SAVED, Column.REPEATS_CHANGE, Column.DAYS_MEDIAN, Column.DAYS_P90}
    assert {*Column} - others == LISTED
