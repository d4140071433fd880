"""Readers of the feed in each way there is, which die at random and go on from what they had kept."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import httpx
import orjson

from appealbus.client import AsyncClient, Client, FeedRestart, Retries, Unavailable, Unreachable
from tests.plugins.api.feed_writers import Key

Page = tuple[list[tuple[str, Key]], str]
"""Entries, each with its cursor, and the cursor behind them."""


@dataclass
class Reader:
    """What one reader keeps: each page in one step with the cursor behind it."""

    name: str
    way: Callable[["Reader", str], AsyncIterator[Page]]
    token: str
    cursor: str | None = None
    seen: list[tuple[str, Key]] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)

    async def live(self, url: str) -> None:
        """Read until cancelled, or sent back."""
        try:
            async with contextlib.aclosing(self.way(self, url)) as pages:
                async for entries, cursor in pages:
                    await asyncio.sleep(0)  # it may die here, with a page that it has not kept
                    self.seen += entries
                    self.cursor = cursor
        except FeedRestart as error:
            self.restarts.append(error.restart)
            self.cursor = error.restart
        except (httpx.HTTPError, Unavailable, Unreachable):
            pass  # the server has ended


async def polls(reader: Reader, url: str) -> AsyncIterator[Page]:
    """Ask as anybody may, for pages of all sizes, waiting or not."""
    async with httpx.AsyncClient(base_url=url, headers=_headers(reader), timeout=30) as http:
        while True:
            after = {} if reader.cursor is None else {"after": reader.cursor}
            sized = {"limit": random.randint(1, 30), "wait": random.randint(0, 2)}
            answer = await http.get("/v1/feed", params={**after, **sized})
            told = answer.json()
            if answer.status_code == 410:
                raise FeedRestart(410, told["type"], "", "", told)
            assert answer.status_code in (200, 503), told
            if answer.status_code == 200:
                yield _entries(told["entries"]), told["next"]


async def streams(reader: Reader, url: str) -> AsyncIterator[Page]:
    """Follow the events, each kept by itself."""
    last = {} if reader.cursor is None else {"Last-Event-ID": reader.cursor}
    async with (
        httpx.AsyncClient(base_url=url, headers=_headers(reader) | last, timeout=30) as http,
        http.stream("GET", "/v1/feed/stream") as answer,
    ):
        if answer.status_code == 410:
            told = orjson.loads(await answer.aread())
            raise FeedRestart(410, told["type"], "", "", told)
        assert answer.status_code == 200
        event: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, data = line.partition(": ")
                event[name] = data
            elif "event" in event:
                told = [orjson.loads(event["data"])] if event["event"] == "version" else []
                yield _entries(told), event["id"]
                event = {}


async def follows(reader: Reader, url: str) -> AsyncIterator[Page]:
    """Follow with the client that has an event loop."""
    async with AsyncClient(url, token=reader.token) as bus:
        async for page in bus.follow(reader.cursor, wait=1, limit=random.randint(1, 30)):
            yield [(each.position, (each.id, each.version, each.epoch)) for each in page.entries], page.next


async def follows_in_a_thread(reader: Reader, url: str) -> AsyncIterator[Page]:
    """Follow with the client that has none."""
    with Client(url, token=reader.token, retries=Retries(tries=1)) as bus:
        pages = iter(bus.follow(reader.cursor, wait=0, limit=random.randint(1, 30)))
        while True:
            thread = asyncio.create_task(asyncio.to_thread(next, pages))
            try:
                page = await asyncio.shield(thread)
            finally:  # it cannot be killed: what it still gets is lost
                await asyncio.wait((thread,))
            yield [(each.position, (each.id, each.version, each.epoch)) for each in page.entries], page.next


WAYS: Iterable[Callable[[Reader, str], AsyncIterator[Page]]] = (polls, streams, follows, follows_in_a_thread)


async def die_at_random(reader: Reader, urls: Callable[[], Awaitable[str]], seconds: float) -> None:
    """Live one life after the other, each at one of the servers, until cancelled: some die before they read."""
    for lives in itertools.count(1):
        life = asyncio.create_task(reader.live(await urls()))
        try:
            await asyncio.wait((life,), timeout=random.uniform(0, min(lives * seconds, 10 * seconds)))
        finally:
            life.cancel()
            await asyncio.wait((life,))
        if not life.cancelled():
            life.result()


def _headers(reader: Reader) -> dict[str, str]:
    return {"Authorization": f"Bearer {reader.token}"}


def _entries(told: Iterable[dict[str, object]]) -> list[tuple[str, Key]]:
    return [
        (str(each["position"]), (str(each["id"]), int(str(each["version"])), int(str(each["epoch"])))) for each in told
    ]
