"""Runs operations in this server process, a few at a time. Any server can continue an unfinished one."""

import asyncio
from collections import Counter
from contextlib import aclosing, suppress
from functools import partial

import structlog

from appealbus.core import JournalError
from appealbus.core.clocks import monotonic
from appealbus.core.fair_share import FairShare, requester
from appealbus.core.management import Journal, operations
from appealbus.core.management.operations import Operation
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.page import Page

_AT_ONCE = 2
_MOST = 50
"""Maximum number of running and waiting operations of one person."""
_OURS = frozenset({"unknown_operation", "operation_stopped"})
"""Errors of a part that mean: another server has done or stopped it."""
_PATIENCE, _PAUSE = 3600.0, 5.0
"""Seconds of waiting for an unavailable journal, and seconds between attempts."""

log = structlog.get_logger(__name__)


class Carrying:
    """Runs operations, part by part, until the server stops."""

    def __init__(self, console: Console) -> None:
        self._draining = console.api.draining
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._of: Counter[str] = Counter()
        self._turns = FairShare(_AT_ONCE)
        self.looking = FairShare(_AT_ONCE)
        """Limits concurrent selections: one of a million ids takes seconds, so each person gets one at a time."""

    @classmethod
    def of(cls, page: Page) -> "Carrying":
        return page.console.one(cls)

    @property
    def full(self) -> bool:
        return self._of[requester.get()] >= _MOST

    def has(self, mark: str) -> bool:
        return mark in self._tasks

    def begin(self, journal: Journal, mark: str, operation: Operation) -> None:
        """Run the operation as the journal's actor; no effect if it already runs here."""
        if mark in self._tasks:
            return
        task = asyncio.create_task(self._carry_out(journal, mark, operation))
        self._tasks[mark] = task
        self._of[requester.get()] += 1
        task.add_done_callback(partial(self._ended, mark, requester.get()))

    def _ended(self, mark: str, who: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(mark, None)
        self._of[who] -= 1

    async def _carry_out(self, journal: Journal, mark: str, operation: Operation) -> None:
        async with self._turns.place():
            moved = monotonic()
            while True:
                try:
                    async with aclosing(operations.carry_out(journal, mark)) as parts:
                        async for progress in parts:
                            moved = monotonic()
                            if self._draining.is_set() and not progress.finished:
                                log.warning("operation.interrupted", operation=operation.value, code="server_ends")
                                return
                    break
                except JournalError as error:
                    if error.code in _OURS:
                        return
                    if not error.passes or monotonic() - moved > _PATIENCE or await self._ends_within(_PAUSE):
                        log.warning("operation.interrupted", operation=operation.value, code=error.code)
                        return
            log.warning(
                "operation.carried_out",
                operation=operation.value,
                count=progress.total,
                actor=journal.actor.removeprefix("person:"),
            )

    async def _ends_within(self, seconds: float) -> bool:
        """Wait; return whether the server stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()
        return self._draining.is_set()
