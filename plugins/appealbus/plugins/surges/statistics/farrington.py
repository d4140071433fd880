"""Farrington flexible: this week against the same season of earlier years, with their trend and their scatter.

Noufaily and others 2012, Statistics in Medicine 32, doi 10.1002/sim.5595; the bound is the quantile of a negative
binomial distribution with the fitted mean and dispersion put in (`nbPlugin` of Salmon, Schumacher, Höhle 2016,
doi 10.18637/jss.v070.i10, section 3.2). The trend is kept even where it is not significant, as Noufaily found best
(`pThresholdTrend` 1), but not where the fit does not converge with it or where it leads beyond all counts of the past:
nothing is extrapolated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from appealbus.plugins.surges.statistics.fit import fit
from appealbus.plugins.surges.statistics.tails import bound, tail

HALF_WINDOW = 3
"""Weeks on either side of this week a year ago that are the same season."""
GUARD = 26
"""Weeks before this one that are left out: a surge that has gone on for months would be taken for the season."""
SEASONS = 10
"""Parts of a year, of which the one around this week is the first: Noufaily 2012, section 3.2."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Which weeks a week is compared with: how many weeks ago each is, and its season. One for all series of a week."""

    ago: tuple[int, ...]
    seasons: tuple[int, ...]

    @property
    def weeks(self) -> int:
        """How many weeks before this one a series must have."""
        return self.ago[0]


@dataclass(frozen=True, slots=True)
class Farrington:
    """What a week was compared with.

    Attributes:
        expected: the mean of this week, were all as ever.
        dispersion: its variance against that; at least 1.
        bound: the count that is exceeded with a probability of at most α.
        probability: of this week's count or more.
        exceedance: how far the count goes, where 0 is what is expected and 1 the bound.
        slope: of the trend, in logarithms a week.

    """

    expected: float
    dispersion: float
    bound: int
    probability: float
    exceedance: float
    slope: float


def reference(monday: date, years: int) -> Reference:
    """Return what the week of a Monday is compared with: all weeks of so many years but the newest `GUARD`."""
    marks = [0, *(_ago(monday, year) for year in range(1, years + 1))]
    ago = tuple(range(marks[-1] + HALF_WINDOW, GUARD, -1))
    return Reference(ago, tuple(_season(weeks, marks) for weeks in ago))


def compare(counts: Sequence[int], against: Reference, alpha: float = 0.005) -> Farrington:
    """Compare the last of weekly counts with those before it.

    Args:
        counts: one for each week, at least `against.weeks` and this one.
        against: from `reference`, for the Monday of the last week.
        alpha: the share of weeks without a surge that exceed the bound.

    """
    this = len(counts) - 1
    if this < against.weeks:
        raise ValueError(f"{against.weeks} weeks are needed before this one, and there are {this}")
    past = [counts[this - ago] for ago in against.ago]
    weeks = [-ago for ago in against.ago]
    fitted = fit(weeks, against.seasons, past)
    if not fitted.converged or fitted.expected(0, 0) > max(past):
        fitted = fit(weeks, against.seasons, past, trend=False)
    expected = fitted.expected(0, 0)
    upper = bound(alpha, expected, fitted.dispersion)
    observed = counts[this]
    return Farrington(
        expected,
        fitted.dispersion,
        upper,
        tail(observed, expected, fitted.dispersion),
        (observed - expected) / (upper - expected) if upper > expected else float(observed > upper),
        fitted.slope,
    )


def _ago(monday: date, years: int) -> int:
    """Return how many weeks ago the Monday is that is nearest to the same day so many years ago."""
    day = monday.replace(year=monday.year - years, day=min(monday.day, 28) if monday.month == 2 else monday.day)
    return round((monday - day) / timedelta(weeks=1))


def _season(ago: int, marks: Sequence[int]) -> int:
    """Return 0 within `HALF_WINDOW` of a mark; what lies between two of these windows is shared by the others."""
    year = next(year for year, mark in enumerate(marks) if ago <= mark + HALF_WINDOW)
    since = marks[year] + HALF_WINDOW - ago
    window = 2 * HALF_WINDOW + 1
    if since < window:
        return 0
    return 1 + (since - window) * (SEASONS - 1) // (marks[year] - marks[year - 1] - window)
