"""Which series of a week are surges."""

from datetime import date, timedelta

import pytest

from appealbus.plugins.surges.judge import Method, gathered, judge
from appealbus.plugins.surges.series import Book, Series
from tests.plugins.surges.calm import MONDAY, calm
from tests.services.forms import form

FIRE = Series("waste", "2736")


def with_fire(made: Book, counts: list[int]) -> Book:
    return Book(made.monday, made.weeks, {**made.series, FIRE: counts})


@pytest.mark.parametrize("weeks", [11, 60, 170])
def test_a_surge_is_found_and_says_what_it_was_compared_with(weeks: int) -> None:
    """With any length of the past a fourfold week is found, alone, with the weeks it was compared with."""
    judged = judge(with_fire(calm(weeks), [*([5, 6, 4, 5, 7] * 40)[: weeks - 1], 24]))
    (surge,) = judged.surges
    assert (surge.series, surge.observed, surge.weeks) == (FIRE, 24, weeks - 1)
    assert surge.bound < 24
    assert surge.probability <= judged.limit
    assert judged.tested == 41
    assert surge.method is (Method.FARRINGTON if weeks > 160 else Method.EARS)
    assert surge.expected == pytest.approx(5.4, abs=1.5)
    if surge.method is Method.EARS:
        assert surge.compared == tuple(MONDAY - timedelta(weeks=ago) for ago in range(9, 2, -1))
    else:
        assert len(surge.compared) == 21
        assert date(2025, 11, 17) in surge.compared


def test_under_ten_weeks_nothing_is_said() -> None:
    """A past of fewer than ten weeks tests nothing, however many appeals come."""
    assert judge(with_fire(calm(10), [1] * 9 + [500])).tested == 0
    assert len(judge(with_fire(calm(11), [1] * 10 + [500])).surges) == 1


def test_farrington_begins_where_three_years_lie_behind() -> None:
    """A series of three years and three weeks is compared with earlier years, and one week less with the last weeks."""
    assert judge(with_fire(calm(160), [4] * 159 + [30])).surges[0].method is Method.EARS
    assert judge(with_fire(calm(161), [4] * 160 + [30])).surges[0].method is Method.FARRINGTON


def test_a_topic_that_is_new_is_compared_with_weeks_without_it() -> None:
    """What nobody wrote of in three years and thirty people write of now is a surge, by EARS."""
    (surge,) = judge(with_fire(calm(170), [0] * 169 + [30])).surges
    assert (surge.series, surge.method, surge.weeks, surge.expected) == (FIRE, Method.EARS, 10, 0.0)


def test_a_season_without_any_appeal_does_not_make_one_impossible() -> None:
    """Where a topic never came at this time of the year, five appeals are improbable, not impossible."""
    counts = [0] * 171
    for ago in (20, 33, 70, 85, 120, 135, 170):
        counts[-1 - ago] = 6
    counts[-1] = 5
    (surge,) = judge(with_fire(calm(171), counts)).surges
    assert (surge.method, surge.counts) == (Method.FARRINGTON, (0,) * 21)
    assert surge.expected == pytest.approx(0.5 / 21)
    assert 1e-8 < surge.probability < 1e-5


def test_fewer_than_five_in_four_weeks_are_no_surge() -> None:
    """Four appeals after none are no surge, and five are."""
    assert judge(with_fire(calm(30), [0] * 29 + [4])).surges == ()
    assert len(judge(with_fire(calm(30), [0] * 29 + [5])).surges) == 1


def test_a_part_of_a_week_is_compared_with_a_part_of_what_is_expected() -> None:
    """Twelve appeals are nothing for a whole week of six on the mean, and a possible surge for its first day."""
    counts = [*([5, 6, 4, 5, 10] * 12)[:59], 12]
    started = Book(MONDAY, 60, {series: [*past[:-1], 1] for series, past in calm(60).series.items()})
    assert judge(with_fire(calm(60), counts)).surges == ()
    (possible,) = judge(with_fire(started, counts), share=0.2).surges
    assert possible.expected == pytest.approx(6.0 / 5, abs=0.3)


def test_weeks_in_which_nothing_happens_rarely_alarm() -> None:
    """In calm weeks of 100 series about one in twenty has an alarm: the rate, give or take."""
    weeks = form(60, 400)
    alarmed = sum(bool(judge(calm(20, 100, seed)).surges) for seed in range(weeks))
    assert alarmed / weeks <= 0.05 + 3 * (0.05 * 0.95 / weeks) ** 0.5


def test_series_that_count_the_same_appeals_are_one_alarm() -> None:
    """A fire in one district is one alarm, with its region and country under it; another one is its own."""
    base = calm(60)
    past = ([5, 6, 4, 5, 7] * 12)[:59]
    more = {
        FIRE: [*past, 40],
        Series("", "2736"): [*[3 * n for n in past], 60],
        Series("waste", "27"): [*[2 * n for n in past], 46],
        Series("roads", "3510"): [*past, 35],
    }
    judged = judge(Book(MONDAY, 60, {**base.series, **more}))
    found = {head.series: {other.series for other in others} for head, others in gathered(judged.surges).items()}
    assert found == {FIRE: {Series("", "2736"), Series("waste", "27")}, Series("roads", "3510"): set()}
