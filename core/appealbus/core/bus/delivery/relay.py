"""The relay: delivers dossier versions from the outbox to one receiver, at least once and in order."""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from appealbus.core.backoff import doubled
from appealbus.core.bus.delivery.receiver import DeliveryDoor, ReceiverMask
from appealbus.core.bus.duties.leader import LeaderLease, LeaderLeaseLost
from appealbus.core.bus.work.isolation import Turns
from appealbus.core.clocks import monotonic
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.delivery import Delivery, Handed, Refused
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.deliveries.deliveries import DELIVERED_BYTES, Undelivered
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.logs.setup import LogThrottle
from appealbus.core.process.failpoints import failpoint
from appealbus.core.rights.masker import Masker
from appealbus.core.rights.viewer import Viewer

log = structlog.get_logger(__name__)

_POLL = 1.0
_BACKOFF_MAX = 300.0
"""Longest pause before a retry, in seconds. The docs promise five minutes."""
_MISSES = 7
"""Consecutive failed calls until the receiver counts as away: a batch, its halves and quarters. With less, one bad
version looks like an outage."""
_FAILING = 10_000
"""Failing versions remembered, to bound memory; a forgotten one gets its first strike later."""
_STRUCK = 3
"""Versions with strikes tried between two batches, up to a minute each. With more, good versions wait longer."""
_SURVIVED = 10_000
"""Versions remembered as harmless, to bound memory; a forgotten one is only noted again before delivery."""
_DEATHS = 3
"""Crashes during delivery of a single version before it is held for a person. Two may be coincidence."""
KILLS = "process.died"
"""Code of such a held version."""
_STRIKES = 8
"""Failures after which a version is given up: with pauses about four minutes, enough for a short outage."""


class Relay:
    def __init__(
        self,
        receiver: Viewer,
        delivery: Delivery[Any],
        journal: Journal,
        lease: LeaderLease,
        host: Host,
        *,
        turns: Turns,
        masker: Masker,
    ) -> None:
        self.name = receiver.name
        self._mask = ReceiverMask(receiver, journal, masker)
        self._door = DeliveryDoor(receiver.name, delivery, host)
        self.plugin = self._door.plugin
        self._lease = lease
        self._turns = turns
        # The newest version that was there when this worker got the lease: up to it, the worker before may have handed
        # versions over already.
        self._newest_old: int | None = None
        self._survived: set[int] = set()
        self._journal = journal
        self._wake = asyncio.Event()
        self.results: Counter[str] = Counter()
        """Delivery attempts by result: `delivered`, `failed`, `alone`."""
        self._took_at = float("-inf")
        # Since when each version without a strike is failing: it gets one once the receiver has taken another since.
        self._failing: dict[int, float] = {}
        # Whether the receiver took anything when it was last given versions without strikes.
        self._takes = False
        self._trouble = LogThrottle()
        # The flush at the stop must not begin before the call under way is noted: it would repeat that call.
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Open the delivery, or retry before the next batch if its plugin raises. ConfigError for wrong settings."""
        await self._door.open()

    async def close(self) -> None:
        await self._door.close()

    def wake(self) -> None:
        """Poll the outbox now."""
        self._wake.set()

    async def run(self) -> None:
        while True:
            if not self._lease.held:
                # One worker hands over to a receiver at a time, or versions would overtake each other.
                self._newest_old = None
                await asyncio.sleep(_POLL)
                continue
            self._wake.clear()
            try:
                more = await self.pass_on()
                self._trouble.over()
            except JournalError:
                # Versions that were handed over and not noted are handed over again once the journal works.
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
        """Deliver due versions for at most `seconds`; the rest stays in the outbox."""
        try:
            async with asyncio.timeout(seconds):
                while await self.pass_on():
                    pass
        except (TimeoutError, JournalError) as error:
            log.warning("delivery.unfinished", receiver=self.name, error=type(error).__name__)

    async def pass_on(self) -> bool:
        async with self._one_at_a_time:
            try:
                return await self._pass_on()
            except LeaderLeaseLost:
                self._newest_old = None
                return False

    async def _pass_on(self) -> bool:
        asked = self._door.batch
        async with self._lease.during():
            if self._newest_old is None:
                self._newest_old = await self._journal.ask(deliveries.newest_delivery)
            due = await self._journal.ask(deliveries.undelivered, self.name, self._journal.now(), asked)
            rows, ended = await self._mask.masked(due)
            if ended:
                await self._note([row for row, _ in ended], [result for _, result in ended])
        old = [row for row in rows if self._may_kill(row)]
        known = {row.delivery_id for row in old}
        fresh, struck = self._parted([row for row in rows if row.delivery_id not in known])
        failed = await self._hand_all_over(fresh, struck[:_STRUCK]) if fresh or struck else 0
        together, alone = self._parted(old)
        if old:
            async with self._turns.handing(_POLL) as ours:
                if not ours:
                    return True
                failed += await self._hand_over_old(together, alone)
        full = len(due) == asked or sum(len(row.dossier) for row in due) > DELIVERED_BYTES // 2 or bool(ended)
        return max(len(struck), len(alone)) > _STRUCK or (full and not failed)

    def _may_kill(self, row: Undelivered) -> bool:
        """Whether a process may have died while delivering this version."""
        if row.begun_by is not None:
            return True
        return row.delivery_id <= (self._newest_old or 0) and row.delivery_id not in self._survived

    def _parted(self, rows: Sequence[Undelivered]) -> tuple[list[Undelivered], list[Undelivered]]:
        """Split versions into those that may go together and those that go alone, fewest deaths first."""
        alone = [row for row in rows if row.strikes or self._doubted(row)]
        beside = {row.delivery_id for row in alone}
        return [row for row in rows if row.delivery_id not in beside], sorted(alone, key=lambda row: row.deaths)

    def _doubted(self, row: Undelivered) -> bool:
        return row.begun_by not in (None, self._lease.owner)

    async def _hand_over_old(self, together: Sequence[Undelivered], alone: Sequence[Undelivered]) -> int:
        """Deliver versions over which a process may have died; the journal records each call first."""
        failed = 0
        try:
            if together:
                await self._begin(together)
                failed += await self._hand_all_over(together, [])
            for row in alone[:_STRUCK]:
                failed += await self._hand_over_alone(row)
        except BaseException:  # whatever it is, this process lives
            with suppress(JournalError, TimeoutError):
                async with asyncio.timeout(_POLL):
                    await self._journal.do(delivering.Survived(self.name, self._lease.owner))
            raise
        return failed

    async def _hand_over_alone(self, row: Undelivered) -> int:
        try:
            async with asyncio.timeout(_POLL):
                await self._turns.alone.acquire()
        except TimeoutError:  # the one of another receiver takes long: this one comes again
            return 0
        try:
            await self._begin([row])
            if not self._doubted(row) or row.deaths < _DEATHS:
                return await self._hand_all_over([], [row])
            await self._note([row], [Refused(KILLS)])
            return 0
        finally:
            self._turns.alone.release()

    async def _begin(self, rows: Sequence[Undelivered]) -> None:
        if len(self._survived) > _SURVIVED:
            self._survived.clear()
        async with self._lease.during():
            await self._journal.do(delivering.Begun([row.delivery_id for row in rows], self._lease.owner))
        self._survived.update(row.delivery_id for row in rows)

    async def _hand_all_over(self, fresh: Sequence[Undelivered], struck: Sequence[Undelivered]) -> int:
        """Deliver versions; return how many failed. Results of a call are recorded before the next.

        The `fresh` ones go in one call; if it raises, the batch is halved, and the halves are tried last. The
        `struck` ones go one by one, since the delivery has raised over them before.
        """
        batches = deque([fresh] if fresh else [])
        batches.extend([row] for row in struck)
        misses, codes = 0, Counter[str]()
        while batches:
            some = batches.popleft()
            async with self._lease.during():
                results = await self._door.hand_over(some)
            failpoint("relay.delivered")
            if not isinstance(results, str):
                if None in results:
                    self._took_at, self._takes, misses = monotonic(), True, 0
                codes += await self._note(some, results)
                continue
            if some[0].strikes:
                codes += await self._strike(some[0], results, counts=self._takes)
                continue
            self._note_failing(some, monotonic())
            # A call that raises costs nothing, one that times out a minute: three of these are enough.
            misses += 3 if results == TimeoutError.__name__ else 1
            if misses >= _MISSES:
                # The receiver is away. Or many versions are bad: a small next batch finds them one by one.
                self._takes = False
                self._door.batch = max(1, self._door.batch // 8)
                some, batches = [*some, *(row for batch in batches for row in batch)], deque()
                codes += await self._note(some, [results] * len(some))
            elif len(some) > 1:
                batches += [some[: len(some) // 2], some[len(some) // 2 :]]
            else:
                self._takes = self._took_at > self._failing[some[0].delivery_id]
                codes += await self._strike(some[0], results, counts=self._takes)
        if codes:
            code = codes.most_common(1)[0][0]
            log.warning("delivery.failed", receiver=self.name, count=codes.total(), code=code)
        return codes.total()

    def _note_failing(self, rows: Sequence[Undelivered], now: float) -> None:
        if len(self._failing) > _FAILING:
            self._failing.clear()
        for row in rows:
            self._failing.setdefault(row.delivery_id, now)

    async def _strike(self, row: Undelivered, code: str, *, counts: bool) -> Counter[str]:
        """Record a failure of a single version; it counts as a strike if the receiver accepts others."""
        if counts and row.strikes + 1 >= _STRIKES:
            return await self._note([row], [Refused(code)])
        return await self._note([row], [code], struck={row.delivery_id} if counts else ())

    async def _note(
        self, rows: Sequence[Undelivered], results: Sequence[Handed], struck: Collection[int] = ()
    ) -> Counter[str]:
        ended = list(zip(rows, results, strict=True))
        for row, result in ended:
            if result is None:
                self._failing.pop(row.delivery_id, None)
        taken = [row for row, result in ended if result is None]
        if taken:
            await self._journal.do(delivering.Confirmed([row.delivery_id for row in taken]))
        for row in taken:
            log.info("delivery.delivered", receiver=self.name, number=row.number, version=row.version)
        refused = [(row, result.code) for row, result in ended if isinstance(result, Refused)]
        if refused:
            await self._journal.do(delivering.GivenUp([(row.delivery_id, code) for row, code in refused]))
        for row, code in refused:
            log.error("delivery.alone", receiver=self.name, number=row.number, version=row.version, code=code)
        now = self._journal.now()
        missed = [(row, result) for row, result in ended if not (result is None or isinstance(result, Refused))]
        again = [
            (row.delivery_id, code, now + timedelta(seconds=doubled(1.0, _BACKOFF_MAX, row.attempts)))
            for row, code in missed
        ]
        if again:
            await self._journal.do(delivering.Failed(again, struck=struck))
        self.results.update(delivered=len(taken), failed=len(missed), alone=len(refused))
        return Counter(str(code) for _, code in missed)
