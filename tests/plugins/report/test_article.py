"""The article's own table: zhaikpress.kz, 17.05.2021, appeals in the West Kazakhstan region since 1 January 2021."""

from datetime import date

import pytest

from appealbus.core.language import Reader, ReaderLanguage
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.row import ReportSpan, Table
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from tests.plugins.report.making import BODIES, event, filled, letter
from tests.plugins.report.plain import Letter

SPAN, TODAY = ReportSpan(date(2021, 1, 1), date(2021, 5, 16)), date(2021, 5, 17)
OURS, ELSEWHERE = BODIES[0], BODIES[1]
REGISTERED, LOCAL, LAND = 25_660, 16_785, 4_835
"""Of a register of so many, cut shares of 65.4 and 28.8 leave 16,782 to 16,788 on local bodies."""
RESULTS = {"satisfied": 6_710, "refused": 501, "explained": 12_419, "terminated": 163}
REDIRECTED, REPEATS, REPEATS_BEFORE = 2_357, 1_870, 2_501
FIGURES = {
    Column.LOCAL: (16_785, "65.4"),
    Column.LAND: (4_835, "28.8"),
    Column.CONSIDERED: (19_793, "77.1"),
    Column.SATISFIED: (6_710, "33.9"),
    Column.REFUSED: (501, "2.5"),
    Column.EXPLAINED: (12_419, "62.7"),
    Column.OTHER: (163, "0.8"),
    Column.REDIRECTED: (2_357, "9.1"),
    Column.OPEN: (3_510, "13.6"),
    Column.REPEATS_CHANGE: (None, "-25.2"),
}


def register() -> list[Letter]:
    day, before = date(2021, 3, 1), date(2020, 3, 2)
    ends = [[event(day, "answered", result)] for result, number in RESULTS.items() for _ in range(number)]
    ends += [[event(day, "redirected")]] * REDIRECTED
    ends += [[]] * (REGISTERED - len(ends))
    now = [
        letter(
            day,
            events=events,
            body=OURS if at % REGISTERED < LOCAL else ELSEWHERE,
            code="10" if at < LAND else "20",
            repeat=at < REPEATS,
        )
        for at, events in enumerate(ends)
    ]
    return now + [letter(before, repeat=True) for _ in range(REPEATS_BEFORE)]


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table(filled(register()), ReportSettings(), SPAN, By.BODY, TODAY)


def test_the_articles_figures_are_printed(table: Table) -> None:
    """25,660 synthetic appeals give each figure of the article, with its denominator, cut after one decimal."""
    total = table.total
    assert total.count(Column.REGISTERED) == REGISTERED
    assert {each: (total.count(each), total.share(each, rounds=False)) for each in FIGURES} == FIGURES


def test_people_read_them_so(table: Table) -> None:
    """The text says 25 thousand and the shares; in Russian with a comma."""
    english = "\n".join(Teller(table, Reader(), rounds=False, public=False).lines())
    russian = "\n".join(Teller(table, Reader(ReaderLanguage.RUSSIAN), rounds=False, public=False).lines())
    assert "registered: 25 thousand\n" in english
    assert "зарегистрировано: 25 тысяч\n" in russian
    for _, share in FIGURES.values():
        assert f"{share} %" in english
        assert f"{share.replace('.', ',')} %" in russian


def test_rounding_gives_others(table: Table) -> None:
    """Rounded, this register gives another share of the redirected than the article, and of what it does not tell."""
    total = table.total
    others = {each: total.share(each, rounds=True) for each in FIGURES}
    others = {each: share for each, share in others.items() if share != FIGURES[each][1]}
    assert others == {Column.REDIRECTED: "9.2", Column.OPEN: "13.7"}


def test_rows_add_up(table: Table) -> None:
    """The rows of bodies add up to the total in every column that is a number of appeals."""
    counted = [each for each in Column if each.value[:4] != "days" and each is not Column.REPEATS_CHANGE]
    assert len(table.rows) == 2
    for column in counted:
        assert sum(row.count(column) or 0 for row in table.rows) == table.total.count(column)
