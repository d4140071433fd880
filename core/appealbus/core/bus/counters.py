"""What monitoring counts: events by name, and the time from acceptance of an appeal to its dossiers."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from appealbus.core.domain.counts import Delays

_NAMES = 100
"""Names counted individually: more than there are channels. A sender that invents names cannot grow the metrics
page."""
OTHER = "other"


class Tally:
    """Counts events by name and result. Names beyond the first hundred are counted as `other`."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, result: str) -> None:
        if name not in self._names:
            if len(self._names) < _NAMES:
                self._names.add(name)
            else:
                name = OTHER
        self._counts[name, result] += 1

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        return ((name, result, count) for (name, result), count in list(self._counts.items()))


BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 604_800.0)
"""Upper bounds in seconds, from one source's answer to a week."""


class DelayTally:
    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def took(self, seconds: float) -> None:
        """Negative values, after a clock was set back, count as zero."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def told(self) -> Delays:
        return Delays(tuple(zip((*BUCKETS, math.inf), accumulate(self._counts), strict=True)), self._seconds)
