"""Work that one worker does for all, under a lease in the journal; it stops at once when the lease is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from appealbus.core.clocks import monotonic
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.journal import workers
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)

LEASE = 10.0
"""Seconds until another worker takes over. With less, one slow renewal loses the lease."""
_RENEW = 3.0
"""Seconds between renewals: with `_MARGIN`, one may fail. With less, idle workers write more often."""
_MARGIN = 1.0
"""Seconds by which a lease ends earlier for its holder than in the journal, to cancel running work first."""


class LeaderLeaseLost(AppealBusError):
    """The lease belongs to another worker now."""


class LeaderLease:
    """The exclusive right to one kind of work among workers; always held if the journal is not shared."""

    def __init__(self, name: str, owner: str, journal: Journal) -> None:
        self.name = name
        self.owner = owner
        self._journal = journal
        self._until = float("-inf")
        self._under_way: set[asyncio.Timeout] = set()

    @property
    def held(self) -> bool:
        return not self._journal.shared or self._until > monotonic()

    async def renew(self) -> None:
        """Take the lease if it is free, or extend it if this worker holds it."""
        before, was_held = monotonic(), self.held
        try:
            ours = not self._journal.shared or await self._journal.do(
                workers.LeaseRequest(self.name, self.owner, LEASE)
            )
        except JournalError:
            return  # what is left of the lease ends by itself, before another worker can get it
        # Counted from before the journal was asked: so it is over here before it is over in the journal.
        self._set(before + LEASE - _MARGIN if ours else float("-inf"))
        if ours and not was_held:
            log.info("leader.elected", lease=self.name)
        elif was_held and not ours:
            log.warning("leader.lost", lease=self.name)

    def let_go(self) -> None:
        """Stop holding the lease locally; the caller must also release it in the journal."""
        self._set(float("-inf"))

    @asynccontextmanager
    async def during(self) -> AsyncIterator[None]:
        """Run a block under the lease. If it is not held or gets lost, cancel the block and raise LeaderLeaseLost."""
        if not self._journal.shared:
            yield
            return
        if not self.held:
            raise LeaderLeaseLost
        limit = asyncio.timeout_at(self._until)
        try:
            async with limit:
                self._under_way.add(limit)
                try:
                    yield
                finally:
                    self._under_way.discard(limit)
        except TimeoutError:
            if limit.expired():
                raise LeaderLeaseLost from None
            raise

    def _set(self, until: float) -> None:
        self._until = until
        for limit in self._under_way:
            if not limit.expired():
                limit.reschedule(until)


class LeaderLeases:
    def __init__(self, owner: str, journal: Journal) -> None:
        self._owner = owner
        self._journal = journal
        self._leases: list[LeaderLease] = []

    def add(self, name: str) -> LeaderLease:
        self._leases.append(LeaderLease(name, self._owner, self._journal))
        return self._leases[-1]

    async def run(self) -> None:
        while True:
            await asyncio.gather(*(lease.renew() for lease in self._leases))
            await asyncio.sleep(_RENEW)

    async def let_go(self) -> None:
        """Release all leases. If that fails, others get them when they expire."""
        for lease in self._leases:
            lease.let_go()
        if self._journal.shared:
            await self._journal.do(workers.LetGo(self._owner))
