"""The part of the journal for what comes in."""

from appealbus.core import clocks
from appealbus.core.journal.rows import Accepted, ChangeTaken, NewAppeal, NewChange, NewQuarantine, QuarantineRow
from appealbus.core.journal.writes import accepting, changing, leaving, record_calls, suspect_messages
from appealbus.core.journal.writes.arriving import Arriving
from appealbus.core.journal.writes.change_targets import Changing
from appealbus.core.journal.writing import Writing


class Taking(Writing):
    """Takes appeals and what could not be taken."""

    async def accept(self, new: NewAppeal, *, owner: str | None = None, lease_seconds: float = 60.0) -> Accepted:
        """Write an appeal down, give it a number if it has none, and make it ready for work.

        The same message (channel and message id) again gets the receipt it got then, with `new=False`. A number that
        another message has is kept as written, and the appeal gets one of ours. With `owner`
        a new appeal is leased at once: its acceptor may work on it without a claim. The lease counts from
        `accepted_at`; on PostgreSQL, here and in `claim` and `renew`, from the database's time, as clocks differ.

        Raises:
            MessageDiffers: another message has come with its id before.

        """
        # The one process of an SQLite journal claims by the journal's clock, so what it accepts is leased by that too.
        lease = lease_seconds if self.shared else lease_seconds + self._clock.skew
        return await self._write.submit(accepting.accept, await self._arriving(new, owner, lease))

    async def _arriving(self, new: NewAppeal, owner: str | None = None, lease: float = 0.0) -> Arriving:
        sketch = await self._sketch(new.appeal)
        return Arriving.of(new, self.number_prefix, self.epoch, self.key, owner=owner, seconds=lease, sketch=sketch)

    async def change(self, new: NewChange, *, most_waiting: int = 10_000) -> ChangeTaken:
        """Write a change down, and have its appeal worked, by whoever claims it.

        The same message (channel and message id) again gets the receipt it got then, with `new=False`. A change of an
        appeal that is not known waits for it. One that its sender may not make is in quarantine, and gets the receipt
        that it would get if there were no such appeal (`refused`).

        Args:
            new: the change.
            most_waiting: so many of its channel may wait, and a tenth more of those by which appeals end.

        Raises:
            MessageDiffers: another message has come with its id before.
            JournalError: it cannot be taken: `change.contradictory`, `change.too_many`, `change.too_many_wait`.

        """
        return await self._write.submit(changing.change, Changing(new, most_waiting))

    async def quarantine(self, new: NewQuarantine) -> int:
        """Keep a message that could not be taken; return its id."""
        return await self._write.submit(record_calls.quarantine, new)

    async def begin_turn(self, mark: str) -> int:
        """Note that a message which came again is about to be read alone; return how many such turns never ended."""
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
        replayed = record_calls.Replayed(row.id, "", self.now(), self.actor, reason)
        return await self._write.submit(leaving.leave, leaving.Leaving(replayed, row.closed_at is not None, item))

    async def close_quarantined(self, quarantine_id: int, *, by: str, reason: str) -> bool:
        """Close a message in quarantine: nothing more is to become of it. False if it does not wait there."""
        return await self._write.submit(record_calls.close, record_calls.Closing(quarantine_id, reason, self.now(), by))
