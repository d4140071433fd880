"""Terms of random days against a plain count: a loop over days, with the calendar of the package `holidays`."""

import random
from datetime import date, datetime, timedelta

import holidays
import pytest

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.terms.clock import due_on
from tests.plugins.terms.making import LAW, told
from tests.services.forms import form

CALENDAR = holidays.country_holidays("KZ", years=range(2021, 2029))
WORKING = {"application": 15, "report": 15, "complaint": 20, "media_inquiry": 7, "bailiff_inquiry": 3}
BY_THE_CALENDAR = {"information_inquiry": 15, "rehabilitation_application": 90}


def next_working(day: date) -> date:
    while not CALENDAR.is_working_day(day):
        day += timedelta(days=1)
    return day


def counted(arrived: datetime, kind: str) -> date:
    """Count day after day, as one would on paper."""
    late = (arrived.hour, arrived.minute) >= (18, 30)
    day = next_working(arrived.date() + timedelta(days=late))
    day += timedelta(days=day.year >= 2026)
    if kind in BY_THE_CALENDAR:
        return next_working(day + timedelta(days=BY_THE_CALENDAR[kind] - 1))
    left = WORKING[kind]
    while True:
        left -= CALENDAR.is_working_day(day)
        if not left:
            return day
        day += timedelta(days=1)


@pytest.mark.proof
@pytest.mark.parametrize("kind", [*WORKING, *BY_THE_CALENDAR])
def test_a_plain_count_says_the_same(kind: str) -> None:
    """Of any minute from 2022 to the autumn of 2027."""
    chance = random.Random(kind)  # a seed, so that a failure can be looked at again
    for _ in range(form(100, 5000)):
        arrived = datetime(2022, 1, 10, tzinfo=KAZAKHSTAN) + timedelta(minutes=chance.randrange(60 * 24 * 2070))
        assert due_on(told(arrived=arrived, kind=kind), LAW) == counted(arrived, kind), arrived
