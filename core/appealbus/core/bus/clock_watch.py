"""Looks at the journal's clock each second, and writes the checkpoint that lies outside the journal."""

import asyncio

import structlog

from appealbus.core.errors import JournalError
from appealbus.core.journal.checkpoint import Behind, Checkpoint
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

_EACH = 1.0
"""Seconds between two looks. A restored copy of the journal that lacks less than this is not noticed by itself; with
less, the checkpoint would be written and flushed to disk more often."""


class Clockwork:
    """Watches the journal's clock and writes the checkpoint."""

    def __init__(self, journal: Journal, checkpoint: Checkpoint | None) -> None:
        self._journal = journal
        self._checkpoint = checkpoint
        self._trouble = LogThrottle()
        self._beat = 0
        self._writing: asyncio.Future[bool] | None = None
        self.problem: str | None = None
        """Why the checkpoint is not written now."""
        self._went_back = asyncio.Event()

    async def went_back(self) -> None:
        """Wait until the journal turns out to be an older copy of itself, such as a standby that lacks the last writes.

        Raises:
            Behind: always, when that happens.

        """
        await self._went_back.wait()
        raise Behind("the journal has gone back while the bus ran: what it lost would be numbered again")

    async def run(self) -> None:
        """Look each second, until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(_EACH)
        finally:
            if self._writing is not None:  # a thread that gets the file's lock after the end would keep it
                await asyncio.wait([self._writing], timeout=_EACH)
                if self._writing.done():
                    self._writing.exception()  # taken, so that asyncio does not log it
            if self._checkpoint is not None:
                self._checkpoint.close()

    async def _look(self) -> None:
        try:
            standing = await self._journal.look()
            if standing.beat < self._beat:
                self._went_back.set()
                return
            self._beat = standing.beat
            if self._checkpoint is not None:
                loop = asyncio.get_running_loop()  # no task: a thread cannot be cancelled with it
                self._writing = loop.run_in_executor(None, self._checkpoint.write, standing)
                await asyncio.shield(self._writing)
            self.problem = None
            self._trouble.over()
        except JournalError:
            pass  # other parts need the journal more urgently, and log it
        except OSError as error:
            self.problem = f"the checkpoint cannot be written ({error.strerror}); see bus.checkpoint"
            if self._trouble.is_news():
                log.error("checkpoint.failed", error=type(error).__name__)
