"""Limits shared by all workers of a journal: this worker's exchanges about all its sources.

Each worker uses only its share of each source (`worker_share`). In an exchange it reports its use and its needs, and
the journal answers with the new share (`journal.limits`); the shared breaker uses the
same way (`shared_breaker`). docs/limits.md states what is promised and why it holds.

Pauses, windows and quotas are separate (`gate`), since they also apply to a single process.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from appealbus.core import clocks
from appealbus.core.domain.limits import Grant, Report
from appealbus.core.errors import JournalError
from appealbus.core.guards.breaker import SharedBreaker
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.slots import Slots
from appealbus.core.guards.worker_share import WorkerShare

log = structlog.get_logger(__name__)

_SOON = 0.025
"""Shortest time in seconds after the last exchange for urgent news: failures of many calls share one exchange."""
_FAILING = 1.0
"""Seconds between failing exchanges: a share lasts for ten, and a starting database is busy enough."""


class LimitsJournal(Protocol):
    """The part of the journal needed here."""

    async def share_limits(self, worker: str, reports: Sequence[Report]) -> list[Grant]:
        """Report on all sources and get the shares."""

    async def leave_limits(self, worker: str) -> None:
        """Return all shares."""


class Limits:
    """Exchanges this worker's usage and needs for its shares."""

    def __init__(self, journal: LimitsJournal, worker: str, *, clock: Callable[[], float] = clocks.monotonic) -> None:
        self._journal = journal
        self._worker = worker
        self._clock = clock
        self._shares: list[WorkerShare] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._news = False
        self._failing = False
        self._last = -math.inf

    def add(
        self, source: str, settings: GuardSettings, slots: Slots, bucket: Bucket | None, breaker: SharedBreaker
    ) -> None:
        """Share the limits of a source. Nothing may leave for it before `start`."""
        breaker.wake, breaker.exchanged = self.wake, self.exchanged
        self._shares.append(WorkerShare(source, settings, slots, bucket, breaker, wake=self.wake, clock=self._clock))

    async def start(self) -> None:
        """Get the first shares. Raises JournalError if the journal gives none."""
        if self._shares:
            await self._exchange()

    async def run(self) -> None:
        while self._shares:
            await self._pause()
            try:
                await self._exchange()
                self._failing = False
            except JournalError as error:
                if not self._failing:
                    log.warning("limits.failed", code=error.code)
                self._failing = True

    async def leave(self) -> None:
        """Return all shares, once nothing is in flight any more."""
        for share in self._shares:
            share.lapse()
        if self._shares:
            await self._journal.leave_limits(self._worker)

    def wake(self, urgent: bool = True) -> None:
        """Exchange soon; if not urgent, after the usual gap."""
        self._news |= urgent
        self._wake.set()

    async def exchanged(self) -> None:
        """Wait until an exchange that begins after now has ended, even with an error."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self.wake()
        await done

    async def _pause(self) -> None:
        while (left := self._last + self._gap() - self._clock()) > 0:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._wake.wait()

    def _gap(self) -> float:
        if self._failing:
            return _FAILING
        if self._news:
            return _SOON
        return min(share.gap() for share in self._shares)

    async def _exchange(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._news = False
        begun = self._clock()
        reports = [share.report() for share in self._shares]
        try:
            grants = await self._journal.share_limits(self._worker, reports)
        except BaseException:
            for share, report in zip(self._shares, reports, strict=True):
                share.breaker.lost(report.news)
            raise
        else:
            for share, grant in zip(self._shares, grants, strict=True):
                share.adopt(grant, begun)
        finally:
            self._last = self._clock()
            for done in waiting:
                if not done.done():
                    done.set_result(None)
