"""Calls in flight to a source: their slots, their rate and their durations."""

import asyncio
import math
from array import array
from bisect import bisect_left
from collections.abc import Callable

from appealbus.core import clocks

_LOOK = 0.5
"""Seconds between checks of all waiters whether they can still get a slot in time."""
_NEW = 0.1
"""Weight of the newest call in the mean duration: about ten calls determine it."""


class Slots:
    """Hands out slots in order of arrival. Their number may change meanwhile.

    If slots become free too slowly, waiters are refused at once, or as soon as that shows.

    Attributes:
        in_use: taken slots; may exceed `capacity` for a while after it was lowered.
        until: when the capacity expires, on the event loop's clock.
        on_wait: called when somebody has to wait.
        on_free: called when a slot is returned.
    """

    def __init__(self, capacity: int, *, clock: Callable[[], float] = clocks.monotonic) -> None:
        self.capacity = capacity
        self.in_use = 0
        self.until = math.inf
        self.on_wait: Callable[[], None] | None = None
        self.on_free: Callable[[], None] | None = None
        self._clock = clock
        self._peak = 0
        self._mean = 0.0
        self._taken_at = 0.0  # the moments at which the places in use were taken, added up
        self._timer: asyncio.TimerHandle | None = None
        # A dict, because one that gives up leaves from the middle of the queue. With the moment each can wait for.
        self._queue: dict[asyncio.Future[float | None], float] = {}

    def __len__(self) -> int:
        """Return the number of waiters."""
        return len(self._queue)

    @property
    def pace(self) -> float:
        """Expected seconds between two slots becoming free, by current and recent use."""
        held = self._clock() - self._taken_at / self.in_use if self.in_use else 0.0
        return max(self._mean, held) / max(1, self.capacity)

    async def take(self, deadline: float) -> float | None:
        """Take a slot and return the time; None if none becomes free before the deadline."""
        if not self._queue and self.in_use < self.capacity:
            return self._take()
        if self._clock() + (len(self._queue) + 1) * self.pace > deadline:
            return None
        place: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._queue[place] = deadline
        self._peak = max(self._peak, self.in_use + len(self._queue))
        if self.on_wait is not None:
            self.on_wait()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and (taken := place.result()) is not None:
                self.give(taken)
            raise
        finally:
            self._queue.pop(place, None)

    def give(self, taken: float) -> None:
        """Return a slot; `taken` is the time that `take` returned."""
        self.in_use -= 1
        self._taken_at -= taken
        self._mean += _NEW * (self._clock() - taken - self._mean)
        self._serve()
        if self.on_free is not None:
            self.on_free()

    def resize(self, capacity: int) -> None:
        """Change the capacity. Slots in use are kept."""
        self.capacity = capacity
        self._serve()

    def take_peak(self) -> int:
        """Return the highest number of taken and waiting slots since the last call."""
        peak, self._peak = self._peak, self.in_use + len(self._queue)
        return peak

    def _take(self) -> float:
        now = self._clock()
        self.in_use += 1
        self._taken_at += now
        self._peak = max(self._peak, self.in_use)
        return now

    def _serve(self) -> None:
        while self._queue and self.in_use < self.capacity:
            place = next(iter(self._queue))
            del self._queue[place]
            if not place.done():
                place.set_result(self._take())

    def _look(self) -> None:
        """Refuse the waiters that cannot get a slot in time."""
        self._timer = None
        now, pace, ahead = self._clock(), self.pace, 0
        for place, deadline in list(self._queue.items()):
            ahead += 1
            if now + ahead * pace > deadline and not place.done():
                ahead -= 1
                del self._queue[place]
                place.set_result(None)
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)


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
