"""Rows of parts of the journal, of appeals that came before the part: made on one worker for all."""

import asyncio
from dataclasses import dataclass

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.journal_part import JournalPart, Rows
from appealbus.core.journal import parts
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.parts import Fill, Lacking
from appealbus.core.logs.throttle import LogThrottle
from appealbus.core.packing import unpack
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

_REST = 0.1
"""Seconds between batches of 200, which take as long: a million need a quarter of an hour."""
_EACH = 60.0
"""Seconds between polls once all appeals have rows; processes without the part may still accept some."""
_NOTHING = Appeal(message_id="-")
"""What a damaged appeal counts as."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The id up to which all appeals have rows, and how many got theirs now."""

    upto: int
    count: int


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
            after, count, pause = filled.upto, count + filled.count, _REST if filled.count else 0.0
        elif count:
            part.filled(count)
            count = 0
        await asyncio.sleep(pause)


async def fill_next(journal: Journal, part: JournalPart, after: int) -> Filled | None:
    """Make the rows of the next appeals behind an id that have none; None where none is behind it.

    On disk when it returns.
    """
    looked = await journal.ask(parts.lacking, part, after)
    if looked is None:
        return None
    appeals, upto = looked
    rows = await asyncio.to_thread(_rows, journal, part, appeals) if appeals else []
    if rows:
        await journal.do(Fill(part, rows))
    return Filled(upto, len(rows))


def _rows(journal: Journal, part: JournalPart, appeals: list[Lacking]) -> list[tuple[Lacking, Rows]]:
    kept = [(lacking, parts.rows_of([part], _form(lacking.body), journal.key)) for lacking in appeals]
    return [(lacking, rows) for lacking, made in kept for _, rows in made]


def _form(body: bytes) -> Appeal:
    try:
        return APPEAL.read(unpack(body))
    except Exception:  # damage takes any form, and is told by whoever reads the appeal itself
        return _NOTHING
