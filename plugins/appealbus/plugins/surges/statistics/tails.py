"""Tail and quantile of the negative binomial distribution, which is Poisson at φ = 1."""

from math import ceil, exp, lgamma, log, sqrt
from statistics import NormalDist

_NOTHING = 1e-17
"""Relative size of a term that no longer changes a sum of doubles."""


_POISSON = 1.0 + 1e-6
"""Up to here Poisson is exact to a millionth; closer to 1 the differences of the terms lose all digits."""


def tail(count: int, mean: float, dispersion: float = 1.0) -> float:
    """Return the probability of `count` or more, for a variance of `dispersion` times the mean.

    The sum runs away from the mean, so it is short, and a small tail is never lost in a large one.
    """
    if count <= 0:
        return 1.0
    if mean <= 0.0:
        return 0.0
    return _above(count, mean, dispersion) if count > mean else 1.0 - _below(count - 1, mean, dispersion)


def bound(alpha: float, mean: float, dispersion: float = 1.0) -> int:
    """Return the least count exceeded with a probability of at most `alpha`: the quantile at 1 - alpha."""
    if mean <= 0.0:
        return 0
    least = max(0, ceil(mean + NormalDist().inv_cdf(1.0 - alpha) * sqrt(dispersion * mean)))
    while tail(least + 1, mean, dispersion) > alpha:
        least += 1
    while least and tail(least, mean, dispersion) <= alpha:
        least -= 1
    return least


def _above(count: int, mean: float, dispersion: float) -> float:
    term = total = _probability(count, mean, dispersion)
    while term > total * _NOTHING:
        term *= _ratio(count, mean, dispersion)
        total += term
        count += 1
    return min(1.0, total)


def _below(count: int, mean: float, dispersion: float) -> float:
    term = total = _probability(count, mean, dispersion)
    while count and term > total * _NOTHING:
        count -= 1
        term /= _ratio(count, mean, dispersion)
        total += term
    return min(1.0, total)


def _ratio(count: int, mean: float, dispersion: float) -> float:
    """Return the probability of `count + 1` divided by that of `count`."""
    return (mean + count * (dispersion - 1.0)) / (dispersion * (count + 1))


def _probability(count: int, mean: float, dispersion: float) -> float:
    if dispersion <= _POISSON:
        return exp(count * log(mean) - mean - lgamma(count + 1))
    size = mean / (dispersion - 1.0)
    return exp(
        lgamma(size + count)
        - lgamma(size)
        - lgamma(count + 1)
        - size * log(dispersion)
        + count * log((dispersion - 1.0) / dispersion)
    )
