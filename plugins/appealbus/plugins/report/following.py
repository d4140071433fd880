"""Follows the journal for reports: a full read once, then changes from its log."""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from appealbus.core import Cursor, CursorRefused, EventType
from appealbus.core.management import JournalKey, JournalReader, appeals
from appealbus.core.management import log as journal_log
from appealbus.core.management.appeals import Outline
from appealbus.plugins.report.fact import District, Fact, districts_of, fact_of
from appealbus.plugins.report.store import Followed, Store
from appealbus.schemas.address import Address

log = structlog.get_logger(__name__)

_PAGE = 500
"""Appeals in one read; with their texts, some megabytes."""
_CHANGES = (EventType.ACCEPTED, EventType.CHANGED, EventType.VERSION, EventType.TERM_MOVED)
"""Log entries after which an appeal may count differently."""


async def follow(journal: JournalReader, journal_id: str, store: Store) -> None:
    """Update the counts from the journal.

    Appeals that the journal deletes by age stay counted. If its log does not reach back far enough, it was restored, or
    its key has changed, everything in it is read again.
    """
    await _Following(journal, journal_id, store, await journal.keyed()).follow()


class _Following:
    def __init__(self, journal: JournalReader, journal_id: str, store: Store, key: JournalKey) -> None:
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
            begin = (await self._journal.ask(journal_log.page, None, 1)).head
            await self._read_all(begin)
            await self._read_changes(begin)

    async def _read_all(self, begin: Cursor) -> None:
        last, (page, after) = 0, await self._journal.ask(appeals.outline_page, 0, _PAGE)
        while after:
            self._store.put(await self._facts(page))
            last, (page, after) = after, await self._journal.ask(appeals.outline_page, after, _PAGE)
        self._store.begin(self._followed, begin, last)

    async def _read_changes(self, cursor: Cursor) -> None:
        while True:
            page = await self._journal.ask(journal_log.page, cursor, _PAGE, what=_CHANGES)
            ids = sorted({entry.appeal_id for entry in page.entries if entry.appeal_id is not None})
            facts = await self._facts(await self._journal.ask(appeals.outlines, ids))
            cursor = self._store.follow(self._followed, facts, cursor, page.next)
            if cursor == page.next and page.lag <= 0:
                return

    async def _facts(self, page: Sequence[Outline]) -> list[Fact]:
        districts = await self._districts(page)
        facts = []
        for outline in page:
            try:
                facts.append(fact_of(outline, self._key.mark, districts.get(outline.appeal_id, ())))
            except ValueError as error:
                log.error("journal.unreadable", appeal_id=outline.appeal_id, error=type(error).__name__)
        return facts

    async def _districts(self, page: Sequence[Outline]) -> dict[int, list[District]]:
        """Return the districts from addresses.

        A lookup has records of one type, so one record shows whether they are addresses. If it is unreadable, all are
        read.
        """
        one = {lookup: outline.appeal_id for outline in page for lookup in outline.found}
        samples = await self._journal.ask(appeals.records, sorted({*one.values()}), list(one))
        others = {lookup for _, lookup, record in samples if not isinstance(record, Address)}
        finds = sorted(one.keys() - others)
        districts: defaultdict[int, list[District]] = defaultdict(list)
        if finds:
            for appeal_id, _, record in await self._journal.ask(
                appeals.records, [outline.appeal_id for outline in page], finds
            ):
                districts[appeal_id] += districts_of(record)
        return districts
