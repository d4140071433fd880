"""Call rate and durations of a source."""

from array import array
from bisect import bisect_left
from collections.abc import Callable

_WINDOW = 60
"""Seconds that a rate covers: fewer would make it jump, more would make it slow."""
_SAMPLES = 1024
"""Latest durations for quantiles: ten of them lie above the 99th percentile, and they cost 8 kB."""
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram's buckets, in seconds; the last bucket has no bound."""


class Latency:
    """Calls per second over the last minute, and quantiles over the last 1,024 calls. Its size is constant."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None
        self._seconds = array("q", [-1] * _WINDOW)
        self._counts = array("q", [0] * _WINDOW)
        self._durations = array("d")
        self._next = 0
        self.histogram = array("q", [0] * (len(BUCKETS) + 1))
        """Calls since the start, by bucket."""
        self.total = 0.0
        """Total duration in seconds of all calls since the start."""

    def left(self) -> None:
        now = self._clock()
        if self._since is None:
            self._since = now
        second = int(now)
        slot = second % _WINDOW
        if self._seconds[slot] != second:
            self._seconds[slot] = second
            self._counts[slot] = 0
        self._counts[slot] += 1

    def took(self, seconds: float) -> None:
        self.histogram[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds
        if len(self._durations) < _SAMPLES:
            self._durations.append(seconds)
        else:
            self._durations[self._next] = seconds
            self._next = (self._next + 1) % _SAMPLES

    def rate(self) -> float:
        """Return the calls per second over the last minute, or since the first call if that is shorter."""
        if self._since is None:
            return 0.0
        now = self._clock()
        oldest = int(now) - _WINDOW
        calls = sum(count for second, count in zip(self._seconds, self._counts, strict=True) if second > oldest)
        return calls / min(float(_WINDOW), max(1.0, now - self._since))

    def quantiles(self, *parts: float) -> list[float | None]:
        """Return these quantiles of the durations; None without calls."""
        if not self._durations:
            return [None] * len(parts)
        ordered = sorted(self._durations)
        return [ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in parts]
