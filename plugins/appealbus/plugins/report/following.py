"""Reads from the journal what reports count: all of it once, and then what its log says has changed."""

from collections.abc import Collection, Sequence
from typing import Protocol

from appealbus.core import AppealRow, Case, Cursor, CursorRefused, LogPage, What
from appealbus.plugins.report.fact import fact_of
from appealbus.plugins.report.store import Store

_PAGE = 500
"""Appeals that are read at once: with their texts, some ten megabytes."""
_CHANGES = (What.ACCEPTED, What.CHANGED, What.VERSION, What.TERM_MOVED)
"""After these an appeal may count in another way."""


class Followable(Protocol):
    """What of the journal is read."""

    async def appeals(self, after: int = 0, limit: int = 100) -> list[AppealRow]:
        """Return a page of appeals."""

    async def cases(self, ids: Sequence[int]) -> list[Case]:
        """Return appeals by id."""

    async def log(self, after: Cursor | None = None, limit: int = 100, *, what: Collection[str] = ()) -> LogPage:
        """Return a page of the log."""


async def follow(journal: Followable, journal_id: str, store: Store) -> None:
    """Count what has come or changed since the last time.

    What the journal deletes for its age stays counted. Where its log does not go back so far, or the journal was
    restored, all that it holds is read again.
    """
    cursor = store.cursor(journal_id)
    if cursor is not None:
        try:
            await _read_changes(journal, journal_id, store, cursor)
        except CursorRefused:
            cursor = None
    if cursor is None:
        # The end of the log is taken first: what changes while all is read is read once more.
        begin = (await journal.log(None, 1)).head
        await _read_all(journal, journal_id, store, begin)
        await _read_changes(journal, journal_id, store, begin)


async def _read_all(journal: Followable, journal_id: str, store: Store, begin: Cursor) -> None:
    after = 0
    while page := await journal.appeals(after, _PAGE):
        store.put(map(fact_of, await journal.cases([row.appeal_id for row in page])))
        after = page[-1].appeal_id
    store.begin(journal_id, begin, after)


async def _read_changes(journal: Followable, journal_id: str, store: Store, cursor: Cursor) -> None:
    while True:
        page = await journal.log(cursor, _PAGE, what=_CHANGES)
        ids = sorted({each.appeal_id for each in page.entries if each.appeal_id is not None})
        cursor = store.follow(journal_id, map(fact_of, await journal.cases(ids)), cursor, page.next)
        if cursor == page.next and page.lag <= 0:
            return
