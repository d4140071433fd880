"""Retention: one worker deletes finished, delivered and expired data for all."""

import asyncio
from datetime import datetime, timedelta

import structlog

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.bus.intake.quarantine import trim_quarantine
from appealbus.core.config.models import Configuration
from appealbus.core.errors import JournalError
from appealbus.core.journal import awaiting, retention
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.retention import Ages

log = structlog.get_logger(__name__)

_EACH = 3600.0
"""Seconds between deletions. With more, each deletion blocks other writes for longer."""
_POLL = 1.0
"""Seconds between checks of the lease and the clock; each is one comparison."""


def ages(settings: Configuration, now: datetime, *, done: float | None = None) -> Ages:
    """Return the cut-off times. `done`: seconds to keep finished appeals, overriding `bus.retention`."""
    bus = settings.bus

    def before(seconds: float | None) -> datetime | None:
        return None if seconds is None else now - timedelta(seconds=seconds)

    # Who looked at whose data, and what happened, is on record for longer than what it was about.
    access = None if bus.access_retention is None else max(bus.access_retention, bus.retention)
    return Ages(
        now - timedelta(seconds=bus.retention if done is None else done),
        access=before(access),
        log=before(max(bus.log_retention, bus.retention)),
        versions=before(bus.versions_retention),
        replies={name: now - timedelta(seconds=source.keep_replies) for name, source in settings.sources.items()},
    )


async def delete_the_old(journal: Journal, settings: Configuration, lease: LeaderLease) -> None:
    """Delete expired data every hour until cancelled; nothing while the clock is in doubt."""
    while True:
        if not lease.held or journal.doubt is not None:
            await asyncio.sleep(_POLL)
            continue
        try:
            gone = await retention.prune(journal, ages(settings, journal.now()))
            if any(gone.values()):
                log.info("journal.pruned", rows=gone)
            before = journal.now() - timedelta(seconds=settings.bus.waiting_changes_for)
            given_up = await retention.expire_changes(journal, before)
            if given_up:
                log.warning("change.given_up", count=given_up)
            await trim_quarantine(journal, settings.bus)
            await retention.all_of(journal, awaiting.ForgetUsed())
        except JournalError:
            log.exception("journal.prune_failed")
        await asyncio.sleep(_EACH)
