"""The sequencer: gives positions in the log to what is committed, by one worker for all."""

import asyncio

import structlog

from appealbus.core.bus.leader import LeaderLease
from appealbus.core.errors import JournalError
from appealbus.core.journal import upkeep
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

_SOON = 0.5
"""Seconds after a look that found something. With less, the same work takes more transactions, each with its fsync;
with more, readers of the log are further behind than a second."""
_LATEST = 2.0
"""Seconds to which the pause grows while nothing is found: an idle look is one small read."""


class Sequencer:
    """Gives positions until cancelled. The lease only spares others the work: two at once are as right as one."""

    def __init__(self, journal: Journal, lease: LeaderLease) -> None:
        self._journal = journal
        self._lease = lease
        self._news = asyncio.Event()
        self._trouble = LogThrottle()

    def wake(self) -> None:
        """Look now: another worker has just written something."""
        self._news.set()

    async def run(self) -> None:
        """Look soon after work, and seldom where there is none. Returns at once where positions need nobody."""
        pause = _SOON
        while self._journal.shared:
            found = await self._look() if self._lease.held else 0
            pause = _SOON if found else min(2 * pause, _LATEST)
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
        """Give positions to all that is there: this worker ends, and another may not be there to do it.

        Raises:
            JournalError: it could not; the next worker does it.

        """
        while await self._journal.place_log():
            pass

    async def _look(self) -> int:
        total = 0
        try:
            while True:
                found = await self._journal.place_log()
                total += found
                # What came during a look that was not full is left to the next one, with all that comes till then.
                if found < upkeep.PLACED or not self._lease.held:
                    break
            self._trouble.over()
        except JournalError as error:
            if self._trouble.is_news():
                log.warning("log.placing_failed", code=error.code)
        return total
