"""EARS C2: this week against mean and deviation of seven earlier weeks.

Fricker, Hegler, Dunfee 2008, Statistics in Medicine 27; in the form of Salmon, Schumacher, Höhle 2016, doi
10.18637/jss.v070.i10, section 3.2: a bound for the count instead of a bound for the statistic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

BASELINE = 7
"""Weeks; short enough to ignore trend and season."""
GUARD = 2
"""Weeks between the baseline and this week, so that a growing surge does not raise its own bound."""


@dataclass(frozen=True, slots=True)
class Ears:
    mean: float
    deviation: float
    bound: float


def c2(counts: Sequence[float], week: int, alpha: float = 0.001, least_deviation: float = 0.0) -> Ears:
    """Compare a week with seven weeks, the last of them three weeks back.

    Args:
        counts: one for each week.
        week: index of the week; at least `BASELINE + GUARD`.
        alpha: share of weeks above the bound without a surge, for normal counts.
        least_deviation: lower limit of the standard deviation. After seven empty weeks it would be 0, and the first
            appeal a surge.
    """
    first = week - GUARD - BASELINE
    if first < 0:
        raise ValueError(f"week {week} has no {BASELINE} weeks before it")
    baseline = counts[first : first + BASELINE]
    mean = sum(baseline) / BASELINE
    deviation = sqrt(sum((count - mean) ** 2 for count in baseline) / (BASELINE - 1))
    deviation = max(deviation, least_deviation)
    return Ears(mean, deviation, mean + NormalDist().inv_cdf(1.0 - alpha) * deviation)
