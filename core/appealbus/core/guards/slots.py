"""Places for calls in flight."""

import asyncio
import math
from collections.abc import Callable
from types import TracebackType


class Slots:
    """Hands out places first come, first served. How many there are may change meanwhile.

    Attributes:
        capacity: places in all.
        in_use: places taken; more than `capacity` for a while after it was lowered.
        until: on the event loop's clock, when the capacity stops being ours to use.
        on_wait: called when somebody has to wait.
        on_free: called when a place comes back.

    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.in_use = 0
        self.until = math.inf
        self.on_wait: Callable[[], None] | None = None
        self.on_free: Callable[[], None] | None = None
        self._peak = 0
        # A dict, because one that gives up leaves from the middle of the queue.
        self._queue: dict[asyncio.Future[None], None] = {}

    def __len__(self) -> int:
        """Return how many wait for a place."""
        return len(self._queue)

    async def __aenter__(self) -> None:
        if not self._queue and self.in_use < self.capacity:
            self.in_use += 1
            self._peak = max(self._peak, self.in_use)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[place] = None
        self._peak = max(self._peak, self.in_use + len(self._queue))
        if self.on_wait is not None:
            self.on_wait()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free()
            raise
        finally:
            self._queue.pop(place, None)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free()

    def resize(self, capacity: int) -> None:
        """Have so many places from now on. What is in use goes on."""
        self.capacity = capacity
        self._serve()

    def take_peak(self) -> int:
        """Return the most places that were taken or waited for at a time, since this was last asked."""
        peak, self._peak = self._peak, self.in_use + len(self._queue)
        return peak

    def _free(self) -> None:
        self.in_use -= 1
        self._serve()
        if self.on_free is not None:
            self.on_free()

    def _serve(self) -> None:
        while self._queue and self.in_use < self.capacity:
            place = next(iter(self._queue))
            del self._queue[place]
            if not place.done():
                self.in_use += 1
                place.set_result(None)
