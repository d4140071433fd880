"""Having one appeal not worked, and worked again: the same for every way in."""

import structlog

from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)


async def hold(journal: Journal, number: str, *, reason: str, by: str) -> bool:
    """Have nothing of an appeal worked until it is released; False where there is none.

    Raises:
        JournalError: with the code `held` where it is held already.

    """
    done = await journal.hold_appeal(number, by=by, reason=reason)
    if done:
        # The reason is a person's text: it is kept in the journal, and never logged.
        log.warning("case.held_by_hand", number=number, actor=by)
    return done


async def release(journal: Journal, number: str, *, reason: str, by: str) -> bool:
    """Let a held appeal go on; False where there is none.

    Raises:
        JournalError: with the code `not_held` where it is not held.

    """
    done = await journal.release_appeal(number, reason=reason)
    if done:
        log.warning("case.released", number=number, actor=by)
    return done
