"""Receipts of reading: up to where each client has read the feed, written down now and then."""

import asyncio

import structlog

from appealbus.core import Cursor, JournalError
from appealbus.core.management import Journal, people

log = structlog.get_logger(__name__)

_EACH = 5.0
"""Seconds between two writes. With less, each page of a feed costs a write; with more, `readers` is older."""


class Reads:
    """What clients have said that they have read."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._said: dict[str, Cursor] = {}

    def note(self, client: str, cursor: Cursor) -> None:
        """Take down that a client has read up to a cursor, which the journal has given."""
        known = self._said.get(client)
        if known is None or (known.epoch, known.position) < (cursor.epoch, cursor.position):
            self._said[client] = cursor

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_EACH)
            await self.flush()

    async def flush(self) -> None:
        """Write all that is new; what cannot be written now is kept for later."""
        said, self._said = self._said, {}
        for client, cursor in said.items():
            try:
                await self._journal.do(people.Read(client, cursor))
            except JournalError as error:
                log.warning("api.read_not_noted", code=error.code)
                self._said.setdefault(client, cursor)
