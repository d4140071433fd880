"""Where a surge is: the neighbourhood and the last weeks in which counts exceed what is expected most improbably.

Expectation-based Poisson scan: Neill 2009, International Journal of Forecasting 25, over the nearest neighbours of
each district (Kulldorff 1997, Communications in Statistics 26), here with weeks counted back from this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, exp, log, radians, sin, sqrt
from random import Random

MOST = 999
"""Draws: the least probability that can come out is 0.001, unless more are asked for."""
_ENOUGH = 10
"""Draws that beat what was seen: then it is chance, and more draws only tell how much (Besag and Clifford 1991)."""
_FEW = 500.0
"""Mean up to which exp(-mean) is far from the end of doubles."""

_NEARLY = 1e-6
"""More than Poisson's variance, below which it makes no difference."""

Position = tuple[float, float]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Districts and a number of weeks up to this one, in which more was observed than expected."""

    places: tuple[str, ...]
    weeks: int
    observed: int
    expected: float
    score: float


def neighbours(positions: Mapping[str, Position], most: int = 15) -> dict[str, tuple[str, ...]]:
    """Return for each place itself and those nearest to it, `most` in all: for each k the first k are a zone."""
    return {
        here: tuple(sorted(positions, key=lambda there: (distance(at, positions[there]), there))[:most])
        for here, at in positions.items()
    }


def distance(a: Position, b: Position) -> float:
    """Return the length of the great circle between two positions, in radii of the earth."""
    (x1, y1), (x2, y2) = (tuple(map(radians, position)) for position in (a, b))
    chord = sin((y2 - y1) / 2) ** 2 + cos(y1) * cos(y2) * sin((x2 - x1) / 2) ** 2
    return 2 * asin(sqrt(min(1.0, chord)))


def zones(near: Mapping[str, Sequence[str]]) -> set[frozenset[str]]:
    """Return all zones that are looked into, each once."""
    return {frozenset(order[:k]) for order in near.values() for k in range(1, len(order) + 1)}


def scan(
    observed: Mapping[str, Sequence[int]], expected: Mapping[str, Sequence[float]], near: Mapping[str, Sequence[str]]
) -> list[Cluster]:
    """Return the zones with more than is expected, each with the weeks for which it scores most; the best first.

    Args:
        observed: by place, the counts of the last weeks; this week is the last.
        expected: the same of what is expected.
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
    """Return how likely it is that chance alone scores so much anywhere, by drawing counts.

    What is chance costs some draws, and only what is not costs all: the least that can come out is 1 / (most + 1).
    With a dispersion above 1 the counts are negative binomial with so many times the variance of Poisson's.

    Args:
        value: the score.
        expected: by place, the means of the last weeks.
        near: from `neighbours`.
        random: draws.
        dispersion: the variance of a count against its mean.
        baseline: of how many weeks the means are; each place's is then drawn, too, once for all weeks, since they share
            its error: over w weeks the variance is 1 + w / baseline times what it would be. 0: they are known.
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
    """Return the logarithm of how much likelier a count is with its own mean than with the expected one."""
    if seen <= mean:
        return 0.0
    return seen * log(seen / mean) + mean - seen if mean > 0.0 else float("inf")


def _summed(by_place: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return the sums of the last one, two, three … weeks of each place."""
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
    """Draw the counts of a place; with a baseline, about a mean of which only so many weeks are known."""
    mean = min(by_week)  # what rises everywhere stands in the others, and not in the baseline
    known = baseline * mean / dispersion
    error = random.gammavariate(known, 1 / known) if known else 1.0
    return [_count(each * error, dispersion, random) for each in by_week]


def _count(mean: float, dispersion: float, random: Random) -> int:
    more = dispersion - 1.0
    return _poisson(random.gammavariate(mean / more, more) if more > _NEARLY else mean, random)


def _poisson(mean: float, random: Random) -> int:
    """Draw a count, by the product of uniform numbers (Knuth); a large mean in parts."""
    count = 0
    while mean > 0.0:
        part = min(mean, _FEW)
        mean -= part
        end, product = exp(-part), random.random()
        while product > end:
            count += 1
            product *= random.random()
    return count
