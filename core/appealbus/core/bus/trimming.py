"""The bounds of quarantine: the oldest messages of a channel that has more are dropped, and that is logged."""

from datetime import timedelta

import structlog

from appealbus.core.config.models import BusSettings
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import QuarantineBounds

log = structlog.get_logger(__name__)

EVERY = 64
"""After so many new messages in quarantine its bounds are checked; so many may be over them. With less, a flood of bad
messages pays the few milliseconds of a check more often."""


async def trim_quarantine(journal: Journal, settings: BusSettings) -> int:
    """Drop what is over the bounds; return how many messages. While the clock is in doubt, nothing counts as too old.

    Raises:
        JournalError: if nothing could be written.

    """
    dropped = await journal.trim_quarantine(
        QuarantineBounds(
            settings.quarantine_messages,
            settings.quarantine_bytes,
            journal.now() - timedelta(seconds=settings.quarantine_retention) if journal.doubt is None else None,
        )
    )
    if dropped:
        log.error("quarantine.dropped", count=dropped)
    return dropped
