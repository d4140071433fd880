"""The parts of the journal for what comes in and for what goes out."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from appealbus.core import clocks
from appealbus.core.domain.operation import Verdict
from appealbus.core.journal import leaving, pruning, quarantine, retention, suspect_messages
from appealbus.core.journal.appeals import accepting
from appealbus.core.journal.appeals.accepting import Accepted, Arriving, NewAppeal
from appealbus.core.journal.changes import changing
from appealbus.core.journal.changes.changes import ChangeTaken, NewChange
from appealbus.core.journal.changes.targets import Changing
from appealbus.core.journal.deliveries import delivering
from appealbus.core.journal.quarantine import NewQuarantine, QuarantineRow
from appealbus.core.journal.writing import Writing


class Taking(Writing):
    async def accept(self, new: NewAppeal, *, owner: str | None = None, lease_seconds: float = 60.0) -> Accepted:
        """Write an appeal down, give it a number if it has none, and make it ready for work.

        The same message (channel and message id) again gets its first receipt, with `new=False`; another message with a
        known id raises MessageDiffers. A number that another message has is kept as written, and the appeal gets one of
        ours. With `owner` a new appeal is leased at once: its acceptor may work on it without a claim. The lease counts
        from `accepted_at`; on PostgreSQL, here and in `claim` and `renew`, from the database's time, as clocks differ.
        """
        # The one process of an SQLite journal claims by the journal's clock, so what it accepts is leased by that too.
        lease = lease_seconds if self.shared else lease_seconds + self._clock.skew
        return await self._write.submit(accepting.accept, await self._arriving(new, owner, lease))

    async def _arriving(self, new: NewAppeal, owner: str | None = None, lease: float = 0.0) -> Arriving:
        sketch = await self._sketch(new.appeal)
        return Arriving.of(new, self.number_prefix, self.epoch, self.key, owner=owner, seconds=lease, sketch=sketch)

    async def change(self, new: NewChange, *, most_waiting: int = 10_000) -> ChangeTaken:
        """Write a change down, and have its appeal worked, by whoever claims it.

        The same message (channel and message id) again gets its first receipt, with `new=False`. A change of an unknown
        appeal waits for it. One that its sender may not make is in quarantine, and gets the receipt that it would get
        if there were no such appeal (`refused`). `most_waiting` of its channel may wait, and a tenth more of those that
        end appeals.

        Raises MessageDiffers, or JournalError: `change.contradictory`, `change.too_many`, `change.too_many_wait`.
        """
        return await self._write.submit(changing.change, Changing(new, most_waiting))

    async def quarantine(self, new: NewQuarantine) -> int:
        return await self._write.submit(quarantine.keep, new)

    async def begin_turn(self, mark: str) -> int:
        """Note that a repeated message is about to be read alone; return how many such turns never ended."""
        return await self._write.submit(suspect_messages.begin, suspect_messages.Turn(mark, clocks.wall()))

    async def end_turn(self, mark: str) -> None:
        """Note that nobody died over the message."""
        await self._write.submit(suspect_messages.end, mark)

    async def leave_quarantine(
        self, row: QuarantineRow, new: NewAppeal | NewChange, *, most_waiting: int = 10_000, reason: str = ""
    ) -> Accepted | ChangeTaken:
        """Write down what a message in quarantine is, and that it has left: both, or neither.

        Raises:
            MessageDiffers: as `accept` and `change` do.
            JournalError: `quarantine.left`: somebody has taken or closed it since the row was read; as `change`; or
                its sender may not make that change, `change.foreign` or `change.out_of_scope`.

        """
        if isinstance(new, NewChange):
            item: Changing | Arriving = Changing(new, most_waiting, replayed=True)
        else:
            item = await self._arriving(new)
        replayed = quarantine.Replayed(row.id, "", self.now(), self.actor, reason)
        return await self._write.submit(leaving.leave, leaving.Leaving(replayed, row.closed_at is not None, item))

    async def close_quarantined(self, quarantine_id: int, *, by: str, reason: str) -> bool:
        """Close a message in quarantine for good; False if it does not wait there."""
        return await self._write.submit(quarantine.close, quarantine.Closing(quarantine_id, reason, self.now(), by))


class Delivering(Writing):
    async def delivered(self, delivery_ids: Sequence[int]) -> None:
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
        """Set deliveries aside, id and code each: no automatic retry, and later versions wait no longer."""
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
        """Note that a worker hands this receiver nothing now, and survived what it began."""
        await self._write.submit(delivering.survived, (receiver, by))

    async def skip_deliveries(
        self, number: str | None, reason: str, *, receiver: str | None = None, version: int | None = None
    ) -> int:
        """Give up undelivered versions of an appeal, with None all set aside; return how many."""
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

    async def skip_delivery(self, shown: delivering.Shown, *, reason: str) -> Verdict:
        """Give up one version, if it still is as a person was shown it."""
        return await self._write.submit(
            delivering.decide, delivering.Decision(shown, False, self.now(), self.actor, reason)
        )

    async def resend_delivery(self, shown: delivering.Shown, *, reason: str) -> Verdict:
        """Deliver a shown version again under its id, unless the receiver has a newer one."""
        return await self._write.submit(
            delivering.decide, delivering.Decision(shown, True, self.now(), self.actor, reason)
        )

    async def drop_deliveries(self, receiver: str) -> int:
        """Delete what waits for a receiver that is gone for good; return how many versions."""
        return await retention.all_of(self._write, pruning.drop_deliveries, pruning.Gone(receiver, self.actor))

    async def listen(self, on_news: Callable[[], None]) -> None:
        """Call `on_news` whenever another worker has something to deliver, until cancelled.

        Where the journal is not shared there is no other worker, and it returns at once.
        """
        if self._opened.listen is not None:
            await self._opened.listen(on_news)
