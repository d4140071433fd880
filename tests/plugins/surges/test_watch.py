"""Weeks as they pass."""

from datetime import date, datetime, timedelta

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.surges.watch import last_whole_week

MONDAY = date(2026, 11, 23)
BEGINS = datetime(2026, 11, 23, tzinfo=KAZAKHSTAN)


def test_the_last_whole_week_ends_at_midnight_in_kazakhstan() -> None:
    """A second before Monday the week before the last is the last whole one."""
    assert last_whole_week(BEGINS) == MONDAY - timedelta(weeks=1)
    assert last_whole_week(BEGINS - timedelta(seconds=1)) == MONDAY - timedelta(weeks=2)
