"""How late the event loop is: a sleeper notes by how much it overslept."""

import asyncio
from collections import deque

from appealbus.core.clocks import monotonic

_NAP = 0.1
"""Seconds: a loop that is stuck for half a second is seen, and ten wake-ups a second cost nothing."""
_KEPT = 60.0
"""Seconds: metrics are scraped once or more in a minute, so no peak is missed."""


class LoopLag:
    """The worst of each second of the last minute."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, float]] = deque()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            before = monotonic()
            await asyncio.sleep(_NAP)
            self.note(monotonic(), monotonic() - before - _NAP)

    def note(self, now: float, late: float) -> None:
        """Note that the loop was so late, in seconds."""
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            late = max(late, self._seconds.pop()[1])
        self._seconds.append((second, max(0.0, late)))
        while self._seconds[0][0] < second - _KEPT:
            self._seconds.popleft()

    def worst(self, within: float) -> float:
        """Return the worst lag of the last seconds."""
        since = monotonic() - within
        return max((late for second, late in self._seconds if second >= since - 1), default=0.0)
