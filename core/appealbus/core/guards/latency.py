"""How fast a source is asked and how fast it answers."""

from array import array
from bisect import bisect_left
from collections.abc import Callable

_WINDOW = 60
"""Seconds that a rate is taken over: over fewer it would jump, over more it would be late to tell of a change."""
_SAMPLES = 1024
"""Latest durations that quantiles are taken of: ten of them lie above the 99th percentile, and they cost 8 kB."""
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram's buckets, in seconds; beside them there is one for all that took longer."""


class Latency:
    """Calls a second over the last minute, and quantiles over the last 1,024 calls. Its size never grows."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None
        self._seconds = array("q", [-1] * _WINDOW)
        self._counts = array("q", [0] * _WINDOW)
        self._durations = array("d")
        self._next = 0
        self.histogram = array("q", [0] * (len(BUCKETS) + 1))
        """How many calls since the start fell into each bucket."""
        self.total = 0.0
        """Seconds that all calls since the start took together."""

    def left(self) -> None:
        """Note that a call leaves now."""
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
        """Note how long a call took."""
        self.histogram[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds
        if len(self._durations) < _SAMPLES:
            self._durations.append(seconds)
        else:
            self._durations[self._next] = seconds
            self._next = (self._next + 1) % _SAMPLES

    def rate(self) -> float:
        """Return the calls a second over the last minute, or since the first call where that is less."""
        if self._since is None:
            return 0.0
        now = self._clock()
        oldest = int(now) - _WINDOW
        calls = sum(count for second, count in zip(self._seconds, self._counts, strict=True) if second > oldest)
        return calls / min(float(_WINDOW), max(1.0, now - self._since))

    def quantiles(self, *parts: float) -> list[float | None]:
        """Return the durations below which these parts of the calls stayed; None where there was none yet."""
        if not self._durations:
            return [None] * len(parts)
        ordered = sorted(self._durations)
        return [ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in parts]
