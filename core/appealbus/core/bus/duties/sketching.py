"""Computes missing text sketches of older appeals, on one worker for all."""

import asyncio

import structlog

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.errors import JournalError
from appealbus.core.journal import sketching
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.setup import LogThrottle

log = structlog.get_logger(__name__)

_REST = 0.1
"""Seconds between batches of 200, which take as long: a million need a quarter of an hour."""
_EACH = 60.0
"""Seconds between polls once all appeals have sketches; processes without comparison may still add some."""


async def sketch_the_old(journal: Journal, lease: LeaderLease) -> None:
    after = drawn = 0
    trouble = LogThrottle()
    while True:
        pause = _EACH
        try:
            done = await sketching.sketch_missing(journal, after) if lease.held else None
            trouble.over()
        except JournalError as error:
            done = None
            if trouble.is_news():
                log.warning("sketches.failed", code=error.code)
        if done is not None:
            after, drawn, pause = done.upto, drawn + done.drawn, _REST if done.drawn else 0.0
        elif drawn:
            log.info("sketches.drawn", count=drawn)
            drawn = 0
        await asyncio.sleep(pause)
