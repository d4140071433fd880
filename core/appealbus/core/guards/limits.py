"""Limits on sources that hold over all workers of a journal."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from appealbus.core import clocks
from appealbus.core.domain.limits import Report, Standing
from appealbus.core.errors import JournalError
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.shared import Shared
from appealbus.core.guards.shared_breaker import SharedBreaker
from appealbus.core.guards.slots import Slots

log = structlog.get_logger(__name__)

_SOON = 0.025
_FAILING = 1.0


class Shares(Protocol):
    """What of the journal is needed here."""

    async def share_limits(self, worker: str, reports: Sequence[Report]) -> list[Standing]:
        """Report on all sources and get the shares."""

    async def leave_limits(self, worker: str) -> None:
        """Give everything back."""


class Limits:
    """Exchanges with the journal: what this worker uses and wants of each source against what it may use."""

    def __init__(self, journal: Shares, worker: str, *, clock: Callable[[], float] = clocks.monotonic) -> None:
        self._journal = journal
        self._worker = worker
        self._clock = clock
        self._shared: list[Shared] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._news = False
        self._failing = False
        self._last = -math.inf

    def add(
        self, source: str, settings: GuardSettings, slots: Slots, bucket: Bucket | None, breaker: SharedBreaker
    ) -> None:
        """Share the limits of a source. Nothing may leave for it before `start`."""
        breaker.tell, breaker.told = self.wake, self.exchanged
        self._shared.append(Shared(source, settings, slots, bucket, breaker, wake=self.wake, clock=self._clock))

    async def start(self) -> None:
        """Get the first shares.

        Raises:
            JournalError: if the journal gives none.

        """
        if self._shared:
            await self._exchange()

    async def run(self) -> None:
        """Exchange until cancelled."""
        while self._shared:
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
        for each in self._shared:
            each.lapse()
        if self._shared:
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
        return min(each.gap() for each in self._shared)

    async def _exchange(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._news = False
        begun = self._clock()
        reports = [each.report(begun) for each in self._shared]
        try:
            standings = await self._journal.share_limits(self._worker, reports)
        except BaseException:
            for each, report in zip(self._shared, reports, strict=True):
                each.breaker.lost(report.news)
            raise
        else:
            for each, standing in zip(self._shared, standings, strict=True):
                each.adopt(standing, begun)
        finally:
            self._last = self._clock()
            for done in waiting:
                if not done.done():
                    done.set_result(None)
