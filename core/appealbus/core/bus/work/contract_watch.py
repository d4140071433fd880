"""Keeps the requirements of contracts the same for all workers, whichever plugins each has loaded."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from appealbus.core.bus.work.casework import Casework
from appealbus.core.bus.work.dispatcher import Dispatcher
from appealbus.core.domain.known import KnownLookup
from appealbus.core.errors import JournalError
from appealbus.core.journal import workers
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import CARRIED
from appealbus.core.planning.contract import Contracts

log = structlog.get_logger(__name__)

_POLL = 10.0
"""Seconds between polls. With more, a worker without a new plugin calls dossiers complete without it for longer."""


class ContractWatch:
    """Records the lookups available here, and tells the casework which lookups any worker may have."""

    def __init__(self, journal: Journal, contracts: Contracts, casework: Casework, dispatcher: Dispatcher) -> None:
        self._journal = journal
        self._contracts = contracts
        self._casework = casework
        self._known: Sequence[KnownLookup] = ()
        self._missing: dict[str, str] = {}
        dispatcher.lost = self.lost

    async def start(self) -> None:
        """Record the lookups of this worker and read those of all others; JournalError if either fails."""
        self._learn(await self._journal.do(workers.Remember(self._contracts.standing.known)))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_POLL)
            with contextlib.suppress(JournalError):  # the heartbeat tells of it
                await self.lost()

    async def lost(self) -> frozenset[str]:
        """Return lookups required by a contract but unavailable here. Names of retired ones carry a prefix."""
        known = await self._journal.ask(workers.known)
        if known != self._known:
            self._learn(known)
        retired = {CARRIED + name for contract in self._casework.contracts.values() for name in contract.retired}
        return frozenset(retired.union(self._missing))

    def _learn(self, known: Sequence[KnownLookup]) -> None:
        self._known = known
        self._casework.learn(known)
        contracts = self._casework.contracts.values()
        missing = {name: lacking.reason for contract in contracts for name, lacking in contract.missing.items()}
        for name in sorted(missing.keys() - self._missing.keys()):
            log.warning("lookup.not_loaded", lookup=name, reason=missing[name])
        self._missing = missing
