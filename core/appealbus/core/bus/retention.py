"""Retention: what is done, delivered and old enough is deleted from the journal, by one worker for all."""

import asyncio
from datetime import timedelta

import structlog

from appealbus.core.bus.leader import LeaderLease
from appealbus.core.bus.trimming import trim_quarantine
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)

_EACH = 3600.0
"""Seconds between two deletions. Retention is counted in days, so an hour late is nothing; more seldom would make each
deletion, which other writes wait for, larger."""
_POLL = 1.0
"""Seconds until a worker looks again whether the lease is its own and the clock is trusted: one comparison."""


async def delete_the_old(journal: Journal, settings: BusSettings, lease: LeaderLease) -> None:
    """Delete what is past its retention, now and then every hour, until cancelled; nothing while the clock is in doubt.

    Args:
        journal: where it is deleted.
        settings: say how long things are kept.
        lease: held by the one worker that deletes.

    """
    while True:
        if not lease.held or journal.doubt is not None:
            await asyncio.sleep(_POLL)
            continue
        try:
            await journal.prune(journal.now() - timedelta(seconds=settings.retention))
            given_up = await journal.expire_changes(journal.now() - timedelta(seconds=settings.waiting_changes_for))
            if given_up:
                log.warning("change.given_up", count=given_up)
            await trim_quarantine(journal, settings)
            await journal.prune_log(journal.now() - timedelta(seconds=settings.log_retention))
            await journal.forget_used_answers()
        except JournalError:
            log.exception("journal.prune_failed")
        await asyncio.sleep(_EACH)
