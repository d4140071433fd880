"""The country's day: where it begins, whatever the machine's zone."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

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


ROOT = Path(__file__).parents[2]
NO_DAY_OF_THE_COUNTRY = {
    # Which day it is on this machine's clock, on which a reader is told moments.
    "core/appealbus/core/cli/log_lines.py",
    "core/appealbus/core/language/reader.py",
    # What somebody has written as a day.
    "core/appealbus/core/cli/selecting.py",
    "plugins/appealbus/plugins/report/command.py",
    "plugins/appealbus/plugins/surges/series.py",
    "plugins/appealbus/plugins/terms/command.py",
    # What a contract wants as a day, of whatever zone.
    "connectors/appealbus/connectors/soap/arrival.py",
}


def test_the_day_of_a_moment_is_asked_of_the_clocks_alone():
    """`moment.date()` is the day of whatever zone the moment stands in: at night another one than the country's."""
    parts = ("core", "plugins", "connectors", "schemas", "simulator")
    product = [each for part in parts for each in (ROOT / part).rglob("*.*")]
    texts = {str(each.relative_to(ROOT)): each.read_text() for each in product if each.suffix in {".py", ".html"}}
    found = {name for name, text in texts.items() if ".date()" in text}
    assert found == NO_DAY_OF_THE_COUNTRY | {"core/appealbus/core/clocks.py"}
