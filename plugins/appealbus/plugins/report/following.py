"""Reads from the journal what reports count: all of it once, and then what its log says has changed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from appealbus.core import AppealRow, Case, Cursor, CursorRefused, LogPage, What
from appealbus.core.journal.key import JournalKey
from appealbus.plugins.report.fact import Fact, fact_of
from appealbus.plugins.report.store import Followed, Store

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

    async def completed(self, ids: Sequence[int]) -> dict[int, datetime]:
        """Return when dossiers were complete first."""

    async def keyed(self) -> JournalKey:
        """Return what makes marks."""

    async def log(self, after: Cursor | None = None, limit: int = 100, *, what: Collection[str] = ()) -> LogPage:
        """Return a page of the log."""


async def follow(journal: Followable, journal_id: str, store: Store) -> None:
    """Count what has come or changed since the last time.

    What the journal deletes for its age stays counted. Where its log does not go back so far, the journal was restored
    or got another key, all that it holds is read again.
    """
    await _Following(journal, journal_id, store, await journal.keyed()).follow()


class _Following:
    def __init__(self, journal: Followable, journal_id: str, store: Store, key: JournalKey) -> None:
        self._journal, self._store, self._key = journal, store, key
        self._followed = Followed(journal_id, key.check)

    async def follow(self) -> None:
        cursor = self._store.cursor(self._followed)
        if cursor is not None:
            try:
                await self._read_changes(cursor)
            except CursorRefused:
                cursor = None
        if cursor is None:
            # The end of the log is taken first: what changes while all is read is read once more.
            begin = (await self._journal.log(None, 1)).head
            await self._read_all(begin)
            await self._read_changes(begin)

    async def _read_all(self, begin: Cursor) -> None:
        after = 0
        while page := await self._journal.appeals(after, _PAGE):
            self._store.put(await self._facts([row.appeal_id for row in page]))
            after = page[-1].appeal_id
        self._store.begin(self._followed, begin, after)

    async def _read_changes(self, cursor: Cursor) -> None:
        while True:
            page = await self._journal.log(cursor, _PAGE, what=_CHANGES)
            ids = sorted({each.appeal_id for each in page.entries if each.appeal_id is not None})
            cursor = self._store.follow(self._followed, await self._facts(ids), cursor, page.next)
            if cursor == page.next and page.lag <= 0:
                return

    async def _facts(self, ids: Sequence[int]) -> list[Fact]:
        completed = await self._journal.completed(ids)
        mark = self._key.mark
        return [fact_of(each, mark, completed.get(each.appeal_id)) for each in await self._journal.cases(ids)]
