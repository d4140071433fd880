"""Each second: the journal's clock is looked at, and the checkpoint outside it follows."""

import asyncio

import structlog

from appealbus.core.errors import JournalError
from appealbus.core.journal.checkpoint import Behind, Checkpoint
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

_EACH = 1.0
"""What a restored copy lacks of less than this nobody notices by itself; a shorter time would cost a write for each."""


class Clockwork:
    """Looks until cancelled."""

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
        """Wait until the journal is an older copy of what it was, such as a standby that had not got all; raise then.

        Raises:
            Behind: it is.

        """
        await self._went_back.wait()
        raise Behind("the journal has gone back while the bus ran: what it lost would be numbered again")

    async def run(self) -> None:
        """Look each second."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(_EACH)
        finally:
            if self._writing is not None:  # a thread that takes the lock after us would keep it
                await asyncio.wait([self._writing], timeout=_EACH)
                if self._writing.done():
                    self._writing.exception()  # who is told to end tells nobody any more
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
                loop = asyncio.get_running_loop()  # no task: whoever cancels all of them cannot cancel the thread
                self._writing = loop.run_in_executor(None, self._checkpoint.write, standing)
                await asyncio.shield(self._writing)
            self.problem = None
            self._trouble.over()
        except JournalError:
            pass  # whoever needs the journal more says so
        except OSError as error:
            self.problem = f"the checkpoint cannot be written ({error.strerror}); see bus.checkpoint"
            if self._trouble.is_news():
                log.error("checkpoint.failed", error=type(error).__name__)
