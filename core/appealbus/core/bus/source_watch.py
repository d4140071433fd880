"""Sources that stand still and come back: each worker hears of pauses once a second, one takes in what has waited."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from appealbus.core.bus.dispatcher import Dispatcher
from appealbus.core.bus.leader import LeaderLease
from appealbus.core.clocks import monotonic
from appealbus.core.domain.event import by_worker
from appealbus.core.domain.pauses import SourceNews
from appealbus.core.domain.returning import HEARD, SETTLED, Place, TakeIn
from appealbus.core.domain.source_state import BreakerState
from appealbus.core.errors import JournalError
from appealbus.core.guards.guard import Guard
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

_POLL = 1.0
"""Seconds until the journal is asked again: so long may something leave for a source after a person has paused it."""
_STEPS = 20
"""Steps over what is parked in a second, where they find nothing: what has been asked already is passed over."""


@dataclass(slots=True)
class _Pass:
    """One go over what is parked for a source."""

    back_at: datetime
    began: datetime
    places: Mapping[str, Place] = field(default_factory=dict)
    over: bool = False

    def is_due_again(self, now: datetime, settled: timedelta) -> bool:
        """Say whether there is to be another one, for what was parked meanwhile by runs that began before.

        Each one comes later than the one before it, so that what fails again is not asked once a second.
        """
        since = self.began - self.back_at
        return self.over and since < settled and now >= self.back_at + 2 * since + HEARD


class SourceWatch:
    """Tells the guards what the journal says of pauses and quotas, and brings back what waited for a source.

    Args:
        journal: says it.
        guards: by source.
        lookups: by source the lookups that ask it.
        lease: held by the one worker that takes in what is parked.
        dispatcher: is told that there is work.
        worker: what this one is called.
        present: by the former name of a lookup the one that it has.
        longest: seconds that one run over an appeal may take.

    """

    def __init__(
        self,
        journal: Journal,
        guards: Mapping[str, Guard],
        lookups: Mapping[str, frozenset[str]],
        lease: LeaderLease,
        dispatcher: Dispatcher,
        *,
        worker: str,
        present: Mapping[str, str],
        longest: float = 0.0,
    ) -> None:
        self._journal = journal
        self._guards = guards
        self._lookups = lookups
        self._present = present
        self._lease = lease
        self._dispatcher = dispatcher
        self._by = by_worker(worker)
        self._settled = max(SETTLED, timedelta(seconds=longest))
        self._news = SourceNews()
        self._closed: set[str] = set()
        self._back: set[str] = set()
        self._passes: dict[str, _Pass] = {}
        self._trouble = LogThrottle()
        for guard in guards.values():
            guard.gate.look = self.look

    async def start(self) -> None:
        """Learn which sources are paused before anything leaves, and which were away when the last run ended.

        Raises:
            JournalError: nobody knows.

        """
        await self.look()
        states = await self._journal.source_states_at_last()
        for state in states:
            if state.source in self._guards:
                self._guards[state.source].recall(state, self._lookups.get(state.source, ()), self._present)
        if not self._journal.shared:  # elsewhere the journal itself knows when a breaker closes
            was = {state.source for state in states if state.breaker != "closed"}
            self._back |= was & set(self._guards)

    def changed(self, source: str, state: str) -> None:
        """Note that a breaker has another state: once it is closed, the source is back."""
        if state == BreakerState.CLOSED and not self._journal.shared:
            self._back.add(source)

    async def look(self) -> None:
        """Ask the journal now what stands still, and tell the guards.

        Raises:
            JournalError: it could not be asked.

        """
        begun = monotonic()
        news = self._news = await self._journal.source_news()
        for name, guard in self._guards.items():
            used = [use for use in news.used if use.source == name]
            if guard.gate.learn(news.pauses.get(name), used, begun):
                self._back.add(name)

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            try:
                await self.look()
                await self._notice()
                if self._lease.held:
                    await self._take_in()
                self._trouble.over()
            except JournalError as error:
                if self._trouble.is_news():
                    log.warning("sources.not_watched", code=error.code)
            await asyncio.sleep(_POLL)

    async def _notice(self) -> None:
        """Note which sources have come back since the last look."""
        closed = {name for name, guard in self._guards.items() if guard.gate.closed_until is not None}
        if self._lease.held:
            self._back |= self._closed - closed
            if any(pause.until <= self._journal.now() for pause in self._news.pauses.values()):
                for name in await self._journal.end_pauses():
                    log.warning("source.resumed", source=name)
        self._closed = closed
        if self._back:
            back = sorted(self._back)
            await self._journal.came_back(back)
            self._back.difference_update(back)

    async def _take_in(self) -> None:
        for name, back_at in self._news.back_at.items():
            guard, lookups = self._guards.get(name), self._lookups.get(name)
            if guard is None or not lookups:
                continue
            run = self._passes.get(name)
            now = self._journal.now()
            if run is None or run.back_at != back_at or run.is_due_again(now, self._settled):
                run = self._passes[name] = _Pass(back_at, now)
            if not run.over:
                await self._go_on(name, guard, lookups, run)

    def _stamped(self, moment: datetime) -> datetime:
        """Return a moment by the machine's clock, which has stamped how questions ended, where that is ahead."""
        return max(moment, moment - timedelta(seconds=self._journal.skew))

    async def _go_on(self, name: str, guard: Guard, lookups: frozenset[str], run: _Pass) -> None:
        room = guard.takes_now
        for _ in range(_STEPS):
            if not room or run.over:
                return
            now = self._journal.now()
            wish = TakeIn(name, self._stamped(run.back_at), lookups, room, now, self._by, run.places, self._settled)
            taken = await self._journal.take_in(wish)
            stuck = not taken.count and taken.places == run.places
            run.places, run.over = taken.places, taken.over
            if taken.count:
                log.info("source.taken_in", source=name, count=taken.count)
                self._dispatcher.more()
                return
            if stuck:
                return
