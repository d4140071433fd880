"""The part of the journal for dossiers that go out."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from appealbus.core import clocks
from appealbus.core.domain.operation import Verdict
from appealbus.core.journal import retention
from appealbus.core.journal.writes import deciding, delivering, pruning
from appealbus.core.journal.writing import Writing


class Delivering(Writing):
    """Notes what became of deliveries."""

    async def delivered(self, delivery_ids: Sequence[int]) -> None:
        """Note that receivers have confirmed these."""
        if delivery_ids:
            await self._write.submit(
                delivering.delivered, delivering.Confirmed(delivery_ids, clocks.wall(), self.actor)
            )

    async def deliveries_failed(
        self, rows: Sequence[tuple[int, str, datetime]], *, struck: Collection[int] = ()
    ) -> None:
        """Note which deliveries failed: the id, a code and when to try again. Later versions wait till then too.

        The code is ours, never the receiver's text; of a longer one 200 characters are kept. Those that are `struck`
        have one strike more: the delivery raised over them alone.
        """
        if rows:
            failed = [
                delivering.Failed(delivery_id, code, at, self.actor, delivery_id in struck)
                for delivery_id, code, at in rows
            ]
            await self._write.submit(delivering.failed, failed)

    async def deliveries_alone(self, rows: Sequence[tuple[int, str]]) -> None:
        """Note which deliveries nobody tries again by himself: the id and a code. Later versions wait no longer."""
        if rows:
            now = self.now()
            alone = [delivering.GivenUp(delivery_id, code, now, self.actor) for delivery_id, code in rows]
            await self._write.submit(delivering.alone, alone)

    async def deliveries_begun(self, delivery_ids: Sequence[int], by: str) -> None:
        """Note that a worker begins to hand these over, before it does; what becomes of each ends that.

        One that another has begun and not ended has one death more.
        """
        if delivery_ids:
            await self._write.submit(delivering.begun, delivering.Begun(delivery_ids, by))

    async def deliveries_survived(self, receiver: str, by: str) -> None:
        """Note that a worker hands a receiver nothing now, and has not died over what it began."""
        await self._write.submit(delivering.survived, (receiver, by))

    async def skip_deliveries(
        self, number: str | None, reason: str, *, receiver: str | None = None, version: int | None = None
    ) -> int:
        """Give up what was not delivered of an appeal, or with None all that waits alone; return how many versions."""
        chosen = delivering.Chosen(self.now(), number, receiver, version, self.actor, reason)
        return await self._write.submit(delivering.skip, chosen)

    async def resend(
        self, number: str | None, *, receiver: str | None = None, version: int | None = None, reason: str = ""
    ) -> int:
        """Deliver again what waits alone or was given up of an appeal, with None all that waits alone.

        A version that is named goes out again even if it was delivered. Returns how many versions.
        """
        chosen = delivering.Chosen(self.now(), number, receiver, version, self.actor, reason)
        return await self._write.submit(delivering.resend, chosen)

    async def skip_delivery(self, shown: deciding.Shown, *, reason: str) -> Verdict:
        """Give up one version that a person was shown, if it still is as it was shown."""
        return await self._write.submit(
            deciding.decide, deciding.Decision(shown, False, self.now(), self.actor, reason)
        )

    async def resend_delivery(self, shown: deciding.Shown, *, reason: str) -> Verdict:
        """Deliver one version again that a person was shown, under its id; not where the receiver has a newer one."""
        return await self._write.submit(deciding.decide, deciding.Decision(shown, True, self.now(), self.actor, reason))

    async def drop_deliveries(self, receiver: str) -> int:
        """Delete what waits for a receiver that is gone for good; returns how many versions that were."""
        return await retention.all_of(self._write, pruning.drop_deliveries, pruning.Gone(receiver, self.actor))

    async def listen(self, on_news: Callable[[], None]) -> None:
        """Call `on_news` whenever another worker has something to deliver, until cancelled.

        Where the journal is not shared there is no other worker, and it returns at once.
        """
        if self._opened.listen is not None:
            await self._opened.listen(on_news)
