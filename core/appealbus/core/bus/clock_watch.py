"""Looks at the journal's clock each second, and writes the checkpoint that lies outside the journal."""

import asyncio

import structlog

from appealbus.core.errors import JournalError
from appealbus.core.journal.checkpoint import Behind, Checkpoint
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

_EACH = 1.0
"""Seconds between two looks. A restored copy of the journal that lacks less than this is not noticed by itself; with
less, the checkpoint would be written and flushed to disk more often."""


class ClockWatch:
    """Watches the journal's clock and writes the checkpoint."""

    def __init__(self, journal: Journal, checkpoint: Checkpoint | None) -> None:
        self._journal = journal
        self._checkpoint = checkpoint
        self._trouble = LogThrottle()
        self._beat = 0
        self._writing: asyncio.Future[bool] | None = None
        self.problem: str | None = None
        """Why the checkpoint is not written now."""
        self._over = asyncio.Event()
        self._why: JournalError | None = None

    @property
    def superseded(self) -> bool:
        """Whether a newer release has migrated the journal: nothing can be noted there any more."""
        return isinstance(self._why, Superseded) and self._why.done

    async def over(self) -> None:
        """Wait until the journal can be worked no more.

        Raises:
            Behind: it turns out to be an older copy of itself, such as a standby that lacks the last writes.
            Superseded: a newer release migrates it, or has done so.

        """
        await self._over.wait()
        if self._why is not None:
            raise self._why

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
                text = "the journal has gone back while the bus ran: what it lost would be numbered again"
                self._end(Behind(text))
                return
            self._beat = standing.beat
            if self._checkpoint is not None:
                loop = asyncio.get_running_loop()  # no task: a thread cannot be cancelled with it
                self._writing = loop.run_in_executor(None, self._checkpoint.write, standing)
                await asyncio.shield(self._writing)
            self.problem = None
            self._trouble.over()
        except Superseded as error:
            if self._why is None:
                log.warning("journal.superseded", reason=error.reason)
            self._end(error)
        except JournalError:
            pass  # other parts need the journal more urgently, and log it
        except OSError as error:
            self.problem = f"the checkpoint cannot be written ({error.strerror}); see bus.checkpoint"
            if self._trouble.is_news():
                log.error("checkpoint.failed", error=type(error).__name__)

    def _end(self, why: JournalError) -> None:
        self._why = self._why or why
        self._over.set()
