"""Signs of life: says in the journal that this worker lives, how sources stand here, and keeps its leases."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from appealbus.core.bus.dispatcher import Dispatcher
from appealbus.core.clocks import wall
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.link import LinkState
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import WorkerState
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

ALIVE = 15.0
"""Seconds after its last sign of life until a worker counts as dead."""
_BEAT = 5.0
_POLL = 1.0


class Heartbeat:
    """What others see of this worker."""

    def __init__(
        self,
        journal: Journal,
        dispatcher: Dispatcher,
        sources: Callable[[], list[SourceState]],
        links: Callable[[], Sequence[LinkState]],
        dossiers: Counter[str],
    ) -> None:
        self._journal = journal
        self._dispatcher = dispatcher
        self._sources = sources
        self._links = links
        self._dossiers = dossiers
        self._started_at: datetime = wall()
        self._told: tuple[list[SourceState], Sequence[LinkState]] | None = None
        self._beaten = float("-inf")
        self._trouble = LogThrottle()

    async def run(self) -> None:
        """Tell others until cancelled; where nothing changes, now and then."""
        clock = asyncio.get_running_loop().time
        while True:
            sources, links = self._sources(), self._links()
            told = [replace(state, at=None) for state in sources], links
            if told != self._told or clock() - self._beaten >= _BEAT:
                try:
                    await self._journal.beat(self._state(links), sources, ALIVE)
                    self._told, self._beaten = told, clock()
                    self._trouble.over()
                except JournalError as error:
                    if self._trouble.is_news():
                        log.warning("journal.beat_failed", code=error.code)
            await self._dispatcher.renew()
            await asyncio.sleep(_POLL)

    async def leave(self) -> None:
        """Say that this worker is gone; how its sources stood stays to be read until another one comes.

        Raises:
            JournalError: the others find out by themselves.

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
        )
