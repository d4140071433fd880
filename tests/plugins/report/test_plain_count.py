"""Tables against a plain count of the same registers, by another hand than the plugin."""

from collections.abc import Callable
from datetime import date
from random import Random

import pytest

from appealbus.plugins.report.row import ReportSpan, Row, percent
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from tests.plugins.report.making import BODIES, event, filled, letter, random_register
from tests.plugins.report.plain import Letter, count

SETTINGS = ReportSettings(minutes_by_hand=7.5)
SPAN, TODAY = ReportSpan(date(2026, 1, 1), date(2026, 9, 30)), date(2026, 8, 1)
KEYS = {
    By.BODY: lambda plain: plain["body"].casefold(),
    By.DISTRICT: lambda plain: plain["kato"][:4],
    By.CATEGORY: lambda plain: plain["code"],
}


def figures(row: Row) -> dict[str, int | None]:
    """Return what a row tells, as the plain count does."""
    return {each.value: row.count(each) for each in Column if each is not Column.REPEATS_CHANGE}


def plain(register: list[Letter], within: Callable[[Letter], bool] = lambda _: True) -> dict[str, int | None]:
    return count(register, (SPAN.since, SPAN.until), TODAY, within, SETTINGS.minutes_by_hand)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_register_is_counted_as_by_hand(seed: int) -> None:
    """Every row by body, district and category, and the total, say what a plain count says."""
    register = random_register(Random(seed), 200)
    store = filled(register)
    for by, key in KEYS.items():
        table = make_table(store, SETTINGS, SPAN, by, TODAY)
        assert figures(table.total) == plain(register)
        rows = {each.key: figures(each) for each in table.rows}
        for name in {key(each) for each in register}:
            counted = plain(register, lambda each, key=key, name=name: key(each) == name)
            assert rows.pop(name, counted) == counted
        assert rows == {}


@pytest.mark.parametrize("seed", range(20))
def test_months_are_counted_as_by_hand(seed: int) -> None:
    """A row of a month counts what was registered in it, and repeats of that month a year before."""
    register = random_register(Random(seed), 200)
    table = make_table(filled(register), SETTINGS, SPAN, By.PERIOD, TODAY)
    assert [each.key for each in table.rows] == [f"2026-{month:02d}" for month in range(1, 10)]
    for row in table.rows:
        months = (row.key, f"2025{row.key[4:]}")
        assert figures(row) == plain(register, lambda each, months=months: f"{each['on']:%Y-%m}" in months)


@pytest.mark.parametrize("seed", range(20))
def test_where_appeals_stand_adds_up(seed: int) -> None:
    """Considered, redirected and open are the registered; satisfied, refused, explained and other the considered."""
    table = make_table(filled(random_register(Random(seed), 200)), SETTINGS, SPAN, By.BODY, TODAY)
    for row in (*table.rows, table.total):
        told = figures(row)
        assert told["registered"] == sum(told[each] or 0 for each in ("considered", "redirected", "open"))
        assert told["considered"] == sum(told[each] or 0 for each in ("satisfied", "refused", "explained", "other"))


@pytest.mark.parametrize(
    ("part", "of", "cut", "rounded"),
    [(2, 3, "66.6", "66.7"), (-2, 3, "-66.6", "-66.7"), (1, 2000, "0.0", "0.1"), (-1, 3000, "0.0", "0.0")],
)
def test_shares(part: int, of: int, cut: str, rounded: str) -> None:
    """Shares are cut towards zero, or rounded half away from it, in whole numbers."""
    assert (percent(part, of, rounds=False), percent(part, of, rounds=True)) == (cut, rounded)


def test_a_leap_day_has_a_year_before() -> None:
    """Of 29 February the year before has the 28th."""
    assert ReportSpan(date(2024, 2, 29), date(2024, 2, 29)).year_before() == ReportSpan(
        date(2023, 2, 28), date(2023, 2, 28)
    )


@pytest.mark.parametrize("kinds", [["registered", "redirected"], ["redirected", "registered"]])
def test_a_redirect_is_one_in_whatever_order_a_day_is_told(kinds: list[str]) -> None:
    """Where the body that it goes to registers it on the same day, before or after."""
    day = date(2026, 3, 2)
    store = filled([letter(day, events=[event(day, kind, to=BODIES[1]) for kind in kinds])])
    assert figures(make_table(store, SETTINGS, SPAN, By.BODY, TODAY).total)["redirected"] == 1
