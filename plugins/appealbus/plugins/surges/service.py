"""The service that counts by the hour and judges each week once it has ended."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar

import structlog

from appealbus.core import JournalError, RunningBus, Service
from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.clusters import Near, Scanned, near_from
from appealbus.plugins.surges.counting import count_new
from appealbus.plugins.surges.judge import Judged
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.watch import judged_week, last_whole_week, surges
from appealbus.plugins.surges.webhook import send

log = structlog.get_logger(__name__)

_PAUSE = 3600.0
"""Seconds between two looks: what happened in a week does not wait for seconds."""
_LONGEST = 1800.0
"""Seconds that a judgement may take: a week of two thousand series takes some ten, and a country has twenty times
as many."""


class Surges(Service):
    """Raises the alarms of each week, and sends them; of several workers the first one does."""

    name: ClassVar[str] = "surges"

    def __init__(self, settings: SurgesSettings, file: Path) -> None:
        self._settings = settings
        self._file = file

    async def run(self, bus: RunningBus) -> None:
        """Watch until cancelled."""
        if bus.worker_number != 0:
            await asyncio.Event().wait()
        with closing(Store(self._file)) as store:
            while True:
                try:
                    await self._look(bus, store)
                except JournalError:
                    log.warning("surges.not_counted")
                await asyncio.sleep(_PAUSE)

    async def _look(self, bus: RunningBus, store: Store) -> None:
        await count_new(bus.journal, bus.journal_id, store)
        monday = last_whole_week(wall())
        if store.judged() != monday:
            judged, scanned = await self._judged(monday)
            found = await surges(bus.journal, store, judged, self._settings.rate, scanned)
            new = kept.raise_alarms(store, found, wall())
            store.note_judged(monday)
            log.info("surges.judged", count=judged.tested, found=len(new))
        if self._settings.webhook is not None:
            await self._tell(store)

    async def _judged(self, monday: date) -> tuple[Judged, Scanned | None]:
        """Judge in a process of its own: ten seconds of Python would hold up all that the bus does."""
        near = None if self._settings.positions is None else near_from(self._settings.positions)
        pool = ProcessPoolExecutor(1, get_context("spawn"))
        try:
            judging = asyncio.get_running_loop().run_in_executor(
                pool, judged_in_file, self._file, monday, self._settings.rate, near
            )
            async with asyncio.timeout(_LONGEST):
                return await judging
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # whoever stops the bus does not wait for it here

    async def _tell(self, store: Store) -> None:
        for each in kept.untold(store, wall().astimezone(KAZAKHSTAN).date()):
            reason = await send(self._settings, each)
            if reason is not None:
                log.warning("surges.not_told", reason=reason)
                return
            kept.told(store, each.id, wall())


def judged_in_file(file: Path, monday: date, rate: float, near: Near | None) -> tuple[Judged, Scanned | None]:
    """Judge a week by the counts in a file."""
    with closing(Store(file)) as store:
        return judged_week(store, monday, rate, near)
