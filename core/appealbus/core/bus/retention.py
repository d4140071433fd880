"""Retention: what is done, delivered and old enough is deleted from the journal, by one worker for all."""

import asyncio
from datetime import datetime, timedelta

import structlog

from appealbus.core.bus.leader import LeaderLease
from appealbus.core.bus.trimming import trim_quarantine
from appealbus.core.config.models import Configuration
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.retention import Ages

log = structlog.get_logger(__name__)

_EACH = 3600.0
"""Seconds between two deletions. Retention is counted in days, so an hour late is nothing; more seldom would make each
deletion, which other writes wait for, larger."""
_POLL = 1.0
"""Seconds until a worker looks again whether the lease is its own and the clock is trusted: one comparison."""


def ages(settings: Configuration, now: datetime, *, done: float | None = None) -> Ages:
    """Return what is past its time by the settings.

    Args:
        settings: the configuration.
        now: by the journal's clock.
        done: seconds for which what is done is kept, in the place of `bus.retention`.

    """
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
            gone = await journal.prune(ages(settings, journal.now()))
            if any(gone.values()):
                log.info("journal.pruned", rows=gone)
            before = journal.now() - timedelta(seconds=settings.bus.waiting_changes_for)
            given_up = await journal.expire_changes(before)
            if given_up:
                log.warning("change.given_up", count=given_up)
            await trim_quarantine(journal, settings.bus)
            await journal.forget_used_answers()
        except JournalError:
            log.exception("journal.prune_failed")
        await asyncio.sleep(_EACH)
