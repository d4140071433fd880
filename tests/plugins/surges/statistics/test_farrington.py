"""Farrington flexible: what it compares with, and that its figures are R's."""

from datetime import date, timedelta
from math import exp, log

import pytest

from appealbus.plugins.surges.statistics.farrington import compare, reference
from appealbus.plugins.surges.statistics.fit import fit
from tests.plugins.surges.reference import NEEDED, salmonella, table

MONDAY = date(2026, 11, 23)


def test_a_year_is_seven_weeks_around_the_day_and_nine_other_seasons() -> None:
    """Three whole years lie behind: around each of their marks are seven weeks of this season, all others between."""
    against = reference(MONDAY, 3)
    assert against.ago == tuple(range(against.weeks, 26, -1))
    assert against.weeks == 157 + 3
    here = [ago for ago, season in zip(against.ago, against.seasons, strict=True) if season == 0]
    assert here == [*range(160, 153, -1), *range(107, 100, -1), *range(55, 48, -1)]
    assert set(against.seasons) == set(range(10))


def test_the_marks_of_earlier_years_are_the_nearest_same_days() -> None:
    """A year before is the same day of the week that is nearest to the date: 52 weeks mostly, and 53 now and then."""
    thursday = date(2013, 6, 6)
    marks = [thursday - timedelta(weeks=reference(thursday, years).weeks - 3) for years in (1, 2, 3)]
    assert marks == [date(2012, 6, 7), date(2011, 6, 9), date(2010, 6, 3)]


def test_the_29th_of_february_has_earlier_years_too() -> None:
    """A week that begins on a leap day is compared with the end of February of other years."""
    assert reference(date(2016, 2, 29), 1).weeks - 3 == 52


def test_a_trend_and_a_season_that_are_exact_are_found() -> None:
    """Counts that follow a trend and a season without any chance give these back, and nothing is scattered."""
    weeks = list(range(120))
    seasons = [week % 3 for week in weeks]
    counts = [round(1000 * exp(0.01 * week) * (1 + season)) for week, season in zip(weeks, seasons, strict=True)]
    fitted = fit(weeks, seasons, counts)
    assert fitted.slope == pytest.approx(0.01, abs=1e-5)
    assert fitted.intercepts == pytest.approx([log(1000), log(2000), log(3000)], abs=1e-3)
    assert fitted.dispersion == 1.0


def test_a_surge_of_the_past_is_weighted_down() -> None:
    """A surge a year ago hardly raises what is expected now."""
    calm = [20, 22, 18, 21, 19] * 50
    burnt = list(calm)
    burnt[250 - 53] = 400
    against = reference(MONDAY, 3)
    assert compare(burnt, against).expected < compare(calm, against).expected * 1.1


def test_where_no_appeal_has_ever_come_the_fit_ends() -> None:
    """A past without any appeal expects none, and whatever comes is beyond the bound of 0."""
    compared = compare([0] * 200 + [1], reference(MONDAY, 3))
    assert compared.expected == pytest.approx(0.0, abs=1e-6)
    assert (compared.bound, compared.dispersion) == (0, 1.0)


def test_a_trend_that_leads_beyond_all_of_the_past_is_no_trend() -> None:
    """After two appeals in four years, of which the second came lately, a week of ten is far beyond the bound."""
    counts = [0] * 300
    counts[-1 - 200] = counts[-1 - 27] = 1
    counts[-1] = 10
    compared = compare(counts, reference(MONDAY, 3))
    assert compared.slope == 0.0
    assert compared.expected <= 1.0
    assert compared.bound < 10
    assert compared.probability < 1e-4


def test_too_short_a_series_is_refused() -> None:
    """A series that does not have all weeks of its reference is refused with how many it lacks."""
    with pytest.raises(ValueError, match="160 weeks are needed before this one, and there are 99"):
        compare([1] * 100, reference(MONDAY, 3))


@NEEDED
def test_all_figures_are_those_of_r() -> None:
    """Over 31 weeks expected, φ, trend, p, bound, score and alarms equal R's to a millionth.

    R's score has the logarithm of what is expected in the place of what is expected, so it is made of our figures.
    """
    counts, rows = salmonella(), table("ff_flexible_nbplugin")
    assert len(rows) == 31
    alarms = []
    for row in rows:
        week = int(row["i"]) - 1
        compared = compare(counts[: week + 1], reference(date(1990, 1, 1) + timedelta(weeks=week), 4), alpha=0.05)
        logarithm = log(compared.expected)
        score = (counts[week] - logarithm) / (compared.bound - logarithm)
        ours = (compared.expected, compared.dispersion, compared.slope, compared.probability, score)
        theirs = [float(row[name]) for name in ("expected", "phi", "trendcoef", "pvalue", "score")]
        assert ours == pytest.approx(theirs, abs=1e-6), row["i"]
        assert compared.bound == int(row["upper"])
        assert (counts[week] > compared.bound) is (row["alarm"] == "TRUE")
        if counts[week] > compared.bound:
            alarms.append(int(row["i"]))
    assert alarms == [284, 285]
