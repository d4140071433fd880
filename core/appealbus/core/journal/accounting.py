"""The part of the journal that tells who did what, and who looked at what."""

from collections.abc import Sequence
from datetime import datetime

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.client import Credential
from appealbus.core.domain.deeds import DeedPage, Deeds, LookPage, LookPlace
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal.asking import Asking
from appealbus.core.journal.reads import clients, deeds


class Accounting(Asking):
    """Tells of people, the newest first. Lists are paged by key: pass what a page calls `next` as `before`."""

    async def deeds(self, wanted: Deeds, before: int | None = None, limit: int = 100) -> DeedPage:
        """Return a page of what people did, or of their looks and those of clients.

        On PostgreSQL the first page begins with the newest that have no position yet, beyond `limit`.
        """
        return await self._read(lambda connection: deeds.deeds(connection, wanted, before, limit))

    async def looks_at(
        self, appeals: Sequence[AppealRow], before: LookPlace | None = None, limit: int = 100
    ) -> LookPage:
        """Return a page of who looked at these appeals: people and clients who read, and sources that were asked."""
        return await self._read(lambda connection: deeds.looks_at(connection, appeals, before, limit))

    async def asked(
        self,
        before: int | None = None,
        limit: int = 100,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AccessRow]:
        """Return a page of the questions that left for sources; page by the id of the last one."""
        return await self._read(lambda connection: deeds.asked(connection, before, limit, since, until))

    async def credentials_of(self, client: str) -> list[Credential]:
        """Return what a client shows of itself, that which counts no more too, the oldest first."""
        return await self._read(lambda connection: clients.credentials_of(connection, client))

    async def last_uses(self) -> dict[str, datetime]:
        """Return in which minute each client has come last, as far as it has."""
        return await self._read(clients.last_uses)
