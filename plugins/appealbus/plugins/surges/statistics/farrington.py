"""Farrington flexible: this week against the same season of earlier years, with trend and dispersion.

Noufaily and others 2012, Statistics in Medicine 32, doi 10.1002/sim.5595. The bound is the quantile of a negative
binomial distribution with the fitted mean and dispersion (`nbPlugin` of Salmon, Schumacher, Höhle 2016, doi
10.18637/jss.v070.i10, section 3.2). The trend is kept even if not significant, as Noufaily found best
(`pThresholdTrend` 1). It is dropped if the fit does not converge, or if it leads beyond all past counts: nothing is
extrapolated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from appealbus.plugins.surges.statistics.fit import fit
from appealbus.plugins.surges.statistics.tails import bound, tail

HALF_WINDOW = 3
"""Weeks on either side of this week in earlier years that are the same season."""
GUARD = 26
"""Latest weeks left out: a surge of months would otherwise count as the season."""
SEASONS = 10
"""Parts of a year; the first is around this week: Noufaily 2012, section 3.2."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Offsets in weeks and seasons of the reference weeks; the same for all series of a week."""

    ago: tuple[int, ...]
    seasons: tuple[int, ...]

    @property
    def weeks(self) -> int:
        """Weeks of history that a series needs."""
        return self.ago[0]


@dataclass(frozen=True, slots=True)
class Farrington:
    """Result for a week.

    Attributes:
        expected: mean without a surge.
        dispersion: variance divided by the mean; at least 1.
        bound: count exceeded with a probability of at most α.
        probability: of this week's count or more.
        exceedance: position of the count, where 0 is the mean and 1 the bound.
        slope: of the trend, in logarithms a week.
    """

    expected: float
    dispersion: float
    bound: int
    probability: float
    exceedance: float
    slope: float


def reference(monday: date, years: int) -> Reference:
    """Return the reference weeks of a week: all of so many years, without the latest `GUARD`."""
    marks = [0, *(_ago(monday, year) for year in range(1, years + 1))]
    ago = tuple(range(marks[-1] + HALF_WINDOW, GUARD, -1))
    return Reference(ago, tuple(_season(weeks, marks) for weeks in ago))


def compare(counts: Sequence[int], against: Reference, alpha: float = 0.005) -> Farrington:
    """Compare the last weekly count with those before it.

    Args:
        counts: one for each week, at least `against.weeks` and this one.
        against: from `reference`, for the Monday of the last week.
        alpha: share of weeks above the bound without a surge.
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
    """Return the offset in weeks of the Monday nearest to the same day some years ago."""
    day = monday.replace(year=monday.year - years, day=min(monday.day, 28) if monday.month == 2 else monday.day)
    return round((monday - day) / timedelta(weeks=1))


def _season(ago: int, marks: Sequence[int]) -> int:
    """Return 0 within `HALF_WINDOW` of a mark; other seasons divide the time between two windows."""
    year = next(year for year, mark in enumerate(marks) if ago <= mark + HALF_WINDOW)
    since = marks[year] + HALF_WINDOW - ago
    window = 2 * HALF_WINDOW + 1
    if since < window:
        return 0
    return 1 + (since - window) * (SEASONS - 1) // (marks[year] - marks[year - 1] - window)
