"""The heartbeat: writes into the journal that this worker lives and how its sources stand, and renews its leases."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from appealbus.core.bus.dispatcher import Dispatcher
from appealbus.core.clocks import monotonic, wall
from appealbus.core.domain.reread_pass import Readings
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.link import LinkState
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.core.logs.throttle import LogThrottle
from appealbus.core.version import __version__

log = structlog.get_logger(__name__)

ALIVE = 15.0
"""Seconds after its last heartbeat until a worker counts as dead: three heartbeats, so that one may fail."""
BEAT = 5.0
"""Seconds between two heartbeats where nothing changes. With less, idle workers write more; with more, a dead worker is
shown as alive for longer."""
_POLL = 1.0
"""Seconds until a change of a source or a connection is written, and until the leases are looked at: as short as what a
person watches in `appealbus status` may be late."""


class Heartbeat:
    """Writes what others see of this worker."""

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
        """Write each change at once, and a heartbeat every few seconds, until cancelled."""
        while True:
            sources, links = self._sources(), self._links()
            told = [replace(state, at=None) for state in sources], links
            if told != self._told or monotonic() - self._beaten >= BEAT:
                try:
                    await self._journal.beat(self._state(links), sources, ALIVE)
                    self._told, self._beaten = told, monotonic()
                    self._trouble.over()
                except JournalError as error:
                    if self._trouble.is_news():
                        log.warning("journal.beat_failed", code=error.code)
            await self._dispatcher.renew()
            await asyncio.sleep(_POLL)

    async def leave(self) -> None:
        """Write that this worker is gone. How its sources stood can still be read, until another worker writes it.

        Raises:
            JournalError: it could not be written; others see that the heartbeats have ended.

        """
        await self._journal.beat(self._state(self._links()), self._sources(), 0.0)

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
