"""Checks the journal's clock each second and writes the checkpoint that lies outside the journal."""

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast

import structlog

from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import state, workers
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.errors import Behind, Superseded
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.setup import LogThrottle

T = TypeVar("T")

log = structlog.get_logger(__name__)

_EACH = 1.0
"""Seconds between two checks. A restored copy that lacks less than this is not detected."""
_FROZEN = 10.0
"""Seconds to wait for the checkpoint's disk. Another process may lock the file for five; heartbeats wait once."""
_UNMOVED = timedelta(seconds=15)
"""Maximum age of a mark written by another process of this machine. With less, a loaded machine would be reported."""


class ClockWatch:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._checkpoint = journal.checkpoint
        self._trouble = LogThrottle()
        self._writing: asyncio.Future[Any] | None = None
        self.problem: str | None = None
        self._over = asyncio.Event()
        self._why: JournalError | None = None

    @property
    def ended(self) -> bool:
        """True if the journal can no longer be written: it was replaced, or migrated by a newer release."""
        return isinstance(self._why, Behind) or (isinstance(self._why, Superseded) and self._why.done)

    async def over(self) -> None:
        """Wait until the journal can no longer be worked.

        Raises:
            Behind: it is an older copy of itself, such as a standby that lacks the last writes.
            Superseded: a newer release migrates it, or has done so.
        """
        await self._over.wait()
        if self._why is not None:
            raise self._why

    async def run(self) -> None:
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
        checkpoint = self._checkpoint
        try:
            await self._journal.look()
            if self._journal.memory.trusts:
                self._journal.memory.untold = await self._journal.ask(workers.last_heartbeat) is None
            if checkpoint is not None:
                await self._compare(checkpoint)
            self.problem = None
            self._trouble.over()
        except Superseded as error:
            if self._why is None:
                log.warning("journal.superseded", reason=error.reason)
            self._end(error)
        except Behind as error:
            await self._notice(error)
        except JournalError:
            pass  # other parts need the journal more urgently, and log it
        except (OSError, ConfigError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self.problem = f"the checkpoint cannot be written ({why}); see bus.checkpoint"
            if self._trouble.is_news():
                log.error("checkpoint.failed", error=type(error).__name__)

    async def _compare(self, checkpoint: Checkpoint) -> None:
        mark = await self._beside(checkpoint.read)
        now = await self._journal.ask(state.how_far)
        try:
            checkpoint.compare(mark, now)
        except Behind as error:
            self._journal.memory.lose(str(error), now)
            raise
        self._journal.memory.check()  # or the mark would move with a journal of which somebody has just noticed it
        written = await self._beside(partial(checkpoint.write, now))
        old = mark is None or (mark.clock and now.clock and now.clock - mark.clock > _UNMOVED)
        if old and checkpoint.writes and not written:
            raise OSError(errno.EBUSY, "a process that does not move it holds its lock, see `fuser`")

    async def _beside(self, work: Callable[[], T]) -> T:
        """Run file work in a thread, which cannot be cancelled. OSError also if the disk does not answer."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().run_in_executor(None, work)
            done, _ = await asyncio.wait([self._writing], timeout=_FROZEN)
            if done:
                return cast("T", self._writing.result())
        raise OSError(errno.ETIMEDOUT, "its disk does not answer")

    async def _notice(self, why: Behind) -> None:
        """Report the error and end the bus; writes have already stopped."""
        if self.ended:
            return
        log.error("journal.gone_back")
        self._end(why)
        if self._checkpoint is not None:
            with suppress(OSError, ConfigError):
                await self._beside(partial(self._checkpoint.note, self._journal.memory.found))

    def _end(self, why: JournalError) -> None:
        self._why = self._why or why
        self._over.set()
