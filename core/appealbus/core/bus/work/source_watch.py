"""Pauses and recoveries of sources: each worker reads pauses every second, and one worker resumes waiting appeals."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.bus.work.dispatcher import Dispatcher
from appealbus.core.clocks import monotonic
from appealbus.core.domain.event import by_worker
from appealbus.core.domain.pauses import SourceNews
from appealbus.core.domain.source_state import HEARD, SETTLED, BreakerState, Place, TakeIn
from appealbus.core.errors import JournalError
from appealbus.core.guards.guard import Guard
from appealbus.core.journal import pauses, waiting, workers
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.setup import LogThrottle

log = structlog.get_logger(__name__)

_POLL = 1.0
"""Seconds between polls of the journal; questions may still leave this long after a pause."""
_STEPS = 20
"""Steps per second over parked appeals that need nothing."""


@dataclass(slots=True)
class _Pass:
    back_at: datetime
    began: datetime
    places: Mapping[str, Place] = field(default_factory=dict)
    over: bool = False

    def is_due_again(self, now: datetime, settled: timedelta) -> bool:
        """Whether appeals were parked meanwhile by older runs. Pauses between passes grow, to spare failing appeals."""
        since = self.began - self.back_at
        return self.over and since < settled and now >= self.back_at + 2 * since + HEARD


class SourceWatch:
    """Applies pauses and quotas of the journal to the guards, and resumes appeals that waited for a source.

    `lookups` are by source, `present` has current names of lookups by former name, and `longest` is the upper bound
    of a run in seconds.
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
        """Read pauses before any question leaves, and which sources were away at the end of the last run."""
        await self.look()
        states = await self._journal.ask(workers.source_states_at_last)
        for state in states:
            if state.source in self._guards:
                self._guards[state.source].recall(state, self._lookups.get(state.source, ()), self._present)
        if not self._journal.shared:  # elsewhere the journal itself knows when a breaker closes
            was = {state.source for state in states if state.breaker != "closed"}
            self._back |= was & set(self._guards)

    def changed(self, source: str, state: str) -> None:
        """Handle a breaker's change of state: a closed breaker means that the source is back."""
        if state == BreakerState.CLOSED and not self._journal.shared:
            self._back.add(source)

    async def look(self) -> None:
        """Read pauses from the journal now and apply them to the guards."""
        begun = monotonic()
        news = self._news = await self._journal.ask(pauses.news)
        for name, guard in self._guards.items():
            used = [use for use in news.used if use.source == name]
            if guard.gate.learn(news.pauses.get(name), used, begun):
                self._back.add(name)

    async def run(self) -> None:
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
        """Detect sources that recovered since the last check."""
        closed = {name for name, guard in self._guards.items() if guard.gate.closed_until is not None}
        if self._lease.held:
            self._back |= self._closed - closed
            if any(pause.until <= self._journal.now() for pause in self._news.pauses.values()):
                for name in await self._journal.do(pauses.EndPauses()):
                    log.warning("source.resumed", source=name)
        self._closed = closed
        if self._back:
            back = sorted(self._back)
            await self._journal.do(pauses.Back(back))
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
        """Return the machine's time if it is ahead, since questions' ends carry its timestamps."""
        return max(moment, moment - timedelta(seconds=self._journal.skew))

    async def _go_on(self, name: str, guard: Guard, lookups: frozenset[str], run: _Pass) -> None:
        room = guard.takes_now
        for _ in range(_STEPS):
            if not room or run.over:
                return
            now = self._journal.now()
            wish = TakeIn(name, self._stamped(run.back_at), lookups, room, now, self._by, run.places, self._settled)
            taken = await self._journal.do(waiting.TakingIn(wish))
            stuck = not taken.count and taken.places == run.places
            run.places, run.over = taken.places, taken.over
            if taken.count:
                log.info("source.taken_in", source=name, count=taken.count)
                self._dispatcher.more()
                return
            if stuck:
                return
