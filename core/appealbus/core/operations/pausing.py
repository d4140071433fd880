"""Having a source stand still for a while, and having it asked again: the same for every way in."""

from datetime import datetime, timedelta

import structlog

from appealbus.core.domain.pauses import Pause
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=31)
"""With more, a pause that everybody has forgotten would keep dossiers from their facts; it can be given anew."""
DECIDED = "source.decided"
"""The code of an order that is not given, since somebody else was faster."""


async def pause(
    journal: Journal, source: str, until: datetime, *, reason: str, by: str, seen: str | None = None
) -> Pause:
    """Have nothing leave for a source until then; it is on disk when this returns. A later order replaces it.

    Args:
        journal: the journal.
        source: which.
        until: when, by the journal's clock.
        reason: why.
        by: who.
        seen: the mark of the pause that it takes the place of, empty for none; None: of whichever there is.

    Raises:
        JournalError: `source.decided`: somebody has paused or resumed it since that was seen.

    """
    order = Pause(source, journal.now(), until, reason, by)
    if not await journal.pause_source(order, seen=seen):
        raise JournalError("somebody has paused or resumed the source meanwhile, and nothing is changed", DECIDED)
    # The reason is a person's text: it is kept in the journal, and never logged.
    log.warning("source.paused", source=source, actor=by)
    return order


async def resume(journal: Journal, source: str, *, reason: str, by: str) -> bool:
    """Have a paused source asked again; False where nobody has it paused."""
    done = await journal.resume_source(source, by=by, reason=reason)
    if done:
        log.warning("source.resumed", source=source, actor=by)
    return done
