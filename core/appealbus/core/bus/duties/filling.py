"""Rows of a part of the journal, of appeals that came before it: made on one worker for all."""

import asyncio

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal import parts
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.setup import LogThrottle

_REST = 0.1
"""Seconds between batches of 200, which take as long: a million need a quarter of an hour."""
_EACH = 60.0
"""Seconds between polls once all appeals have rows; processes without the part may still accept some."""


async def fill_lacking(journal: Journal, part: JournalPart, lease: LeaderLease) -> None:
    after = count = 0
    trouble = LogThrottle()
    while True:
        pause = _EACH
        try:
            filled = await fill_next(journal, part, after) if lease.held else None
            trouble.over()
        except JournalError as error:
            filled = None
            if trouble.is_news():
                part.filled(0, error.code)
        if filled is not None:
            after, count, pause = filled.upto, count + len(filled.rows), _REST if filled.rows else 0.0
        elif count:
            part.filled(count)
            count = 0
        await asyncio.sleep(pause)


async def fill_next(journal: Journal, part: JournalPart, after: int) -> parts.Fill | None:
    """Write the rows of the next appeals behind an id that have none, and return them; None at the end."""
    filled = await journal.ask(parts.lacking, part, after)
    if filled is not None and filled.rows:
        await journal.do(filled)
    return filled
