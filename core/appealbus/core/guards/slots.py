"""Places for calls in flight."""

import asyncio
import math
from collections.abc import Callable

from appealbus.core import clocks

_LOOK = 0.5
"""Seconds between two looks at whether those who wait can still have their turn in time: soon enough for cases, whose
time is counted in seconds, and a look goes over all who wait."""
_NEW = 0.1
"""What the newest call weighs in the mean: some ten calls say how long one takes."""


class Slots:
    """Hands out places first come, first served. How many there are may change meanwhile.

    Nobody waits in vain: where the places go too slowly, it is said at once, or as soon as it shows.

    Attributes:
        capacity: places in all.
        in_use: places taken; more than `capacity` for a while after it was lowered.
        until: on the event loop's clock, when the capacity stops being ours to use.
        on_wait: called when somebody has to wait.
        on_free: called when a place comes back.

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
        """Return how many wait for a place."""
        return len(self._queue)

    @property
    def pace(self) -> float:
        """Seconds from one place that comes free to the next, as places are held now and were of late."""
        held = self._clock() - self._taken_at / self.in_use if self.in_use else 0.0
        return max(self._mean, held) / max(1, self.capacity)

    async def take(self, deadline: float) -> float | None:
        """Take a place, and return when that was; None where none comes free before the deadline."""
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
        """Give back a place that was taken then."""
        self.in_use -= 1
        self._taken_at -= taken
        self._mean += _NEW * (self._clock() - taken - self._mean)
        self._serve()
        if self.on_free is not None:
            self.on_free()

    def resize(self, capacity: int) -> None:
        """Have so many places from now on. What is in use goes on."""
        self.capacity = capacity
        self._serve()

    def take_peak(self) -> int:
        """Return the most places that were taken or waited for at a time, since this was last asked."""
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
        """Let those go for whom it has become too long."""
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
