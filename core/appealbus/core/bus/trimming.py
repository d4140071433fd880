"""The bounds of quarantine: the oldest messages of a channel that has more are dropped, and that is logged."""

from datetime import datetime, timedelta

import structlog

from appealbus.core.config.models import BusSettings
from appealbus.core.domain.counts import QuarantineHeld
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import QuarantineBounds

log = structlog.get_logger(__name__)

EVERY = 64
"""After so many new messages in quarantine its bounds are checked; so many may be over them. With less, a flood of bad
messages pays the few milliseconds of a check more often."""
_MEGABYTE = 1024 * 1024
"""Bytes: the unit of `bus.quarantine_megabytes`."""


async def trim_quarantine(journal: Journal, settings: BusSettings) -> int:
    """Drop what is over the bounds; return how many messages. While the clock is in doubt, nothing counts as too old.

    Raises:
        JournalError: if nothing could be written.

    """
    dropped = await journal.trim_quarantine(
        QuarantineBounds(
            settings.quarantine_messages,
            settings.quarantine_megabytes * _MEGABYTE,
            journal.now() - timedelta(seconds=settings.quarantine_retention) if journal.doubt is None else None,
        )
    )
    if dropped:
        log.error("quarantine.dropped", count=dropped)
    return dropped


def fullness(held: QuarantineHeld, settings: BusSettings, now: datetime) -> float:
    """Return how near a channel's quarantine is to its nearest bound; at 1.0 messages are dropped."""
    return max(
        held.messages / settings.quarantine_messages,
        held.bytes / (settings.quarantine_megabytes * _MEGABYTE),
        (now - held.oldest).total_seconds() / settings.quarantine_retention,
    )
