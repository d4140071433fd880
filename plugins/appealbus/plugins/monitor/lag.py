"""Lag of the event loop: a task measures how late it wakes up."""

import asyncio
from collections import deque

from appealbus.core.clocks import monotonic

_NAP = 0.1
"""Seconds. Short enough to notice a stall of half a second; ten wake-ups a second cost nothing."""
_KEPT = 60.0
"""Seconds. Metrics are scraped at least once a minute, so no peak is missed."""


class LoopLag:
    """The worst lag of each second in the last minute."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, float]] = deque()

    async def run(self) -> None:
        while True:
            before = monotonic()
            await asyncio.sleep(_NAP)
            self.note(monotonic(), monotonic() - before - _NAP)

    def note(self, now: float, late: float) -> None:
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            late = max(late, self._seconds.pop()[1])
        self._seconds.append((second, max(0.0, late)))
        while self._seconds[0][0] < second - _KEPT:
            self._seconds.popleft()

    def worst(self, within: float) -> float:
        since = monotonic() - within
        return max((late for second, late in self._seconds if second >= since - 1), default=0.0)
