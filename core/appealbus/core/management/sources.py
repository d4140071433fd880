"""Sources: how they stand over all workers, and pausing them."""

from datetime import datetime, timedelta

import structlog

from appealbus.core.domain.calls import spans
from appealbus.core.domain.pauses import Pause, Period, SourceNews
from appealbus.core.domain.waiting import ParkedFor
from appealbus.core.errors import JournalError
from appealbus.core.journal import pauses
from appealbus.core.journal.figures import past_calls
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.pauses import news
from appealbus.core.journal.waiting import parked_for
from appealbus.core.journal.workers import source_states

__all__ = ["DECIDED", "LONGEST", "ParkedFor", "Pause", "Period", "SourceNews"]
__all__ += ["news", "parked_for", "past_calls", "pause", "resume", "source_states", "spans"]

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=31)
"""Limit for forgotten pauses; a pause can be renewed."""
DECIDED = "source.decided"
"""Code of an order that lost against another person's."""


async def pause(
    journal: Journal, source: str, until: datetime, *, reason: str, by: str, seen: str | None = None
) -> Pause:
    """Stop questions to a source until a time by the journal's clock; on disk on return.

    `seen` is the mark of the pause to replace, empty for none; None: any. JournalError `source.decided` if the pause
    changed since.
    """
    order = Pause(source, journal.now(), until, reason, by)
    if not await journal.do(pauses.Pausing(order, seen=seen)):
        raise JournalError("somebody has paused or resumed the source meanwhile, and nothing is changed", DECIDED)
    # The reason is a person's text: it is kept in the journal, and never logged.
    log.warning("source.paused", source=source, actor=by)
    return order


async def resume(journal: Journal, source: str, *, reason: str, by: str) -> bool:
    """Resume a paused source; False if it was not paused."""
    done = await journal.do(pauses.Resuming(source, by=by, reason=reason))
    if done:
        log.warning("source.resumed", source=source, actor=by)
    return done
