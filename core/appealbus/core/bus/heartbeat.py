"""The heartbeat: records this worker and the states of its sources in the journal, and renews its leases."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from appealbus.core.bus.work.dispatcher import Dispatcher
from appealbus.core.clocks import monotonic, wall
from appealbus.core.domain.reread_pass import Readings
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.link import LinkState
from appealbus.core.journal import workers
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.core.logs.setup import LogThrottle
from appealbus.core.version import __version__

log = structlog.get_logger(__name__)

ALIVE = 15.0
"""Seconds after the last heartbeat until a worker counts as dead: one heartbeat of three may fail."""
BEAT = 5.0
"""Seconds between heartbeats without changes. With more, a dead worker is shown as alive for longer."""
_POLL = 1.0
"""Seconds until a change is written, and between checks of leases: the acceptable delay of `appealbus status`."""


class Heartbeat:
    def __init__(
        self,
        journal: Journal,
        dispatcher: Dispatcher,
        sources: Callable[[], list[SourceState]],
        links: Callable[[], Sequence[LinkState]],
        dossiers: Counter[str],
        *,
        readings: Callable[[], Mapping[str, Readings] | None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._dispatcher = dispatcher
        self._sources = sources
        self._links = links
        self._dossiers = dossiers
        self._readings = readings
        self._started_at: datetime = wall()
        self._told: tuple[list[SourceState], Sequence[LinkState]] | None = None
        self._beaten = float("-inf")
        self._trouble = LogThrottle()

    async def run(self) -> None:
        """Write changes at once, and a heartbeat every few seconds, until cancelled."""
        while True:
            sources, links = self._sources(), self._links()
            told = [replace(state, at=None) for state in sources], links
            if told != self._told or monotonic() - self._beaten >= BEAT:
                try:
                    await self._journal.do(workers.Beat(self._state(links), sources, ALIVE))
                    self._told, self._beaten = told, monotonic()
                    self._trouble.over()
                except JournalError as error:
                    if self._trouble.is_news():
                        log.warning("journal.beat_failed", code=error.code)
            await self._dispatcher.renew()
            await asyncio.sleep(_POLL)

    async def leave(self) -> None:
        """Record that this worker is gone. Its source states stay readable until another worker writes them."""
        await self._journal.do(workers.Beat(self._state(self._links()), self._sources(), 0.0))

    def _state(self, links: Sequence[LinkState]) -> WorkerState:
        return WorkerState(
            name=self._dispatcher.owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=self._started_at,
            in_flight=self._dispatcher.in_flight,
            dossiers=sum(self._dossiers.values()),
            links=tuple(links),
            version=__version__,
            readings=self._readings(),
        )
