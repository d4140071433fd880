"""The service that counts by the hour and judges each week once it has ended."""

import asyncio
from contextlib import closing
from datetime import date, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

import structlog

from appealbus.core import ConfigError, JournalError, RunningBus, Service
from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.clusters import Scanned, near_from
from appealbus.plugins.surges.counting import count_new
from appealbus.plugins.surges.judge import Judged
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.watch import judged_week, last_whole_week, surges
from appealbus.plugins.surges.webhook import UNREACHABLE, send

log = structlog.get_logger(__name__)

_PAUSE = 3600.0
"""Seconds between two looks: what happened in a week does not wait for seconds."""
_LONGEST = 1800.0
"""Seconds that a judgement may take: a week of two thousand series takes some ten, and a country has twenty times
as many."""

_GIVEN_UP = timedelta(days=14)
"""After two weeks of refusals an alarm is not sent any more: it is older than two newer ones of the same series."""


class Surges(Service):
    """Raises the alarms of each week, and sends them; of several workers the first one does."""

    name: ClassVar[str] = "surges"

    def __init__(self, settings: SurgesSettings, file: Path) -> None:
        self._settings = settings
        self._file = file

    async def run(self, bus: RunningBus) -> None:
        """Watch until cancelled; what fails in a look is logged, and tried again in an hour."""
        if bus.worker_number != 0:
            await asyncio.Event().wait()
        with closing(Store(self._file)) as store:
            while True:
                try:
                    await self._look(bus, store)
                except JournalError:
                    log.warning("surges.not_counted")
                except (ConfigError, TimeoutError, EOFError, OSError) as error:
                    reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
                    log.warning("surges.not_judged", reason=reason)
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
        """Judge in a process of its own, which is killed where it takes too long or the bus stops.

        Ten seconds of Python would hold up all that the bus does.

        Raises:
            ConfigError: the table of positions is none.
            EOFError: the process ended without an answer.

        """
        context = get_context("spawn")
        answer, end = context.Pipe(duplex=False)
        given = (end, self._file, monday, self._settings.rate, self._settings.positions)
        child = context.Process(target=_answer, args=given, daemon=True)
        child.start()
        try:
            end.close()  # so that its death is the end of the answer
            async with asyncio.timeout(_LONGEST):
                told = await asyncio.to_thread(answer.recv)
        finally:
            child.kill()
            child.join()
        if isinstance(told, str):
            raise ConfigError(told)
        judged: tuple[Judged, Scanned | None] = told
        return judged

    async def _tell(self, store: Store) -> None:
        given_up = 0
        for each in kept.untold(store, wall().astimezone(KAZAKHSTAN).date()):
            if wall() - each.raised_at > _GIVEN_UP:
                given_up += 1
                continue
            reason = await send(self._settings, each)
            if reason is None:
                kept.told(store, each.id, wall())
                continue
            log.warning("surges.not_told", reason=reason)
            if reason == UNREACHABLE:  # so are all others
                break
        if given_up:
            log.warning("surges.given_up", count=given_up)


def _answer(end: Connection, file: Path, monday: date, rate: float, positions: Path | None) -> None:
    try:
        end.send(judged_in_file(file, monday, rate, positions))
    except ConfigError as error:
        end.send(str(error))


def judged_in_file(file: Path, monday: date, rate: float, positions: Path | None) -> tuple[Judged, Scanned | None]:
    """Judge a week by the counts in a file; with positions of districts, neighbours together, too."""
    near = None if positions is None else near_from(positions)
    with closing(Store(file)) as store:
        return judged_week(store, monday, rate, near)
