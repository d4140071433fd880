"""A quasi-Poisson regression of weekly counts on a trend and a season, robust against surges of the past.

log μ(t) = a[season of t] + b·t. As each week is in exactly one season, the weighted least squares of each step are
those of a line with an intercept for each group: no matrix is needed, and a fit costs what its weeks are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

_STEPS = 25
"""Rounds of iteratively reweighted least squares: it takes about five; more only where a season has no appeal at all,
and its intercept goes on falling."""
_CONVERGED = 1e-8
"""Of the deviance, relative: R's `glm` stops there, too, and what it has then is what the reference tables hold."""
_LEAST = 1e-10
"""Expected appeals a week: a season without any goes to 0, where the logarithm ends."""
_HIGHEST = 30.0
"""The logarithm of more appeals a week than there are people: a trend that diverges goes on until numbers end."""
_THRESHOLD = 2.58
"""Standardised residuals from which a week of the past counts less: Noufaily 2012, section 3.3."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What the past weeks say: `intercepts` by season, the slope of the trend a week, and the dispersion φ ≥ 1."""

    intercepts: Sequence[float]
    slope: float
    dispersion: float
    fitted: Sequence[float]
    leverages: Sequence[float]
    converged: bool

    def expected(self, week: float, season: int) -> float:
        """Return the count that is expected in a week; weeks are counted as they were in the fit."""
        return exp(min(_HIGHEST, self.intercepts[season] + self.slope * week))


def fit(weeks: Sequence[float], seasons: Sequence[int], counts: Sequence[int], *, trend: bool = True) -> Fit:
    """Fit twice: plainly, and with weeks that stood out weighted down by the square of how far they did.

    Args:
        weeks: when each count was, as a number; any origin will do.
        seasons: which part of the year it was in, from 0 on; each of them occurs.
        counts: of these weeks.
        trend: whether there may be one; without, its slope is 0.

    """
    plain = _fit(weeks, seasons, counts, [1.0] * len(counts), trend)
    return _fit(weeks, seasons, counts, _weights(counts, plain), trend)


def _weights(counts: Sequence[int], plain: Fit) -> list[float]:
    """Return weights by Anscombe residuals, which sum up to the number of weeks: Noufaily 2012, section 3.3."""
    raw = []
    for count, mean, leverage in zip(counts, plain.fitted, plain.leverages, strict=True):
        distance = count ** (2 / 3) - mean ** (2 / 3)
        spread = mean ** (1 / 6) * sqrt(plain.dispersion * max(1.0 - leverage, _LEAST))
        residual = 1.5 * distance / spread
        raw.append(residual**-2 if residual > _THRESHOLD else 1.0)
    scale = len(raw) / sum(raw)
    return [weight * scale for weight in raw]


def _fit(
    weeks: Sequence[float], seasons: Sequence[int], counts: Sequence[int], weights: Sequence[float], trend: bool
) -> Fit:
    means = [count + 0.1 for count in counts]
    links = [log(mean) for mean in means]
    saturated = sum(w * count * (log(count) - 1.0) for w, count in zip(weights, counts, strict=True) if count)
    before, converged = float("inf"), False
    for _ in range(_STEPS):
        working = [weight * mean for weight, mean in zip(weights, means, strict=True)]
        # The link of each mean, moved towards its count.
        aims = [link + count / mean - 1.0 for link, count, mean in zip(links, counts, means, strict=True)]
        line = _line(weeks, seasons, working, aims, trend)
        at, slope = line.intercepts, line.slope
        links = [min(_HIGHEST, at[season] + slope * week) for week, season in zip(weeks, seasons, strict=True)]
        means = [max(exp(link), _LEAST) for link in links]
        likely = sum(
            w * (count * link - mean) for w, count, link, mean in zip(weights, counts, links, means, strict=True)
        )
        deviance = 2.0 * (saturated - likely)
        if abs(deviance - before) < _CONVERGED * (abs(deviance) + 0.1):
            converged = True
            break
        before = deviance
    chi = sum(w * (count / mean - 1.0) ** 2 for w, count, mean in zip(working, counts, means, strict=True))
    freedom = len(counts) - len(at) - trend
    return Fit(at, slope, max(1.0, chi / freedom), means, line.leverages(weeks, seasons, working), converged)


@dataclass(frozen=True, slots=True)
class _Line:
    """Weighted least squares with an intercept for each season and one slope."""

    intercepts: list[float]
    slope: float
    mass: list[float]
    centres: list[float]
    spread: float

    def leverages(self, weeks: Sequence[float], seasons: Sequence[int], weights: Sequence[float]) -> list[float]:
        """Return how much each week draws the line to itself, from 0 to 1."""
        mass, centres, spread = self.mass, self.centres, self.spread
        return [
            weight * (1.0 / mass[season] + (week - centres[season]) ** 2 / spread)
            for week, season, weight in zip(weeks, seasons, weights, strict=True)
        ]


def _line(
    weeks: Sequence[float], seasons: Sequence[int], weights: Sequence[float], aims: Sequence[float], trend: bool
) -> _Line:
    """Return the line that is nearest to what the next step aims at; it is flat where there is no trend."""
    groups = range(max(seasons) + 1)
    mass, at_week, at_aim = ([0.0] * len(groups) for _ in range(3))
    square = product = 0.0
    for week, season, weight, aim in zip(weeks, seasons, weights, aims, strict=True):
        weighted, aimed = weight * week, weight * aim
        mass[season] += weight
        at_week[season] += weighted
        at_aim[season] += aimed
        square += weighted * week
        product += week * aimed
    centres = [at_week[group] / mass[group] for group in groups]
    spread = square - sum(at_week[group] * centres[group] for group in groups)
    if not trend or spread <= 0.0:
        spread = inf
    slope = (product - sum(at_aim[group] * centres[group] for group in groups)) / spread
    return _Line(
        [at_aim[group] / mass[group] - slope * centres[group] for group in groups], slope, mass, centres, spread
    )
