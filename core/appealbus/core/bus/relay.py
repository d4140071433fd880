"""The relay: hands dossier versions from the outbox to one receiver, at least once and in order."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from appealbus.core.bus.duty import Duty, DutyLost
from appealbus.core.clocks import wall
from appealbus.core.config.base import ConfigError
from appealbus.core.doors import is_defect, within
from appealbus.core.failpoints import failpoint
from appealbus.core.host import Host
from appealbus.core.interfaces.delivery import Delivery, Outgoing
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Undelivered
from appealbus.core.logs.lasting import Lasting

log = structlog.get_logger(__name__)

_BATCH = 100
_TIMEOUT = 60.0
_POLL = 1.0
_BACKOFF_MAX = 300.0


class Relay:
    """Delivers to one receiver. What another receiver does is no concern of this one."""

    def __init__(self, name: str, delivery: Delivery[Any], journal: Journal, duty: Duty, host: Host) -> None:
        self.name = name
        self.plugin = host.owner(delivery)
        """The one that brings the delivery."""
        self._defects = host.defects
        self._started = False
        self._left: set[asyncio.Task[Any]] = set()
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

    async def start(self) -> None:
        """Open the delivery; one whose plugin raises over it is opened again before the next batch.

        Raises:
            ConfigError: its settings are wrong.

        """
        try:
            await within(_TIMEOUT, self._open, self.plugin, self._leave_behind)
        except BaseException as error:
            if isinstance(error, ConfigError) or not is_defect(error):
                raise
            self._raised()

    async def close(self) -> None:
        """Let go of everything."""
        await self._delivery.close()

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
        batch = [
            Outgoing(f"{row.number}/{row.version}", row.number, row.version, row.completeness, row.dossier, row.region)
            for row in rows
        ]
        try:
            results = await within(_TIMEOUT, partial(self._deliver, batch), self.plugin, self._leave_behind)
            if len(results) == len(batch):
                self._batch = min(_BATCH, self._batch * 2)
                return results
            log.error("delivery.miscounted", receiver=self.name)
            return ["miscounted"] * len(batch)
        except TimeoutError as error:
            # A receiver that is slow gets less at once, or it would be handed the same start for ever.
            self._batch = max(1, self._batch // 2)
            return self._failed(error, batch)
        except BaseException as error:
            if not is_defect(error):
                raise
            return self._failed(error, batch)

    def _failed(self, error: BaseException, batch: Sequence[Outgoing]) -> list[str | None]:
        self._raised()
        return [type(error).__name__] * len(batch)

    async def _open(self) -> None:
        await self._delivery.start()
        self._started = True

    async def _deliver(self, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        if self._left:  # another call beside one that does not end would not end either
            return ["left_behind"] * len(batch)
        if not self._started:
            await self._open()
        return await self._delivery.deliver(batch)

    def _leave_behind(self, task: asyncio.Task[Any]) -> None:
        self._left.add(task)
        task.add_done_callback(self._left.discard)
        log.error("delivery.left_behind", receiver=self.name)

    def _raised(self) -> None:
        self._defects[f"delivery.{self.name}"] += 1
        log.exception("delivery.raised", receiver=self.name)
