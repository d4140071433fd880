"""The part of the journal that tells of messages which could not be taken."""

from appealbus.core.journal.asking import Asking, asks
from appealbus.core.journal.reads import copies as copy_reads
from appealbus.core.journal.reads import counting, lists, log
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

    quarantine_left = asks(lists.quarantine_left)
    quarantine_groups = asks(counting.quarantine_groups)
    quarantine_log = asks(log.of_quarantine)
    quarantine_beginnings = asks(copy_reads.beginnings)
    copies = asks(copy_reads.copies)
    quarantine_row = asks(lists.quarantine_row)
