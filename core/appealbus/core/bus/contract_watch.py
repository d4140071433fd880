"""What contracts require is the same for all workers of a journal, whatever each of them has loaded."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from appealbus.core.bus.casework import Casework
from appealbus.core.bus.dispatcher import Dispatcher
from appealbus.core.domain.known import KnownLookup
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import CARRIED
from appealbus.core.planning.contract import Contracts

log = structlog.get_logger(__name__)

_POLL = 10.0
"""Seconds until it is looked at again what other workers can ask. With less, each asks the journal more often for
nothing; with more, one that lacks a new plugin calls dossiers complete without it for longer."""


class ContractWatch:
    """Tells the journal which lookups can be asked here, and the casework which ones could ever be."""

    def __init__(self, journal: Journal, contracts: Contracts, casework: Casework, dispatcher: Dispatcher) -> None:
        self._journal = journal
        self._contracts = contracts
        self._casework = casework
        self._known: Sequence[KnownLookup] = ()
        self._missing: dict[str, str] = {}
        dispatcher.lost = self.lost

    async def start(self) -> None:
        """Have what can be asked here remembered, and learn what could ever be asked.

        Raises:
            JournalError: nothing could be written; without it nobody knows what is missing.

        """
        self._learn(await self._journal.remember(self._contracts.standing.known))

    async def run(self) -> None:
        """Learn what other workers can ask, until cancelled."""
        while True:
            await asyncio.sleep(_POLL)
            with contextlib.suppress(JournalError):  # the heartbeat tells of it
                await self.lost()

    async def lost(self) -> frozenset[str]:
        """Look at what other workers can ask; return the lookups that a contract wants and that cannot be asked here.

        Of what is retired nothing but its facts waits for it to come back: before its name is the mark of that.

        Raises:
            JournalError: nobody knows at the moment.

        """
        known = await self._journal.known_lookups()
        if known != self._known:
            self._learn(known)
        retired = {CARRIED + name for contract in self._casework.contracts.values() for name in contract.retired}
        return frozenset(retired.union(self._missing))

    def _learn(self, known: Sequence[KnownLookup]) -> None:
        self._known = known
        self._casework.learn(known)
        contracts = self._casework.contracts.values()
        missing = {name: each.reason for contract in contracts for name, each in contract.missing.items()}
        for name in sorted(missing.keys() - self._missing.keys()):
            log.warning("lookup.not_loaded", lookup=name, reason=missing[name])
        self._missing = missing
