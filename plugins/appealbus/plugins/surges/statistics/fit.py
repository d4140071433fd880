"""Quasi-Poisson regression of weekly counts on trend and season, robust against past surges.

log μ(t) = a[season of t] + b·t. Each week is in exactly one season. So the weighted least squares of each step are
those of a line with an intercept for each group: no matrix is needed, and the cost is linear in the weeks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

_STEPS = 25
"""Maximum number of rounds of iteratively reweighted least squares. About five suffice, but the intercept of an empty
season never converges."""
_CONVERGED = 1e-8
"""Relative change of the deviance, as in R's `glm`, whose results are the reference tables."""
_LEAST = 1e-10
"""Minimum mean a week: an empty season tends to 0, which has no logarithm."""
_HIGHEST = 30.0
"""Largest logarithm of a mean: a diverging trend would overflow."""
_THRESHOLD = 2.58
"""Standardised residual from which a past week is weighted down: Noufaily 2012, section 3.3."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted `intercepts` by season, slope of the trend a week, and dispersion φ ≥ 1."""

    intercepts: Sequence[float]
    slope: float
    dispersion: float
    fitted: Sequence[float]
    leverages: Sequence[float]
    converged: bool

    def expected(self, week: float, season: int) -> float:
        """Return the mean of a week, numbered as for the fit."""
        return exp(min(_HIGHEST, self.intercepts[season] + self.slope * week))


def fit(weeks: Sequence[float], seasons: Sequence[int], counts: Sequence[int], *, trend: bool = True) -> Fit:
    """Fit twice: unweighted, then with outlying weeks weighted down by the square of their residual.

    Args:
        weeks: time of each count, with any origin.
        seasons: season of each count, from 0 on; none may be empty.
        counts: of these weeks.
        trend: whether to fit a slope; else it is 0.
    """
    plain = _fit(weeks, seasons, counts, [1.0] * len(counts), trend)
    return _fit(weeks, seasons, counts, _weights(counts, plain), trend)


def _weights(counts: Sequence[int], plain: Fit) -> list[float]:
    """Return weights by Anscombe residuals, whose sum is the number of weeks: Noufaily 2012, section 3.3."""
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
        """Return each week's leverage, from 0 to 1."""
        mass, centres, spread = self.mass, self.centres, self.spread
        return [
            weight * (1.0 / mass[season] + (week - centres[season]) ** 2 / spread)
            for week, season, weight in zip(weeks, seasons, weights, strict=True)
        ]


def _line(
    weeks: Sequence[float], seasons: Sequence[int], weights: Sequence[float], aims: Sequence[float], trend: bool
) -> _Line:
    """Fit the line to the working responses; flat without a trend."""
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
