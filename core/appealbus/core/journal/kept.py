"""The part of the journal that tells of messages which could not be taken."""

from collections.abc import Sequence
from datetime import datetime

from appealbus.core.domain.counts import QuarantineGroup
from appealbus.core.domain.event import LogEntry
from appealbus.core.journal.asking import Asking
from appealbus.core.journal.reads import copies, counting, lists, log
from appealbus.core.journal.rows import QuarantineRow


class Kept(Asking):
    """Reads what is in quarantine."""

    async def quarantined(
        self,
        after: int = 0,
        limit: int = 100,
        *,
        include_replayed: bool = False,
        include_closed: bool = False,
        code: str | None = None,
        channel: str | None = None,
    ) -> list[QuarantineRow]:
        """Return a page of the quarantine, oldest first, without the messages themselves (`raw` is empty)."""
        said = [(name, value) for name, value in (("code", code), ("channel", channel)) if value is not None]
        return await self._read(
            lambda connection: lists.quarantined(
                connection, after, limit, include_replayed=include_replayed, include_closed=include_closed, said=said
            )
        )

    async def quarantine_left(
        self, limit: int = 100, before: tuple[datetime, int] | None = None, *, closed: bool = False
    ) -> list[QuarantineRow]:
        """Return a page of what was taken later, or of what was closed, the newest first; `raw` is empty.

        Args:
            limit: the most rows.
            before: the moment and the id of the last row of the page before.
            closed: what a person closed; else what was taken later.

        """
        return await self._read(lambda connection: lists.quarantine_left(connection, limit, before, closed=closed))

    async def quarantine_groups(self, channel: str | None = None) -> list[QuarantineGroup]:
        """Return what waits in quarantine by its code, of one channel if it is given; the most first."""
        return await self._read(lambda connection: counting.quarantine_groups(connection, channel))

    async def quarantine_log(self, row: QuarantineRow) -> list[LogEntry]:
        """Return what the log says of a message in quarantine, as far as it is found at the times that its row has."""
        return await self._read(lambda connection: log.of_quarantine(connection, row))

    async def quarantine_beginnings(self, ids: Sequence[int], size: int) -> dict[int, bytes]:
        """Return the first bytes of messages in quarantine, by their ids."""
        return await self._read(lambda connection: copies.beginnings(connection, ids, size))

    async def copies(self, messages: Sequence[copies.Named]) -> list[str | None]:
        """Return for each message the number of the appeal that a copy of it has become, corrected perhaps."""
        return await self._read(lambda connection: copies.copies(connection, messages))

    async def quarantine_row(self, quarantine_id: int) -> QuarantineRow | None:
        """Return a message in quarantine, with the message itself."""
        return await self._read(lambda connection: lists.quarantine_row(connection, quarantine_id))
