"""Bounds of quarantine: drops a channel's oldest messages beyond the limit, and logs that."""

from datetime import timedelta

import structlog

from appealbus.core.config.models import BusSettings
from appealbus.core.journal import retention
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import QuarantineBounds

log = structlog.get_logger(__name__)

EVERY = 64
"""New quarantined messages between checks, and so the most that may exceed the bounds."""


async def trim_quarantine(journal: Journal, settings: BusSettings) -> int:
    """Drop messages beyond the bounds; return how many. Age does not count while the clock is in doubt."""
    dropped = await retention.all_of(
        journal,
        QuarantineBounds(
            settings.quarantine_messages,
            settings.quarantine_bytes,
            journal.now() - timedelta(seconds=settings.quarantine_retention) if journal.doubt is None else None,
        ),
    )
    if dropped:
        log.error("quarantine.dropped", count=dropped)
    return dropped
