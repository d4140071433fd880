"""The part of the journal that services of others are handed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.case import Case
from appealbus.core.domain.counts import Counts, Warned, WeekCounts, WeekPart
from appealbus.core.domain.event import Cursor, LogPage
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.journal import access, documents, figures, log
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.state import Probe

T = TypeVar("T")


class PublicJournal:
    """The `JournalView` of a journal; its methods are documented there."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def ask(self, question: Callable[..., T], *args: Any) -> T:
        return await self._journal.ask(question, *args)

    async def appeals(self, after: int = 0, limit: int = 100, *, state: AppealState | None = None) -> list[AppealRow]:
        return await self._journal.ask(lists.appeals, after, limit, state)

    async def appeal(self, number: str) -> AppealRow | None:
        return await self._journal.ask(lists.appeal_row, number)

    async def case(self, number: str) -> Case | None:
        return await self._journal.ask(cases.case, number)

    async def versions(self, number: str) -> list[VersionRow]:
        return await self._journal.ask(lists.versions, number)

    async def dossier(self, number: str, version: int | None = None) -> bytes | None:
        return await self._journal.ask(documents.whole, number, version)

    async def access_rows(self, number: str | None = None, after: int = 0, limit: int = 100) -> list[AccessRow]:
        return await self._journal.ask(access.access_rows, number, after, limit)

    async def counts(self) -> Counts:
        return await self._journal.ask(figures.counts)

    async def log(self, after: Cursor | None = None, limit: int = 100) -> LogPage:
        return await self._journal.ask(log.page, after, limit)

    async def warned(self) -> list[Warned]:
        return await self._journal.ask(figures.warned)

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        return await self._journal.ask(figures.week_counts, after, most)

    async def appeals_of_week(self, part: WeekPart, limit: int = 100) -> list[AppealRow]:
        return await self._journal.ask(figures.appeals_of_week, part, limit)

    async def next_due(self) -> datetime | None:
        return await self._journal.ask(figures.next_due)

    async def probe(self) -> None:
        await self._journal.do(Probe())
