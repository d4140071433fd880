"""A message that came again is read alone: should it kill whoever reads it, nobody beside it is blamed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

from appealbus.core.bus.decoding import Unacceptable
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.journal.journal import Journal

TRIES = 3
"""So many who read it alone may die before it is kept unread: two may have died for reasons of their own."""


PAUSES = (0.0, 2.0, 8.0)
"""Seconds before its turn where so many have died: a series of kills at random does not meet the same one each time."""
_KNOWN = 1000
"""Messages that are remembered whose turn has ended without the journal hearing of it."""


class SuspectMessages:
    """Gives such messages a turn each; before it, the journal notes whose turn it is."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._one = asyncio.Lock()
        self._survived: set[str] = set()

    @asynccontextmanager
    async def turn(self, message: Inbound) -> AsyncIterator[None]:
        """Wait for the message's turn; one that came for the first time needs none.

        Raises:
            Unacceptable: three have died over it.
            JournalError: nothing can be noted now.

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
        async with self._one:
            died = await self._journal.begin_turn(mark)
            try:
                if died >= TRIES:
                    raise Unacceptable(f"{died} processes died while they read it", "message.kills")
                yield
            finally:  # however it ends, nobody has died
                await self._end(mark)

    async def _end(self, mark: str) -> None:
        try:
            await self._journal.end_turn(mark)
        except JournalError:
            if len(self._survived) < _KNOWN:
                self._survived.add(mark)
