"""The sequencer: assigns log positions to committed entries, on one worker for all."""

import asyncio

import structlog

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.setup import LogThrottle

log = structlog.get_logger(__name__)

_SOON = 0.5
"""Seconds after a productive poll. With less, more fsyncs; with more, readers of the log lag over a second."""
_LATEST = 2.0
"""Longest pause while nothing is found; an idle poll is one small read."""


class Sequencer:
    """Assigns positions until cancelled. The lease only saves work: two sequencers at once are still correct."""

    def __init__(self, journal: Journal, lease: LeaderLease) -> None:
        self._journal = journal
        self._lease = lease
        self._news = asyncio.Event()
        self._trouble = LogThrottle()

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Poll often after work and seldom when idle. Returns at once if positions need no sequencer."""
        pause = _SOON
        while self._journal.shared:
            placed = await self._look() if self._lease.held else 0
            pause = _SOON if placed else min(2 * pause, _LATEST)
            # News only shortens a long pause: while there is work, each look takes all that came in between.
            await asyncio.sleep(_SOON)
            if pause > _SOON:
                self._news.clear()
                try:
                    async with asyncio.timeout(pause - _SOON):
                        await self._news.wait()
                except TimeoutError:
                    pass

    async def finish(self) -> None:
        """Assign all positions before this worker ends, since it may be the last."""
        while await self._journal.do(events.Placing()):
            pass

    async def _look(self) -> int:
        total = 0
        try:
            while True:
                placed = await self._journal.do(events.Placing())
                total += placed
                # What came during a look that was not full is left to the next one, with all that comes till then.
                if placed < events.PLACED or not self._lease.held:
                    break
            self._trouble.over()
        except JournalError as error:
            if self._trouble.is_news():
                log.warning("log.placing_failed", code=error.code)
        return total
