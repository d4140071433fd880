"""A message that comes again is read alone: if the process dies over it, no other message is suspected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

from appealbus.core.bus.decoding import Unacceptable
from appealbus.core.errors import JournalError
from appealbus.core.fair_share import FairShare
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.journal.journal import Journal

TRIES = 3
"""Processes that may die while they read a message alone; then it goes into quarantine unread. Two may have died for
reasons of their own; with more, one bad message ends more processes."""
PAUSES = (0.0, 2.0, 8.0)
"""Seconds before the turn of a message over which so many processes have died. Random kills that come in a series then
do not meet the same message each time; with longer ones, a good message that met one waits for longer."""
_KNOWN = 1000
"""Messages that are remembered because the journal could not note the end of their turns, to bound the memory; one that
is forgotten counts as having killed once."""


class SuspectMessages:
    """Gives messages that come again one turn after the other; before each, the journal notes whose turn it is."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._one = FairShare(1)
        self._survived: set[str] = set()

    @asynccontextmanager
    async def turn(self, message: Inbound) -> AsyncIterator[None]:
        """Wait for the message's turn; a message that comes for the first time needs none.

        Raises:
            Unacceptable: three processes have died over it.
            JournalError: the journal cannot note the turn now.

        """
        if not message.again or message.problem is not None:
            yield
            return
        mark = f"{message.channel} {sha256(message.raw).hexdigest()}"
        if mark in self._survived:
            await self._journal.end_turn(mark)
            self._survived.discard(mark)
        died = await self._journal.turns(mark)
        await asyncio.sleep(PAUSES[min(died, len(PAUSES) - 1)])
        async with self._one.place():
            died = await self._journal.begin_turn(mark)
            try:
                if died >= TRIES:
                    raise Unacceptable(f"{died} processes died while they read it", "message.kills")
                yield
            finally:  # however the turn ends, this process lives
                await self._end(mark)

    async def _end(self, mark: str) -> None:
        try:
            await self._journal.end_turn(mark)
        except JournalError:
            if len(self._survived) < _KNOWN:
                self._survived.add(mark)
