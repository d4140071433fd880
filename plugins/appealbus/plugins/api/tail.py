"""The newest part of the feed, in memory: all who wait for what is new share one look at the journal a second."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

import structlog

from appealbus.core import Cursor, CursorRefused, JournalError
from appealbus.core.management.feed import FeedEntry, FeedPage

log = structlog.get_logger(__name__)

_EACH = 1.0
"""Seconds between two looks: so late a version is at most, beside what the sequencer takes. With less, an idle journal
is asked more often."""
_KEPT = 5000
"""Versions that are kept: some seconds of the busiest feed. Who is behind them reads from the journal."""
_PAGE = 500

Read = Callable[[Cursor | None, int], Awaitable[FeedPage]]


class Tail:
    """Looks as long as somebody waits.

    Args:
        read: reads a page of the whole feed.

    Attributes:
        waiting: how many wait.
        looks: how many pages it has read.

    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._entries: deque[FeedEntry] = deque()
        self._floor = 0
        self._head: Cursor | None = None
        self.waiting = 0
        self.looks = 0
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()

    @contextmanager
    def wait_behind(self, cursor: Cursor) -> Iterator[None]:
        """Have it look, from a cursor at the end of the feed on, as long as the block lasts."""
        self._begin(cursor)
        self.waiting += 1
        self._wanted.set()
        try:
            yield
        finally:
            self.waiting -= 1
            if not self.waiting:
                self._wanted.clear()
                self._forget()

    def since(self, cursor: Cursor) -> FeedPage | None:
        """Return what follows a cursor; None where memory does not go back as far, and the journal has to say."""
        head = self._head
        if head is None or head.epoch != cursor.epoch or not self._floor <= cursor.position <= head.position:
            return None
        # From the newest back: hundreds ask at once, each for the last few.
        found = list(takewhile(lambda entry: entry.position > cursor.position, reversed(self._entries)))
        return FeedPage(found[::-1], head, head)

    async def news(self, cursor: Cursor, seconds: float) -> bool:
        """Wait until there may be something behind a cursor, so many seconds at most; return whether there is."""
        if seconds <= 0:
            return False
        self._begin(cursor)  # again, where memory was given up meanwhile
        try:
            async with asyncio.timeout(seconds):
                # A cursor may be ahead of the last look: another server has looked since, or its reader itself.
                while self._head is not None and not self._is_behind(cursor, self._head):
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                await self._look()
            except CursorRefused:  # restored: each reader is told by itself from where to go on
                self._forget()
                self._tell()
            except JournalError as error:
                log.warning("api.feed_failed", code=error.code)
                self._forget()
                self._tell()
            await asyncio.sleep(_EACH)

    async def _look(self) -> None:
        before = self._head
        while (head := self._head) is not None:
            page = await self._read(head, _PAGE)
            self.looks += 1
            if self._head is not head:  # nobody waits any more, or another has begun to, who may be before this
                return
            self._entries.extend(page.entries)
            while len(self._entries) > _KEPT:
                self._floor = self._entries.popleft().position
            if page.next.epoch != head.epoch:
                self._floor = page.next.position
                self._entries.clear()
            self._head = page.next
            if not page.lag:
                break
        if self._head != before:
            self._tell()

    def _begin(self, cursor: Cursor) -> None:
        if self._head is None:
            self._floor, self._head = cursor.position, cursor

    @staticmethod
    def _is_behind(cursor: Cursor, head: Cursor) -> bool:
        return (cursor.epoch, cursor.position) < (head.epoch, head.position)

    def _forget(self) -> None:
        self._entries.clear()
        self._head = None

    def _tell(self) -> None:
        heard, self._news = self._news, asyncio.Event()
        heard.set()
