"""Location of a surge: the zone and the last weeks whose counts exceed the expectation least probably.

Expectation-based Poisson scan: Neill 2009, International Journal of Forecasting 25, over the nearest neighbours of each
district (Kulldorff 1997, Communications in Statistics 26), here with weeks counted back from this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, exp, log, radians, sin, sqrt
from random import Random

MOST = 999
"""Draws; the smallest possible probability is 0.001 by default."""
_ENOUGH = 10
"""Draws above the observed score after which the result is chance; further draws add only precision (Besag and Clifford
1991)."""
_FEW = 500.0
"""Largest mean for which exp(-mean) does not underflow."""

_NEARLY = 1e-6
"""Excess over Poisson's variance that can be ignored."""

Position = tuple[float, float]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A zone and a number of weeks up to this one, with more appeals than expected."""

    places: tuple[str, ...]
    weeks: int
    observed: int
    expected: float
    score: float


def neighbours(positions: Mapping[str, Position], most: int = 15) -> dict[str, tuple[str, ...]]:
    """Return each place with its nearest ones, `most` in all: for each k the first k are a zone."""
    return {
        here: tuple(sorted(positions, key=lambda there: (distance(at, positions[there]), there))[:most])
        for here, at in positions.items()
    }


def distance(a: Position, b: Position) -> float:
    """Return the great-circle distance in earth radii."""
    (x1, y1), (x2, y2) = (tuple(map(radians, position)) for position in (a, b))
    chord = sin((y2 - y1) / 2) ** 2 + cos(y1) * cos(y2) * sin((x2 - x1) / 2) ** 2
    return 2 * asin(sqrt(min(1.0, chord)))


def zones(near: Mapping[str, Sequence[str]]) -> set[frozenset[str]]:
    return {frozenset(order[:k]) for order in near.values() for k in range(1, len(order) + 1)}


def scan(
    observed: Mapping[str, Sequence[int]], expected: Mapping[str, Sequence[float]], near: Mapping[str, Sequence[str]]
) -> list[Cluster]:
    """Return the zones above expectation, each with its best number of weeks; the best score first.

    Args:
        observed: by place, counts of the last weeks; this week is the last.
        expected: the same for the means.
        near: from `neighbours`.
    """
    best: dict[frozenset[str], Cluster] = {}
    counts, means = _summed(observed), _summed(expected)
    for order in near.values():
        for weeks in range(len(counts[order[0]])):
            seen, mean = 0.0, 0.0
            for k, place in enumerate(order, 1):
                seen += counts[place][weeks]
                mean += means[place][weeks]
                value = score(seen, mean)
                if value > 0.0:
                    zone = frozenset(order[:k])
                    if zone not in best or value > best[zone].score:
                        best[zone] = Cluster(tuple(sorted(zone)), weeks + 1, int(seen), mean, value)
    return sorted(best.values(), key=lambda cluster: (-cluster.score, cluster.places))


def probability(
    value: float,
    expected: Mapping[str, Sequence[float]],
    near: Mapping[str, Sequence[str]],
    random: Random,
    dispersion: float = 1.0,
    *,
    baseline: int = 0,
    most: int = MOST,
) -> float:
    """Return the probability of such a score anywhere by chance, by simulation.

    A chance result stops after few draws. The least probability is 1 / (most + 1). With a dispersion above 1 the counts
    are negative binomial with that multiple of Poisson's variance.

    Args:
        value: the score.
        expected: by place, the means of the last weeks.
        near: from `neighbours`.
        random: generator.
        dispersion: variance of a count divided by its mean.
        baseline: number of weeks behind the means; each place's mean is then drawn too, once for all weeks, as they
            share its error: over w weeks the variance grows by the factor 1 + w / baseline. 0: exact means.
        most: draws.
    """
    means = _summed(expected)
    beaten = 0
    for drawn in range(1, most + 1):
        counts = _summed({place: _drawn(by_week, dispersion, baseline, random) for place, by_week in expected.items()})
        beaten += _top(counts, means, near) >= value
        if beaten == _ENOUGH:
            return beaten / drawn
    return (beaten + 1) / (most + 1)


def score(seen: float, mean: float) -> float:
    """Return the log-likelihood ratio of a count with its own mean against the expected one."""
    if seen <= mean:
        return 0.0
    return seen * log(seen / mean) + mean - seen if mean > 0.0 else float("inf")


def _summed(by_place: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    sums = {}
    for place, by_week in by_place.items():
        total = 0.0
        sums[place] = [total := total + value for value in reversed(by_week)]
    return sums


def _top(
    counts: Mapping[str, Sequence[float]], means: Mapping[str, Sequence[float]], near: Mapping[str, Sequence[str]]
) -> float:
    best = 0.0
    for order in near.values():
        for weeks in range(len(counts[order[0]])):
            seen, mean = 0.0, 0.0
            for place in order:
                seen += counts[place][weeks]
                mean += means[place][weeks]
                if seen > mean:
                    best = max(best, score(seen, mean))
    return best


def _drawn(by_week: Sequence[float], dispersion: float, baseline: int, random: Random) -> list[int]:
    """Draw a place's counts; with a baseline, from a mean estimated over that many weeks."""
    mean = min(by_week)  # what rises everywhere stands in the others, and not in the baseline
    known = baseline * mean / dispersion
    error = random.gammavariate(known, 1 / known) if known else 1.0
    return [_count(expected * error, dispersion, random) for expected in by_week]


def _count(mean: float, dispersion: float, random: Random) -> int:
    more = dispersion - 1.0
    return _poisson(random.gammavariate(mean / more, more) if more > _NEARLY else mean, random)


def _poisson(mean: float, random: Random) -> int:
    """Draw a count by the product of uniform numbers (Knuth); a large mean in parts."""
    count = 0
    while mean > 0.0:
        part = min(mean, _FEW)
        mean -= part
        end, product = exp(-part), random.random()
        while product > end:
            count += 1
            product *= random.random()
    return count
