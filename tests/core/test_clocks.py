"""The country's day: where it begins, whatever the machine's zone."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from appealbus.core.clocks import day_of


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 27, 18, 59, 59, tzinfo=UTC), date(2026, 11, 27)),
        (datetime(2026, 11, 27, 19, tzinfo=UTC), date(2026, 11, 28)),
        (datetime(2026, 12, 31, 10, tzinfo=timezone(timedelta(hours=-10))), date(2027, 1, 1)),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), date.min),
        (datetime.max.replace(tzinfo=UTC), date.max),
    ],
)
def test_a_day_begins_at_midnight_of_the_country(moment, day):
    """Moments that no other zone can tell keep the day that they are written with."""
    assert day_of(moment) == day
