"""The calendar of working days."""

from datetime import date, timedelta
from pathlib import Path

import holidays
import pytest

from appealbus.core import ConfigError
from appealbus.plugins.terms.calendar import UnknownYear, load_calendar, raw_of
from appealbus.plugins.terms.words import DayKind

YEARS = range(2022, 2028)


@pytest.mark.parametrize("year", YEARS)
def test_each_day_is_as_another_hand_has_it(year: int) -> None:
    """The package `holidays`, made by others from other sources, says the same of every day."""
    ours, theirs = load_calendar(), holidays.country_holidays("KZ", years=year)
    day, other = date(year, 1, 1), []
    while day.year == year:
        if ours.is_working(day) != theirs.is_working_day(day):
            other.append(day)
        day += timedelta(days=1)
    assert other == []


@pytest.mark.parametrize(
    ("year", "days"), [(2022, 246), (2023, 246), (2024, 249), (2025, 246), (2026, 247), (2027, 247)]
)
def test_a_year_has_so_many_working_days(year: int, days: int) -> None:
    """As published: 248 of 2024 before a day was taken back, 246 and 247 of 2025 and 2026."""
    assert load_calendar().count(date(year, 1, 1), date(year, 12, 31)) == days


@pytest.mark.parametrize(
    ("published", "day", "count"),
    [(date(2024, 6, 7), date(2024, 6, 17), 248), (date(2026, 3, 18), date(2026, 8, 31), 246)],
)
def test_a_day_that_was_taken_back_is_off_until_that_is_published(published: date, day: date, count: int) -> None:
    """As the calendar was known the day before, terms over it end a working day later."""
    before, after = load_calendar(as_of=published - timedelta(days=1)), load_calendar(as_of=published)
    assert (before.is_working(day), after.is_working(day)) == (False, True)
    assert before.count(date(day.year, 1, 1), date(day.year, 12, 31)) == count
    assert before.version != after.version
    first = day - timedelta(days=4)
    assert before.nth(first, 15) > after.nth(first, 15)


def test_a_day_of_an_unknown_year_is_an_error() -> None:
    """Never Saturday and Sunday: whoever asks is told which year is to be added."""
    calendar = load_calendar()
    for ask in (
        lambda: calendar.is_working(date(2028, 1, 3)),
        lambda: calendar.nth(date(2027, 12, 20), 15),
        lambda: calendar.before(date(2022, 1, 6), 5),
        lambda: calendar.count(date(2021, 12, 1), date(2022, 2, 1)),
        lambda: calendar.next_working(date(2021, 12, 31)),
    ):
        with pytest.raises(UnknownYear, match="add its days off"):
            ask()


def test_a_day_says_why_it_is_off() -> None:
    """A holiday, a weekend, or a day that was moved; and a Saturday on which people work counts."""
    calendar = load_calendar()
    assert calendar.kind(date(2026, 3, 23)) is DayKind.NAURYZ
    assert calendar.kind(date(2026, 3, 28)) is DayKind.WEEKEND
    assert calendar.kind(date(2024, 5, 8)) is DayKind.MOVED
    assert calendar.kind(date(2024, 5, 4)) is DayKind.COUNTED


def test_what_nobody_has_published_is_told() -> None:
    """The calendar of 2027 follows from the law alone; those before were published."""
    calendar = load_calendar()
    assert calendar.assumptions(date(2026, 1, 1), date(2026, 12, 31)) == []
    assert len(calendar.assumptions(date(2026, 12, 31), date(2027, 1, 10))) == 1


SHIPPED = raw_of(None, "calendar.toml").decode()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("year = 2024", "year = 2030", "without a gap"),
        ("kurban_ait = [2026-05-27]", "kurban_ait = [2025-05-27]", "move it to its own year"),
        ("working = [2024-05-04]", "working = [2024-05-03]", "it is none"),
        ("working = [2024-05-04]", "working = [2024-07-06]", "both as a day off"),
        ("kurban_ait = [2026-05-27]", "kurban = [2026-05-27]", "years.4.off.kurban"),
        ("kurban_ait = [2026-05-27]", "kurban_ait = [2026-05-40]", "no TOML"),
        ('version = "2026-11"', "", "version"),
    ],
)
def test_a_calendar_that_cannot_be_right_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """With the file or the day, and what to do."""
    assert old in SHIPPED
    path = tmp_path / "calendar.toml"
    path.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        load_calendar(path)


def test_a_calendar_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        load_calendar(tmp_path / "none.toml")


def test_a_year_is_unknown_until_it_is_published() -> None:
    """The calendar of 2026 was published on 2 January of it: before, nobody could count in it, or behind it."""
    before, after = load_calendar(as_of=date(2026, 1, 1)), load_calendar(as_of=date(2026, 1, 2))
    assert [date.fromordinal(each.last).year for each in (before, after)] == [2025, 2027]
