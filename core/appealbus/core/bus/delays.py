"""Time from acceptance of an appeal to its dossiers."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from appealbus.core.domain.monitoring import Delays

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 604_800.0)
"""Upper bounds in seconds, from one source's answer to a week."""


class DelayTally:
    def __init__(self, bounds: Sequence[float] = BUCKETS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._seconds = 0.0

    def took(self, seconds: float) -> None:
        """Negative values, after a clock was set back, count as zero."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._seconds += seconds

    def told(self) -> Delays:
        return Delays(tuple(zip((*self._bounds, math.inf), accumulate(self._counts), strict=True)), self._seconds)
