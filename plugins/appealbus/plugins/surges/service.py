"""Counts hourly, judges each week after its end, and evaluates the current week at the end of each day."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar

import structlog

from appealbus.core import ConfigError, JournalError, LinkState, LinkStatus, RunningBus, Service
from appealbus.core.clocks import day_of, wall
from appealbus.plugins.surges import kept, outbox, possible
from appealbus.plugins.surges.alarm import Day
from appealbus.plugins.surges.judging import judged
from appealbus.plugins.surges.publishing import Exchanged
from appealbus.plugins.surges.sending import UNREACHABLE, Way, Webhook
from appealbus.plugins.surges.series import WEEK, monday_of
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store, in_thread
from appealbus.plugins.surges.watch import count_new, last_whole_week, surges
from appealbus.plugins.surges.workdays import workdays

log = structlog.get_logger(__name__)

_PAUSE = 3600.0
"""Seconds between two rounds."""
_LATE = 3600.0
"""Seconds after which a round counts as stuck: twice the timeout of a week."""
_MISSED = 8
"""Maximum number of weeks judged after a downtime: older ones are of no use."""


class Surges(Service):
    """Raises and sends alarms; among several workers, only the first does."""

    name: ClassVar[str] = "surges"

    def __init__(self, settings: SurgesSettings, file: Path) -> None:
        self._settings = settings
        self._file = file
        self._given_up: dict[str, int] = {}
        self._open_ways: list[Way] = []
        self._troubles: dict[str, LinkState] = {}
        """Current failures: of the judging, and of each receiver."""

    def links(self) -> Sequence[LinkState]:
        return [*(link for way in self._open_ways for link in way.links()), *self._troubles.values()]

    async def run(self, bus: RunningBus) -> None:
        """Run until cancelled; a failed round is logged and retried in an hour."""
        if bus.worker_number != 0:
            await asyncio.Event().wait()
        async with self._open():  # before the ways: what cannot be opened is tried again in seconds
            pass
        async with self._ways(bus) as ways:
            while True:
                async with self._open() as store:  # each time, for somebody may have it made anew meanwhile
                    await self._try_to_watch(bus, store)
                    for way in ways:
                        try:
                            await self._tell(store, way)
                        except ConfigError as error:
                            log.warning("surges.not_told", receiver=way.name, reason=str(error))
                            self._stands(way.name, "surges.not_told", str(error))
                await asyncio.sleep(_PAUSE)

    async def _try_to_watch(self, bus: RunningBus, store: Store) -> None:
        try:
            await self._watch(bus, store)
            self._stands("weeks", "", None)
        except JournalError:
            log.warning("surges.not_counted")
            self._stands("weeks", "surges.not_counted", "no week is judged: the journal could not be read")
        except (ConfigError, TimeoutError, EOFError, OSError) as error:
            reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
            log.warning("surges.not_judged", reason=reason)
            self._stands("weeks", "surges.not_judged", f"no week is judged: {reason}")

    def _hangs(self) -> None:
        log.error("surges.hangs")
        does = "see whether the disk and the database answer, and start the bus again"
        self._stands("weeks", "surges.hangs", f"a look has not ended for an hour: {does}")

    def _stands(self, what: str, event: str, trouble: str | None) -> None:
        before = self._troubles.pop(what, None)
        if trouble is not None:
            since = before.since if before else wall()
            self._troubles[what] = LinkState(f"service.surges.{what}", LinkStatus.DOWN, trouble, since, event=event)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Store]:
        hangs = asyncio.get_running_loop().call_later(_LATE, self._hangs)
        try:
            with closing(await in_thread(Store, self._file)) as store:
                yield store
        finally:
            hangs.cancel()

    @asynccontextmanager
    async def _ways(self, bus: RunningBus) -> AsyncIterator[list[Way]]:
        """Open the ways to receivers; a failing one is reported and does not affect the other."""
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
                    self._stands(Exchanged.name, "surges.not_told", str(error))
            try:
                yield ways
            finally:
                self._open_ways = []

    async def _watch(self, bus: RunningBus, store: Store) -> None:
        await in_thread(store.check)
        await count_new(bus.journal, bus.journal_id, store)
        now = wall()
        await in_thread(store.forget_the_future, now)
        for monday in _unjudged(await in_thread(store.judged), last_whole_week(now)):
            await self._judge(bus, store, monday)
        await self._look(bus, store, now)

    async def _judge(self, bus: RunningBus, store: Store, monday: date) -> None:
        settings = self._settings
        verdicts, scanned = await judged(self._file, monday, settings.rate, settings.positions)
        alarms = await surges(bus.journal, store, verdicts, settings.rate, scanned)
        new = await in_thread(kept.raise_alarms, store, alarms, wall())
        await in_thread(store.note_judged, monday, wall(), verdicts.tested, verdicts.limit)
        log.info("surges.judged", count=verdicts.tested, found=len(new))

    async def _look(self, bus: RunningBus, store: Store, now: datetime) -> None:
        """Store the possible surges at the end of the last working day; each day once."""
        week = workdays(monday_of(day_of(now)), bus.works_on)
        day = week.closed(now)
        if day is None or await in_thread(possible.looked, store, day):
            return
        share, rate = week.through(day), self._settings.rate
        verdicts, _ = await judged(self._file, week.monday, rate, None, share)
        maybe = await surges(bus.journal, store, verdicts, rate)
        tested, limit = verdicts.tested, verdicts.limit
        look = Day(day=day, passed=share, calendar=week.by, tested=tested, limit=limit)
        count = await in_thread(possible.note, store, look, maybe, wall())
        log.info("surges.possible", count=tested, found=count)

    async def _tell(self, store: Store, way: Way) -> None:
        """Send what is due by one way; refused ones do not block others."""
        now = wall()
        today, untold = day_of(now), None
        for event in await in_thread(outbox.waiting, store, way.name, now, today):
            reason = await way.send(event)
            await in_thread(outbox.tried, store, event, way.name, wall() if reason is None else None)
            if reason is not None:
                log.warning("surges.not_told", receiver=way.name, reason=reason)
                untold = f"it does not take an alarm, which is sent again in an hour: {reason}"
            if reason == UNREACHABLE:  # so are all others
                break
        self._stands(way.name, "surges.not_told", untold)
        given_up = await in_thread(outbox.given_up, store, way.name, now, today)
        if given_up > self._given_up.get(way.name, 0):
            log.warning("surges.given_up", receiver=way.name, count=given_up)
        self._given_up[way.name] = given_up


def _unjudged(done: list[date], last: date) -> list[date]:
    """Return the weeks to judge, oldest first: with a new file only the last one, else all since, up to a limit.

    Judged weeks are kept one by one, not as a maximum, so that a clock that was ahead skips none.
    """
    weeks = [last - ago * WEEK for ago in range(_MISSED - 1, -1, -1)] if done else [last]
    return [week for week in weeks if week not in done and (week == last or week > done[0])]
