"""The journal's half for dossiers that go out."""

from collections.abc import Callable, Sequence
from datetime import datetime

from appealbus.core import clocks
from appealbus.core.journal import retention
from appealbus.core.journal.writes import delivering, pruning
from appealbus.core.journal.writing import Writing


class Outgoing(Writing):
    """Notes what became of deliveries."""

    async def delivered(self, delivery_ids: Sequence[int]) -> None:
        """Note that receivers have confirmed these."""
        if delivery_ids:
            await self._write.submit(delivering.delivered, delivering.Delivered(delivery_ids, clocks.wall()))

    async def deliveries_failed(self, rows: Sequence[tuple[int, str, datetime]]) -> None:
        """Note which deliveries failed: the id, a code and when to try again. Later versions wait till then too.

        The code is ours, never the receiver's text; of a longer one 200 characters are kept.
        """
        if rows:
            failed = [delivering.Failed(delivery_id, code, at) for delivery_id, code, at in rows]
            await self._write.submit(delivering.failed, failed)

    async def drop_deliveries(self, receiver: str) -> int:
        """Delete what waits for a receiver that is gone for good; returns how many versions that were."""
        return await retention.all_of(self._write, pruning.drop_deliveries, receiver)

    async def hear(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever a worker has something to deliver, until cancelled. At once over where there is one."""
        if self._opened.hear is not None:
            await self._opened.hear(heard)
