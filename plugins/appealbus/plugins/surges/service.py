"""The service that counts by the hour, judges each week once it has ended, and looks at the end of each day."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar

import structlog

from appealbus.core import ConfigError, JournalError, LinkState, LinkStatus, RunningBus, Service
from appealbus.core.clocks import day_of, wall
from appealbus.plugins.surges import kept, outbox, possible
from appealbus.plugins.surges.counting import count_new
from appealbus.plugins.surges.judging import judged
from appealbus.plugins.surges.publishing import Exchanged
from appealbus.plugins.surges.sending import UNREACHABLE, Way
from appealbus.plugins.surges.series import WEEK, monday_of
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.threads import in_thread
from appealbus.plugins.surges.watch import last_whole_week, surges
from appealbus.plugins.surges.webhook import Webhook
from appealbus.plugins.surges.workdays import workdays

log = structlog.get_logger(__name__)

_PAUSE = 3600.0
"""Seconds between two looks: what happened in a week does not wait for seconds."""
_MISSED = 8
"""Weeks that are judged after a time in which the bus was down: what is older than two months helps nobody."""


class Surges(Service):
    """Raises the alarms of each week, and sends them; of several workers the first one does."""

    name: ClassVar[str] = "surges"

    def __init__(self, settings: SurgesSettings, file: Path) -> None:
        self._settings = settings
        self._file = file
        self._given_up: dict[str, int] = {}
        self._open_ways: list[Way] = []
        self._trouble: LinkState | None = None
        """That the last look has failed."""

    def links(self) -> Sequence[LinkState]:
        """Say how the connections to receivers stand."""
        ways = [link for way in self._open_ways for link in way.links()]
        return ways if self._trouble is None else [*ways, self._trouble]

    async def run(self, bus: RunningBus) -> None:
        """Watch until cancelled; what fails in a look is logged, and tried again in an hour."""
        if bus.worker_number != 0:
            await asyncio.Event().wait()
        async with self._open() as store, self._ways(bus) as ways:
            while True:
                try:
                    await self._watch(bus, store)
                    self._trouble = None
                except JournalError:
                    log.warning("surges.not_counted")
                    self._fails("the journal could not be read")
                except (ConfigError, TimeoutError, EOFError, OSError) as error:
                    reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
                    log.warning("surges.not_judged", reason=reason)
                    self._fails(reason)
                for way in ways:
                    try:
                        await self._tell(store, way)
                    except ConfigError as error:
                        log.warning("surges.not_told", receiver=way.name, reason=str(error))
                await asyncio.sleep(_PAUSE)

    def _fails(self, reason: str) -> None:
        since = self._trouble.since if self._trouble is not None else wall()
        self._trouble = LinkState("service.surges", LinkStatus.DOWN, f"no week is judged: {reason}", since)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Store]:
        store = await in_thread(Store, self._file)
        try:
            yield store
        finally:
            store.close()

    @asynccontextmanager
    async def _ways(self, bus: RunningBus) -> AsyncIterator[list[Way]]:
        """Open the ways to receivers; one that cannot be is told, and the other is there all the same."""
        settings, ways = self._settings, list[Way]()
        self._open_ways = ways
        async with AsyncExitStack() as stack:
            if settings.webhook is not None:
                ways.append(Webhook(settings.webhook, settings.webhook_secret, settings.timeout))
            if settings.broker is not None:
                try:
                    way = Exchanged(bus.shared("amqp"), settings.broker, settings.exchange, settings.timeout)
                    await way.start()
                    stack.push_async_callback(way.close)
                    ways.append(way)
                except ConfigError as error:
                    log.error("surges.not_told", receiver=Exchanged.name, reason=str(error))
            try:
                yield ways
            finally:
                self._open_ways = []

    async def _watch(self, bus: RunningBus, store: Store) -> None:
        await count_new(bus.journal, bus.journal_id, store)
        now = wall()
        await in_thread(store.forget_the_future, now)
        for monday in _unjudged(await in_thread(store.judged), last_whole_week(now)):
            await self._judge(bus, store, monday)
        await self._look(bus, store, now)

    async def _judge(self, bus: RunningBus, store: Store, monday: date) -> None:
        """Raise the alarms of a week that is over."""
        settings = self._settings
        found, scanned = await judged(self._file, monday, settings.rate, settings.positions)
        alarms = await surges(bus.journal, store, found, settings.rate, scanned)
        new = await in_thread(kept.raise_alarms, store, alarms, wall())
        await in_thread(store.note_judged, monday, wall(), found.tested, found.limit)
        log.info("surges.judged", count=found.tested, found=len(new))

    async def _look(self, bus: RunningBus, store: Store, now: datetime) -> None:
        """Note what is possible by the end of the last working day of the week that is under way; each day once."""
        week = workdays(monday_of(day_of(now)), bus.works_on)
        day = week.closed(now)
        if day is None or await in_thread(possible.looked, store, day):
            return
        share, rate = week.through(day), self._settings.rate
        found, _ = await judged(self._file, week.monday, rate, None, share)
        maybe = await surges(bus.journal, store, found, rate)
        look = possible.Day(day, share, week.by, found.tested, found.limit)
        count = await in_thread(possible.note, store, look, maybe, wall())
        log.info("surges.possible", count=found.tested, found=count)

    async def _tell(self, store: Store, way: Way) -> None:
        """Send what is not sent yet by one way; what is refused holds nothing else back."""
        now = wall()
        today = day_of(now)
        for event in await in_thread(outbox.waiting, store, way.name, now, today):
            reason = await way.send(event)
            await in_thread(outbox.tried, store, event, way.name, wall() if reason is None else None)
            if reason is not None:
                log.warning("surges.not_told", receiver=way.name, reason=reason)
            if reason == UNREACHABLE:  # so are all others
                break
        given_up = await in_thread(outbox.given_up, store, way.name, now, today)
        if given_up > self._given_up.get(way.name, 0):
            log.warning("surges.given_up", receiver=way.name, count=given_up)
        self._given_up[way.name] = given_up


def _unjudged(done: list[date], last: date) -> list[date]:
    """Return the weeks to judge, oldest first: in a new file the last one alone, else all since, within reason.

    Which are done is kept by name and not as the greatest, so that a clock that was ahead skips none.
    """
    weeks = [last - ago * WEEK for ago in range(_MISSED - 1, -1, -1)] if done else [last]
    return [week for week in weeks if week not in done and (week == last or week > done[0])]
