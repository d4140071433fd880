"""Weekly counts as series."""

from datetime import date

import pytest

from appealbus.plugins.surges.series import Series, WeekRow, begin, book, monday_of

FIRST, SECOND, THIRD = date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)


def test_topics_and_places_are_summed_on_two_levels() -> None:
    """An appeal of a village counts for its district, its region and the country, in its category and in all."""
    made = book([WeekRow(FIRST, None, None, 1), WeekRow(SECOND, "land", "271034100", 3)], SECOND)
    assert made.series == {Series(c, p): [3] for c in ("", "land") for p in ("", "27", "2710")}


def test_an_appeal_without_category_or_district_counts_in_the_sums() -> None:
    """What has no category counts for its places alone, and what names a region alone counts in no district."""
    made = book([WeekRow(FIRST, "x", "", 1), WeekRow(SECOND, "", "270000000", 2), WeekRow(SECOND, "x", "", 1)], SECOND)
    assert made.series == {Series("", ""): [3], Series("", "27"): [2], Series("x", ""): [1]}


def test_the_first_week_is_left_out_and_weeks_without_any_are_zero() -> None:
    """Counting began within the first week, so it is no whole one; a week that nobody wrote in is 0."""
    rows = [WeekRow(FIRST, "x", "", 9), WeekRow(THIRD, "x", "", 4), WeekRow(date(2026, 11, 23), "x", "", 7)]
    made = book(rows, THIRD)
    assert (made.first, made.weeks, made.series[Series("x", "")]) == (SECOND, 2, [0, 4])


def test_nothing_known_is_an_empty_book() -> None:
    """Without any counts there are no series and no weeks."""
    assert (book([], THIRD).weeks, book([], THIRD).series) == (0, {})


@pytest.mark.parametrize(
    ("counts", "expected"), [([0, 0, 3, 1, 2, 0], 2), ([0, 0, 0, 0, 0, 7], 2), ([1, 0, 0, 0, 0, 7], 0), ([5, 5], 0)]
)
def test_a_series_begins_with_its_first_appeal(counts: list[int], expected: int) -> None:
    """It begins with its first appeal, but with three weeks before the last where there are as many."""
    assert begin(counts, 3) == expected


def test_series_meet_where_an_appeal_may_count_in_both() -> None:
    """A sum meets its topics and places and other sums; two districts never meet, nor do two topics."""
    district = Series("land", "2710")
    assert all(Series(c, p).meets(district) for c in ("", "land") for p in ("", "27", "2710"))
    assert district.meets(Series("land", "27"))
    assert Series("land", "").meets(Series("", "27"))
    assert not Series("land", "2736").meets(district)
    assert not Series("waste", "27").meets(district)


def test_weeks_begin_on_monday() -> None:
    """The Monday of a Sunday is the one before."""
    assert monday_of(date(2026, 11, 22)) == THIRD
    assert monday_of(THIRD) == THIRD
