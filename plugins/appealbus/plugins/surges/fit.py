"""A quasi-Poisson regression of weekly counts on a trend and a season, robust against surges of the past.

log μ(t) = a[season of t] + b·t. As each week is in exactly one season, the weighted least squares of each step are
those of a line with an intercept for each group: no matrix is needed, and a fit costs what its weeks are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

_STEPS = 25
"""Rounds of iteratively reweighted least squares: it takes about five; more only where a season has no appeal at all,
and its intercept goes on falling."""
_CONVERGED = 1e-8
"""Of the deviance, relative: R's `glm` stops there, too, and what it has then is what the reference tables hold."""
_LEAST = 1e-10
"""Expected appeals a week: a season without any goes to 0, where the logarithm ends."""
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

    def expected(self, week: float, season: int) -> float:
        """Return the count that is expected in a week; weeks are counted as they were in the fit."""
        return exp(self.intercepts[season] + self.slope * week)


def fit(weeks: Sequence[float], seasons: Sequence[int], counts: Sequence[int]) -> Fit:
    """Fit twice: plainly, and with weeks that stood out weighted down by the square of how far they did.

    Args:
        weeks: when each count was, as a number; any origin will do.
        seasons: which part of the year it was in, from 0 on; each of them occurs.
        counts: of these weeks.

    """
    plain = _fit(weeks, seasons, counts, [1.0] * len(counts))
    return _fit(weeks, seasons, counts, _weights(counts, plain))


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


def _fit(weeks: Sequence[float], seasons: Sequence[int], counts: Sequence[int], weights: Sequence[float]) -> Fit:
    means = [count + 0.1 for count in counts]
    links = [log(mean) for mean in means]
    before = float("inf")
    for _ in range(_STEPS):
        working = [weight * mean for weight, mean in zip(weights, means, strict=True)]
        targets = [link + count / mean - 1.0 for link, count, mean in zip(links, counts, means, strict=True)]
        line = _line(weeks, seasons, targets, working)
        links = [line.intercepts[season] + line.slope * week for week, season in zip(weeks, seasons, strict=True)]
        means = [max(exp(link), _LEAST) for link in links]
        now = _deviance(counts, means, weights)
        if abs(now - before) < _CONVERGED * (abs(now) + 0.1):
            break
        before = now
    chi = sum(w * (count / mean - 1.0) ** 2 for w, count, mean in zip(working, counts, means, strict=True))
    freedom = len(counts) - len(line.intercepts) - 1
    return Fit(line.intercepts, line.slope, max(1.0, chi / freedom), means, line.leverages)


@dataclass(frozen=True, slots=True)
class _Line:
    intercepts: list[float]
    slope: float
    leverages: list[float]


def _line(weeks: Sequence[float], seasons: Sequence[int], targets: Sequence[float], weights: Sequence[float]) -> _Line:
    """Return weighted least squares with an intercept for each season and one slope."""
    groups = max(seasons) + 1
    mass, week_mean, target_mean = [0.0] * groups, [0.0] * groups, [0.0] * groups
    for week, season, target, weight in zip(weeks, seasons, targets, weights, strict=True):
        mass[season] += weight
        week_mean[season] += weight * week
        target_mean[season] += weight * target
    for season in range(groups):
        week_mean[season] /= mass[season]
        target_mean[season] /= mass[season]
    spread = common = 0.0
    for week, season, target, weight in zip(weeks, seasons, targets, weights, strict=True):
        away = week - week_mean[season]
        spread += weight * away * away
        common += weight * away * (target - target_mean[season])
    slope = common / spread
    intercepts = [mean - slope * week for mean, week in zip(target_mean, week_mean, strict=True)]
    leverages = [
        weight * (1.0 / mass[season] + (week - week_mean[season]) ** 2 / spread)
        for week, season, weight in zip(weeks, seasons, weights, strict=True)
    ]
    return _Line(intercepts, slope, leverages)


def _deviance(counts: Sequence[int], means: Sequence[float], weights: Sequence[float]) -> float:
    return 2.0 * sum(
        weight * ((count * log(count / mean) if count else 0.0) - count + mean)
        for count, mean, weight in zip(counts, means, weights, strict=True)
    )
