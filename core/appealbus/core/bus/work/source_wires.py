"""What sources need of the bus: their wires, and the journal as guards see it, which know no store."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from appealbus.core.bus.tasks import PartTasks, Phase
from appealbus.core.domain.access import AccessRow, AwaitedRow
from appealbus.core.domain.limits import Grant, Report
from appealbus.core.domain.pauses import QuotaAnswer, QuotaCall, QuotaWish
from appealbus.core.guards.context import Bound
from appealbus.core.guards.guard import Guard
from appealbus.core.interfaces.answer import Answers
from appealbus.core.interfaces.wire import SingleUse
from appealbus.core.journal import access, awaiting, limits, pauses
from appealbus.core.journal.journal import Journal


class SourceWires:
    """Opens and closes the wires to all sources, and listens for late answers."""

    def __init__(
        self, sources: Mapping[str, Bound], guards: Mapping[str, Guard], answers: Answers, tasks: PartTasks
    ) -> None:
        self._sources = sources
        self._guards = guards
        self._answers = answers
        self._tasks = tasks

    async def open(self) -> None:
        """Open all wires. ConfigError if a contract that a source names is broken."""
        await asyncio.gather(*map(self._open, self._sources.values()))

    async def listen(self) -> None:
        await asyncio.gather(*map(self._listen, self._sources.values()))

    async def close(self, seconds: float) -> None:
        closing = (
            self._tasks.close(f"source.{bound.name}", bound.wire.close, bound.plugin, seconds)
            for bound in self._sources.values()
        )
        await asyncio.gather(*closing)

    async def _open(self, bound: Bound) -> None:
        guard = self._guards[bound.name]
        guard.context.ready = await self._tasks.open(f"source.{bound.name}", bound.wire.start, bound.plugin)
        if not guard.context.ready:
            self._open_later(bound)

    async def _listen(self, bound: Bound) -> None:
        name, listen = f"source.{bound.name}", partial(bound.wire.listen, self._answers)
        if self._guards[bound.name].context.ready and not await self._tasks.open(name, listen, bound.plugin):
            self._open_later(bound)

    def _open_later(self, bound: Bound) -> None:
        name, run = f"source.{bound.name}", partial(self._open_late, bound)
        self._tasks.start(name, run, Phase.LAST, bound.plugin, later=True)

    async def _open_late(self, bound: Bound) -> None:
        guard = self._guards[bound.name]
        if not guard.context.ready:
            await bound.wire.start()
            guard.context.ready = True
        await bound.wire.listen(self._answers)


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
