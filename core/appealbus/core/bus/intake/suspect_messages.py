"""Reads repeated messages one at a time, so that a crash implicates no other message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

from appealbus.core.bus.intake.decoding import Unacceptable
from appealbus.core.errors import JournalError
from appealbus.core.fair_share import FairShare
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.journal import Journal

TRIES = 3
"""Crashes during a message's turn before it is quarantined unread. Two may be coincidence."""
PAUSES = (0.0, 2.0, 8.0)
"""Seconds before a message's turn, by number of crashes, so that random kills do not hit the same one each time."""
_KNOWN = 1000
"""Messages remembered because the end of their turns is not recorded; a forgotten one counts as one crash."""


class SuspectMessages:
    """Gives repeated messages one turn after the other; the journal records each turn first."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._one = FairShare(1)
        self._survived: set[str] = set()

    @asynccontextmanager
    async def turn(self, message: Inbound) -> AsyncIterator[None]:
        """Wait for the message's turn; a new message needs none.

        Raises Unacceptable if three processes have died over it, JournalError if the turn cannot be recorded.
        """
        if not message.again or message.problem is not None:
            yield
            return
        mark = f"{message.channel} {sha256(message.raw).hexdigest()}"
        if mark in self._survived:
            await self._journal.do(suspects.TurnEnded(mark))
            self._survived.discard(mark)
        died = await self._journal.ask(suspects.turns, mark)
        await asyncio.sleep(PAUSES[min(died, len(PAUSES) - 1)])
        async with self._one.place():
            died = await self._journal.do(suspects.Turn(mark))
            try:
                if died >= TRIES:
                    raise Unacceptable(f"{died} processes died while they read it", "message.kills")
                yield
            finally:  # however the turn ends, this process lives
                await self._end(mark)

    async def _end(self, mark: str) -> None:
        try:
            await self._journal.do(suspects.TurnEnded(mark))
        except JournalError:
            if len(self._survived) < _KNOWN:
                self._survived.add(mark)
