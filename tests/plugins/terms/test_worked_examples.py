"""Forty-odd terms that were counted by hand from the law and a paper calendar, without a look at the program."""

from datetime import date

import pytest

from appealbus.plugins.terms.words import Duty
from tests.plugins.terms.making import at, change, clock, due

NEXT_DAY = [
    ("2026-01-12", "2026-02-02"), ("2026-01-09", "2026-01-30"), ("2026-03-02", "2026-03-27"),
    ("2026-03-19", "2026-04-14"), ("2026-04-22", "2026-05-18"), ("2026-04-30", "2026-05-26"),
    ("2026-07-03", "2026-07-27"), ("2026-08-25", "2026-09-15"), ("2026-10-13", "2026-11-04"),
    ("2026-11-24", "2026-12-15"), ("2026-11-27", "2026-12-21"), ("2026-12-07", "2026-12-29"),
]  # fmt: skip
"""Applications since 2026: fifteen working days from the day after registration."""
SAME_DAY = [
    ("2022-01-10", "2022-01-28"), ("2022-03-01", "2022-03-25"), ("2022-04-29", "2022-05-24"),
    ("2025-03-03", "2025-03-27"), ("2025-05-05", "2025-05-27"),
    # Over the turn of the year, and of the law.
    ("2025-12-15", "2026-01-08"),
    # Saturdays on which one worked.
    ("2022-03-05", "2022-03-31"), ("2022-08-27", "2022-09-19"),
]  # fmt: skip
"""Applications up to 2025: the day of registration is the first of them."""
COMPLAINTS = [
    ("2026-01-12", "2026-02-09"), ("2026-02-27", "2026-04-02"), ("2026-04-16", "2026-05-19"),
    ("2026-06-08", "2026-07-07"), ("2026-09-30", "2026-10-29"),
    ("2022-08-22", "2022-09-19"), ("2022-10-11", "2022-11-08"),
]  # fmt: skip
"""Twenty working days, by the rule of their year."""
INFORMATION = [
    ("2026-02-02", "2026-02-17"), ("2026-03-06", "2026-03-26"),
    ("2026-04-10", "2026-04-27"), ("2026-04-22", "2026-05-08"),
]  # fmt: skip
"""Fifteen calendar days; a last day that is off moves."""


@pytest.mark.parametrize(("arrived", "expected"), [*NEXT_DAY, *SAME_DAY])
def test_applications(arrived: str, expected: str) -> None:
    """Fifteen working days."""
    assert due(arrived=at(arrived)) == expected


@pytest.mark.parametrize(("arrived", "expected"), COMPLAINTS)
def test_complaints(arrived: str, expected: str) -> None:
    """Twenty working days."""
    assert due(arrived=at(arrived), kind="complaint") == expected


@pytest.mark.parametrize(("arrived", "expected"), INFORMATION)
def test_inquiries_for_information(arrived: str, expected: str) -> None:
    """Fifteen calendar days."""
    assert due(arrived=at(arrived), kind="information_inquiry") == expected


@pytest.mark.parametrize(
    ("arrived", "hour", "expected"),
    [
        # Friday evening before the holiday of 9 March: registered on Tuesday the 10th.
        ("2026-03-06", 19, "2026-04-03"),
        # Saturday in Nauryz: registered on Thursday the 26th.
        ("2026-03-21", 10, "2026-04-16"),
        ("2026-05-03", 10, "2026-05-28"),
    ],
)
def test_what_comes_when_nobody_works_is_registered_later(arrived: str, hour: float, expected: str) -> None:
    """On the next working day."""
    assert due(arrived=at(arrived, hour)) == expected


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        ("2026-03-06", "2026-03-12"),
        ("2026-10-15", "2026-10-20"),
        ("2026-12-25", "2026-12-30"),
        # Independence Day: registered on the 17th.
        ("2026-12-16", "2026-12-22"),
    ],
)
def test_what_is_not_ours_goes_on_within_three_days(arrived: str, expected: str) -> None:
    """Working days after registration."""
    found = clock(arrived=at(arrived), today=arrived)
    assert [each.until for each in found.milestones if each.what is Duty.REDIRECT] == [date.fromisoformat(expected)]


def test_a_hearing_comes_three_days_before_the_end() -> None:
    """Of an application that is due on 4 November."""
    found = clock(arrived=at("2026-10-13"), today="2026-10-14")
    assert [each.until for each in found.milestones if each.what is Duty.PRELIMINARY] == [date(2026, 10, 30)]


def test_an_extension_ends_two_months_after_its_decision() -> None:
    """And is told within three working days: 21 to 25 March are off."""
    longer = change("extended", "2026-03-20", due_on="2026-12-31")
    found = clock(longer, arrived=at("2026-03-02"), today="2026-03-21")
    assert found.here.term is not None
    assert found.here.term.due_on == date(2026, 5, 20)
    assert [each.until for each in found.milestones if each.what is Duty.EXTENSION_NOTICE] == [date(2026, 3, 30)]


def test_an_extension_that_ends_on_a_holiday_moves() -> None:
    """Two months after 16 October is Independence Day."""
    longer = change("extended", "2026-10-16", due_on="2026-12-31")
    assert due(longer, arrived=at("2026-10-01")) == "2026-12-17"


def test_petitions() -> None:
    """Twenty working days to a local body, forty to a central one."""
    local = {"name": "Аким", "kato": "271010000"}
    assert due(arrived=at("2026-04-01"), kind="petition", addressee=local) == "2026-04-29"
    assert due(arrived=at("2026-04-01"), kind="petition") == "2026-06-02"
