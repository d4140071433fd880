"""Weeks as they pass."""

from datetime import date, datetime, timedelta

import pytest

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.surges.watch import last_whole_week, passed

MONDAY = date(2026, 11, 23)
BEGINS = datetime(2026, 11, 23, tzinfo=KAZAKHSTAN)


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
    assert passed(MONDAY, BEGINS + timedelta(hours=hours)) == pytest.approx(share)


def test_the_last_whole_week_ends_at_midnight_in_kazakhstan() -> None:
    """A second before Monday the week before the last is the last whole one."""
    assert last_whole_week(BEGINS) == MONDAY - timedelta(weeks=1)
    assert last_whole_week(BEGINS - timedelta(seconds=1)) == MONDAY - timedelta(weeks=2)
