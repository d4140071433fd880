"""Limits on sources that hold over all workers of a journal: this worker's exchanges about all its sources.

Each worker has a share of each source and uses no more (`worker_share`). In an exchange it reports what it uses and
wants, and the journal answers with what it may use from then on (`journal.limits`); the
breaker of all workers goes the same way (`shared_breaker`). docs/limits.md tells what is promised and why it holds.

Pauses, windows and quotas stand apart (`gate`), since they hold where one process works alone, too.
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
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.shared_breaker import SharedBreaker
from appealbus.core.guards.slots import Slots
from appealbus.core.guards.worker_share import WorkerShare

log = structlog.get_logger(__name__)

_SOON = 0.025
"""Seconds after the last exchange before news that cannot wait are told: failures of many calls go in one exchange."""
_FAILING = 1.0
"""Seconds between exchanges while they fail: a share lasts for ten, and a database that starts has enough to do."""


class LimitsJournal(Protocol):
    """What of the journal is needed here."""

    async def share_limits(self, worker: str, reports: Sequence[Report]) -> list[Grant]:
        """Report on all sources and get what may be used of each."""

    async def leave_limits(self, worker: str) -> None:
        """Give everything back."""


class Limits:
    """Exchanges with the journal: what this worker uses and wants of each source against what it may use."""

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
        """Get the first shares.

        Raises:
            JournalError: if the journal gives none.

        """
        if self._shares:
            await self._exchange()

    async def run(self) -> None:
        """Exchange until cancelled."""
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
        """Give everything back, once nothing is in flight any more."""
        for each in self._shares:
            each.lapse()
        if self._shares:
            await self._journal.leave_limits(self._worker)

    def wake(self, urgent: bool = True) -> None:
        """Exchange soon; where it is not urgent, as soon as there is work."""
        self._news |= urgent
        self._wake.set()

    async def exchanged(self) -> None:
        """Wait until an exchange that begins after now has ended, well or not."""
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
        return min(each.gap() for each in self._shares)

    async def _exchange(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._news = False
        begun = self._clock()
        reports = [each.report() for each in self._shares]
        try:
            grants = await self._journal.share_limits(self._worker, reports)
        except BaseException:
            for each, report in zip(self._shares, reports, strict=True):
                each.breaker.lost(report.news)
            raise
        else:
            for each, grant in zip(self._shares, grants, strict=True):
                each.adopt(grant, begun)
        finally:
            self._last = self._clock()
            for done in waiting:
                if not done.done():
                    done.set_result(None)
