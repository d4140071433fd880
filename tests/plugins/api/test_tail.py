"""The newest part of the feed in memory: whatever happens while it looks, nobody misses a version or asks in vain."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from appealbus.core import JournalError
from appealbus.core.domain.event import Cursor, FeedEntry, FeedPage
from appealbus.plugins.api import tail as module
from appealbus.plugins.api.tail import Tail
from tests.services.processes import PATIENCE

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EACH", 0.01)


class Log:
    """A feed with a version at each position up to `end`; what is called `before` each read may wait or raise."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.reads = 0
        self.before: Callable[[], Awaitable[None]] | None = None

    async def read(self, after: Cursor | None, limit: int) -> FeedPage:
        self.reads += 1
        end, begins = self.end, 0 if after is None else after.position
        if self.before is not None:
            await self.before()
        upto = min(end, begins + limit)
        return FeedPage([_entry(each) for each in range(begins + 1, upto + 1)], Cursor(1, upto), Cursor(1, end))


def _entry(position: int) -> FeedEntry:
    return FeedEntry(position, NOW, position, f"id-{position}", f"n-{position}", 1, 1, "complete", None, None)


@asynccontextmanager
async def looking(log: Log) -> AsyncIterator[Tail]:
    tail = Tail(log.read)
    running = asyncio.create_task(tail.run())
    try:
        async with asyncio.timeout(PATIENCE):
            yield tail
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_look_that_ends_after_its_readers_tells_nobody() -> None:
    """Who begins further back while an old look is under way is not told that there is nothing in between."""
    log, go, asked = Log(150), asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await go.wait()

    log.before = wait
    async with looking(log) as tail:
        with tail.wait_behind(Cursor(1, 150)):
            await asked.wait()
        with tail.wait_behind(Cursor(1, 100)):
            log.before = None
            go.set()
            assert await tail.news(Cursor(1, 100), 10)
            page = tail.since(Cursor(1, 100))
    assert page is not None
    assert [entry.position for entry in page.entries] == list(range(101, 151))


async def test_who_is_ahead_of_the_last_look_waits() -> None:
    """A reader that has read more, here or at another server, is not sent to the journal again and again."""
    log = Log(100)
    async with looking(log) as tail:
        with tail.wait_behind(Cursor(1, 50)):
            while tail.since(Cursor(1, 100)) is None:
                await asyncio.sleep(0)
            assert not await tail.news(Cursor(1, 110), 0.05)
            log.end = 110
            assert not await tail.news(Cursor(1, 110), 0.05)
            log.end = 111
            assert await tail.news(Cursor(1, 110), 10)


async def test_looks_go_on_once_the_journal_is_back() -> None:
    """One look that fails wakes who waits, once; then all wait again, and hear of what is new."""
    log = Log(100)

    async def fail() -> None:
        log.before = None
        raise JournalError("away", "unreachable")

    async with looking(log) as tail:
        with tail.wait_behind(Cursor(1, 100)):
            waiting = asyncio.create_task(tail.news(Cursor(1, 100), 10))
            await asyncio.sleep(0.03)
            log.before = fail
            assert await waiting
            assert not await tail.news(Cursor(1, 100), 0.05)
            log.end = 101
            assert await tail.news(Cursor(1, 100), 10)
            page = tail.since(Cursor(1, 100))
    assert page is not None
    assert [entry.position for entry in page.entries] == [101]
