"""The relay: hands dossier versions from the outbox to one receiver, at least once and in order."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog

from appealbus.core.bus.duty import Duty, DutyLost
from appealbus.core.clocks import wall
from appealbus.core.failpoints import failpoint
from appealbus.core.guards.defects import being_cancelled
from appealbus.core.interfaces.delivery import Delivery, Outgoing
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Undelivered
from appealbus.core.logs.lasting import Lasting
from appealbus.core.masking import message_number

log = structlog.get_logger(__name__)

_BATCH = 100
_TIMEOUT = 60.0
_POLL = 1.0
_BACKOFF_MAX = 300.0


class Relay:
    """Delivers to one receiver. What another receiver does is no concern of this one."""

    def __init__(self, name: str, delivery: Delivery[Any], journal: Journal, duty: Duty) -> None:
        self.name = name
        self._duty = duty
        self._delivery = delivery
        self._journal = journal
        self._wake = asyncio.Event()
        self._batch = _BATCH
        self.results: Counter[str] = Counter()
        """Versions handed over, by result: `delivered`, `failed`."""
        self._trouble = Lasting()
        # What is being handed over when the bus stops is noted before the flush looks for the rest.
        self._one_at_a_time = asyncio.Lock()

    def wake(self) -> None:
        """Say that there is something to deliver."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            if not self._duty.held:
                # One worker hands over to a receiver at a time, or versions would overtake each other.
                await asyncio.sleep(_POLL)
                continue
            self._wake.clear()
            try:
                more = await self.pass_on()
                self._trouble.over()
            except JournalError:
                # Whatever was handed over and not noted goes out again once the journal works.
                if self._trouble.is_news():
                    log.exception("delivery.journal_failed", receiver=self.name)
                more = False
            if not more:
                try:
                    async with asyncio.timeout(_POLL):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def flush(self, seconds: float) -> None:
        """Deliver what there is, for so long at most; the rest stays in the outbox."""
        try:
            async with asyncio.timeout(seconds):
                while await self.pass_on():
                    pass
        except (TimeoutError, JournalError) as error:
            log.warning("delivery.unfinished", receiver=self.name, error=type(error).__name__)

    async def pass_on(self) -> bool:
        """Deliver one batch; return whether there may be more."""
        async with self._one_at_a_time:
            try:
                return await self._pass_on()
            except DutyLost:
                return False

    async def _pass_on(self) -> bool:
        asked = self._batch
        async with self._duty.during():
            rows = await self._journal.undelivered(self.name, wall(), asked)
            if not rows:
                return False
            results = await self._hand_over(rows)
        failpoint("relay.delivered")
        taken = [row.delivery_id for row, problem in zip(rows, results, strict=True) if problem is None]
        if taken:
            await self._journal.delivered(taken)
        now = wall()
        missed = [
            (row.delivery_id, problem, now + timedelta(seconds=min(_BACKOFF_MAX, 2.0 ** min(row.attempts, 10))))
            for row, problem in zip(rows, results, strict=True)
            if problem is not None
        ]
        await self._journal.deliveries_failed(missed)
        failed = len(rows) - len(taken)
        self.results.update(delivered=len(taken), failed=failed)
        if failed:
            code = Counter(problem for _, problem, _ in missed).most_common(1)[0][0]
            log.warning("delivery.failed", receiver=self.name, count=failed, code=code)
        return len(rows) == asked and not failed

    async def _hand_over(self, rows: Sequence[Undelivered]) -> Sequence[str | None]:
        batch = [_outgoing(row) for row in rows]
        try:
            async with asyncio.timeout(_TIMEOUT):
                results = await self._delivery.deliver(batch)
            if len(results) == len(batch):
                self._batch = min(_BATCH, self._batch * 2)
                return results
            log.error("delivery.miscounted", receiver=self.name)
            return ["miscounted"] * len(batch)
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            return self._failed(error, batch)
        except TimeoutError as error:
            # A receiver that is slow gets less at once, or it would be handed the same start for ever.
            self._batch = max(1, self._batch // 2)
            return self._failed(error, batch)
        except Exception as error:
            return self._failed(error, batch)

    def _failed(self, error: BaseException, batch: Sequence[Outgoing]) -> list[str | None]:
        log.exception("delivery.raised", receiver=self.name)
        return [type(error).__name__] * len(batch)


def _outgoing(row: Undelivered) -> Outgoing:
    message_id = f"{message_number(row.number, row.appeal_id)}/{row.version}"
    return Outgoing(message_id, row.number, row.version, row.completeness, row.dossier, row.region)
