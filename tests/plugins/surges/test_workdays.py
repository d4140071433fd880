"""Weeks as they pass, by the calendar of terms where it is known."""

from datetime import date, datetime, timedelta

import pytest

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.config.loading import from_document
from appealbus.core.loading.parts import load_plugins
from appealbus.plugins.surges.workdays import FIVE_DAYS, Workdays, workdays

MONDAY = date(2026, 11, 23)
BEGINS = datetime(2026, 11, 23, tzinfo=KAZAKHSTAN)


def nobody(_day: date) -> None:
    """Know no calendar."""


@pytest.mark.parametrize(
    ("hours", "share"),
    [
        (-1, 0.0),
        (0, 0.0),
        (9, 0.0),
        (13.5, 0.1),
        (18, 0.2),
        (24, 0.2),
        (24 * 4 + 18, 1.0),
        (24 * 6, 1.0),
        (24 * 9, 1.0),
    ],
)
def test_a_week_passes_in_working_time(hours: float, share: float) -> None:
    """Five working days from nine to six are a week; nights and the weekend add nothing."""
    week = workdays(MONDAY, nobody)
    assert week.by == FIVE_DAYS
    assert week.passed(BEGINS + timedelta(hours=hours)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("hours", "closed"), [(17.9, None), (18, 0), (24 + 17, 0), (24 * 4 + 17.9, 3), (24 * 6 + 20, 4), (24 * 9, 4)]
)
def test_a_day_is_over_after_working_hours(hours: float, closed: int | None) -> None:
    """Until six of Monday none is; on Sunday it is Friday."""
    week = workdays(MONDAY, nobody)
    day = week.closed(BEGINS + timedelta(hours=hours))
    assert day == (None if closed is None else MONDAY + timedelta(days=closed))
    assert day is None or week.through(day) == pytest.approx(((closed or 0) + 1) / 5)


def test_the_calendar_of_terms_says_which_days_are_off() -> None:
    """The week of Nauryz 2026 has two working days, and the year that nobody has published five; it is said which."""
    host = load_plugins(from_document({}, None))
    nauryz = workdays(date(2026, 3, 23), host.counting.works_on)
    assert (nauryz.by, [day.day for day in nauryz.days]) == ("law", [26, 27])
    assert nauryz.through(date(2026, 3, 26)) == 0.5
    assert nauryz.closed(datetime(2026, 3, 25, 20, tzinfo=KAZAKHSTAN)) is None
    assert workdays(date(2126, 3, 25), host.counting.works_on).by == FIVE_DAYS


def test_a_week_without_any_working_day_never_passes() -> None:
    """Until it has ended."""
    week = Workdays(MONDAY, ())
    assert (week.passed(BEGINS + timedelta(days=5)), week.closed(BEGINS + timedelta(days=5))) == (0.0, None)
    assert week.passed(BEGINS + timedelta(days=7)) == 1.0
