"""Rows of a part of the journal, of appeals that came before it: made on one worker for all."""

import asyncio

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.clocks import monotonic
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal import parts
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.part_rows import Kept
from appealbus.core.logs.setup import LogThrottle

_REST = 0.1
"""Seconds between batches of 200, which take as long: a million need a quarter of an hour."""
_EACH = 60.0
"""Seconds between polls once all appeals have rows; processes without the part may still accept some."""

_ANEW = 3600.0
"""Seconds until all appeals are looked through again: one has lost its rows since where a part failed over its new
form, or a process without the part gave it that.
"""
_PATIENCE = 30.0
"""Seconds for the rows of a batch; the longest texts take a second together."""


async def fill_lacking(journal: Journal, part: JournalPart, lease: LeaderLease) -> None:
    after = count = 0
    trouble = LogThrottle()
    begun = monotonic()
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
        else:
            if count:
                part.filled(count)
                count = 0
            if monotonic() - begun > _ANEW:
                after, begun = 0, monotonic()
        await asyncio.sleep(pause)


async def fill_next(journal: Journal, part: JournalPart, after: int) -> parts.Lacking | None:
    """Write the rows of the next appeals behind an id that have none, and return these; None at the end.

    Nothing is done while a call of the part hangs.
    """
    keeper = journal.keeper
    lacking = await journal.ask(parts.lacking, part, after) if keeper.is_ready(part) else None
    if lacking is None or not lacking.rows:
        return lacking
    forms = [form for _, _, form in lacking.rows]
    made = await keeper.in_thread(part, forms, journal.key, _PATIENCE)
    if made is None:
        return None
    filled = [
        (appeal_id, digest, Kept(rows, [part.name], keeper.defects))
        for (appeal_id, digest, _), rows in zip(lacking.rows, made, strict=True)
        if rows is not None
    ]
    try:
        await journal.do(parts.Fill(part, filled))
    except JournalError as error:
        if error.passes:
            raise
        for item in filled:  # the others get theirs, though the database does not take those of one
            await journal.do(parts.Fill(part, [item]))
    return lacking
