"""Holds and releases one appeal; shared by all entry points."""

import structlog

from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)


async def hold(journal: Journal, number: str, *, reason: str, by: str) -> bool:
    """Stop work on an appeal until its release; False if it does not exist. JournalError `held` if already held."""
    done = await journal.do(suspects.Hold(number, by=by, reason=reason))
    if done:
        # The reason is a person's text: it is kept in the journal, and never logged.
        log.warning("case.held_by_hand", number=number, actor=by)
    return done


async def release(journal: Journal, number: str, *, reason: str, by: str) -> bool:
    """Release a held appeal; False if it does not exist. JournalError `not_held` if it is not held."""
    done = await journal.do(suspects.Releasing(number, reason=reason))
    if done:
        log.warning("case.released", number=number, actor=by)
    return done
