"""What one worker does for all: held under a lease in the journal, and left at once when it is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)

LEASE = 10.0
"""Seconds until another worker takes over what a dead one did."""
_RENEW = 3.0
_MARGIN = 1.0


class LeaderLeaseLost(AppealBusError):
    """The lease is another worker's now."""


class LeaderLease:
    """One thing that only one worker does at a time. Where the journal is not shared it is always ours."""

    def __init__(self, name: str, owner: str, journal: Journal) -> None:
        self.name = name
        self.owner = owner
        self._journal = journal
        self._until = float("-inf")
        self._under_way: set[asyncio.Timeout] = set()

    @property
    def held(self) -> bool:
        """Whether it is ours now."""
        return not self._journal.shared or self._until > asyncio.get_running_loop().time()

    async def renew(self) -> None:
        """Take it if it is free, keep it if it is ours."""
        clock = asyncio.get_running_loop().time
        before, was_held = clock(), self.held
        try:
            ours = await self._journal.hold(self.name, self.owner, LEASE)
        except JournalError:
            return  # what we have of it ends by itself, before another one's begins
        # Seconds are counted from before the journal was asked, so ours are over first.
        self._set(before + LEASE - _MARGIN if ours else float("-inf"))
        if ours and not was_held:
            log.info("leader.elected", lease=self.name)
        elif was_held and not ours:
            log.warning("leader.lost", lease=self.name)

    def let_go(self) -> None:
        """Stop at once; the journal has to be told too."""
        self._set(float("-inf"))

    @asynccontextmanager
    async def during(self) -> AsyncIterator[None]:
        """Do something as long as the lease is ours.

        Raises:
            DutyLost: it is not ours, or was lost meanwhile; what was being done is cancelled.

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
    """All leases that this worker would hold."""

    def __init__(self, owner: str, journal: Journal) -> None:
        self._owner = owner
        self._journal = journal
        self._leases: list[LeaderLease] = []

    def add(self, name: str) -> LeaderLease:
        """Return the lease of this name."""
        self._leases.append(LeaderLease(name, self._owner, self._journal))
        return self._leases[-1]

    async def run(self) -> None:
        """Take what is free and keep what is ours, until cancelled."""
        while True:
            await asyncio.gather(*(lease.renew() for lease in self._leases))
            await asyncio.sleep(_RENEW)

    async def let_go(self) -> None:
        """Leave everything to others.

        Raises:
            JournalError: the others hear of it only when the lease is over.

        """
        for lease in self._leases:
            lease.let_go()
        await self._journal.let_go(self._owner)
