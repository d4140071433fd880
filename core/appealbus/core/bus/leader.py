"""Work that one worker does for all: under a lease in the journal, and stopped at once when the lease is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from appealbus.core.clocks import monotonic
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)

LEASE = 10.0
"""Seconds until another worker takes over what a dead one did. With less, a slow write of the renewal loses the lease;
with more, the receivers of a dead worker wait for longer."""
_RENEW = 3.0
"""Seconds between two renewals: with `_MARGIN` that leaves room for one that fails. With less, idle workers
write more often."""
_MARGIN = 1.0
"""Seconds by which a lease ends earlier for its holder than in the journal: what is under way has to be cancelled and
ended before another worker begins. With more, less of the lease is left for renewals that are late."""


class LeaderLeaseLost(AppealBusError):
    """The lease is another worker's now."""


class LeaderLease:
    """The right to do one thing that only one worker may do at a time; where the journal is not shared, always held."""

    def __init__(self, name: str, owner: str, journal: Journal) -> None:
        self.name = name
        self.owner = owner
        self._journal = journal
        self._until = float("-inf")
        self._under_way: set[asyncio.Timeout] = set()

    @property
    def held(self) -> bool:
        """Whether this worker holds it now."""
        return not self._journal.shared or self._until > monotonic()

    async def renew(self) -> None:
        """Take the lease if it is free; make it last longer if this worker holds it."""
        before, was_held = monotonic(), self.held
        try:
            ours = await self._journal.hold(self.name, self.owner, LEASE)
        except JournalError:
            return  # what is left of the lease ends by itself, before another worker can get it
        # Counted from before the journal was asked: so it is over here before it is over in the journal.
        self._set(before + LEASE - _MARGIN if ours else float("-inf"))
        if ours and not was_held:
            log.info("leader.elected", lease=self.name)
        elif was_held and not ours:
            log.warning("leader.lost", lease=self.name)

    def let_go(self) -> None:
        """Hold the lease no more, from now on; the journal has to be told, too."""
        self._set(float("-inf"))

    @asynccontextmanager
    async def during(self) -> AsyncIterator[None]:
        """Do something under the lease.

        Raises:
            LeaderLeaseLost: this worker does not hold it, or has lost it meanwhile; what was being done is cancelled.

        """
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
    """All leases that this worker holds or wants to hold."""

    def __init__(self, owner: str, journal: Journal) -> None:
        self._owner = owner
        self._journal = journal
        self._leases: list[LeaderLease] = []

    def add(self, name: str) -> LeaderLease:
        """Return the lease of this name."""
        self._leases.append(LeaderLease(name, self._owner, self._journal))
        return self._leases[-1]

    async def run(self) -> None:
        """Take the leases that are free and renew those that are held, until cancelled."""
        while True:
            await asyncio.gather(*(lease.renew() for lease in self._leases))
            await asyncio.sleep(_RENEW)

    async def let_go(self) -> None:
        """Give all leases back.

        Raises:
            JournalError: the journal could not be told; others get the leases when they are over.

        """
        for lease in self._leases:
            lease.let_go()
        await self._journal.let_go(self._owner)
