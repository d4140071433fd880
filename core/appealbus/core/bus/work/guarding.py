"""The journal as guards see it, which know no store."""

from collections.abc import Sequence

from appealbus.core.domain.access import AccessRow, AwaitedRow
from appealbus.core.domain.limits import Grant, Report
from appealbus.core.domain.pauses import QuotaAnswer, QuotaCall, QuotaWish
from appealbus.core.interfaces.wire import SingleUse
from appealbus.core.journal import access, awaiting, limits, pauses
from appealbus.core.journal.journal import Journal


class GuardJournal:
    """The `LimitsJournal` and the `QuotaBook` of guards, and what they write before a question leaves."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def access(self, rows: Sequence[AccessRow]) -> None:
        await self._journal.do(access.Asking(rows))

    async def await_answer(self, row: AwaitedRow) -> None:
        await self._journal.do(awaiting.Expecting(row))

    async def use_answer(self, once: SingleUse, message_id: str) -> bool:
        return await self._journal.do(awaiting.Use(once, message_id))

    async def share_limits(self, worker: str, reports: Sequence[Report]) -> list[Grant]:
        return await self._journal.do(limits.Reports(worker, reports))

    async def leave_limits(self, worker: str) -> None:
        await self._journal.do(limits.Leave(worker))

    async def take_quota(self, wish: QuotaWish) -> QuotaAnswer:
        return await self._journal.do(pauses.TakeQuota(wish))

    async def return_quota(self, call: QuotaCall) -> None:
        await self._journal.do(pauses.ReturnQuota(call))
