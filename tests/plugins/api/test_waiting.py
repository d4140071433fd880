"""Those who wait for news that do not come: they end with their credentials, and cost the journal next to nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core.journal import clients
from appealbus.core.journal.journal import Journal
from tests.plugins.api.serving import Served, served
from tests.services.asking import instead, through
from tests.services.processes import PATIENCE

AT_MOST = 1.0
"""Seconds that docs/api.md gives what is revoked."""
SLACK = 1.0
"""Seconds that a machine under load may add."""


@pytest.fixture
async def server(url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(url, tmp_path, waiting_per_client=500) as made:
        yield made


async def waiting(server: Served, token: str, path: str) -> asyncio.Task[tuple[bytes, float]]:
    """Begin to wait; return what comes, and when it was over."""
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    began = server.api.tail.waiting

    async def wait() -> tuple[bytes, float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head.encode())
        try:
            return await reader.read(), time.monotonic()
        finally:
            writer.transport.abort()

    task = asyncio.create_task(wait())
    async with asyncio.timeout(PATIENCE):
        while server.api.tail.waiting == began:
            assert not task.done(), task.result()
            await asyncio.sleep(0.01)
    return task


async def cursor_of(server: Served, token: str) -> str:
    return str((await server.speaking(token).get("/v1/feed")).json()["next"])


async def revoke(server: Served, url: str, name: str) -> float:
    """Revoke a client as another process does; return since when it counts no more."""
    async with await Journal.open(url, key=server.api.bus.key_file()) as other:
        await other.do(clients.Revoking(name))
    return time.monotonic()


@pytest.mark.proof
async def test_idle_streams_and_polls_end_with_their_client(server: Served, url: str) -> None:
    """Within a second of when it was revoked, which another process does; those of others go on."""
    token, other = await server.token("registry"), await server.token("registry", "other")
    cursor = await cursor_of(server, token)
    stream = await waiting(server, token, "/v1/feed/stream")
    poll = await waiting(server, token, f"/v1/feed?after={cursor}&wait=30")
    others = await waiting(server, other, "/v1/feed/stream")
    await asyncio.sleep(1.2)  # whatever was known of the credentials when they came is old
    at = await revoke(server, url, "registry")
    async with asyncio.timeout(PATIENCE):
        (streamed, stream_over), (polled, poll_over) = await asyncio.gather(stream, poll)
    assert b'event: end\ndata: {"reason":"unauthenticated"' in streamed
    assert polled.startswith(b"HTTP/1.1 401 ")
    assert max(stream_over, poll_over) - at < AT_MOST + SLACK
    assert not others.done()
    others.cancel()


@pytest.mark.proof
async def test_a_stream_ends_when_its_token_does(server: Served) -> None:
    """What counts until a moment counts no longer, also for those who had begun before."""
    token = await server.token("registry", lasts=timedelta(seconds=2))
    began = time.monotonic()
    stream = await waiting(server, token, "/v1/feed/stream")
    async with asyncio.timeout(PATIENCE):
        told, over = await stream
    assert b"unauthenticated" in told
    assert over - began < 2 + AT_MOST + SLACK


@pytest.mark.proof
async def test_hundreds_that_wait_cost_two_queries_a_second(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait; and where all of them hear of something at once, one query a client says who they are."""
    tokens = [await server.token("registry", f"client-{number}") for number in range(4)]
    tasks = [await waiting(server, token, "/v1/feed/stream") for token in tokens for _ in range(50)]
    asked: Counter[str] = Counter()

    def counted(question: Any) -> None:
        query = through(server.journal, question)

        async def asking(*given: Any) -> Any:
            asked[question.__name__] += 1
            return await query(*given)

        instead(monkeypatch, server.journal, question, asking)

    for question in (clients.credential, clients.all_clients, clients.counting):
        counted(question)
    await asyncio.sleep(3)
    assert asked["credential"] <= 4  # those whose stream has said in these seconds that nothing is new
    assert not asked["all_clients"]
    assert 1 <= asked["counting"] <= 8
    asked.clear()
    assert len({each.name for each in await asyncio.gather(*[known(server, token) for token in tokens * 50])}) == 4
    assert asked["credential"] == 4
    for task in tasks:
        task.cancel()


async def known(server: Served, token: str) -> Any:
    """Ask who shows a token, as each request does."""
    from starlette.requests import Request

    scope = {"type": "http", "client": ("127.0.0.1", 1), "headers": [(b"authorization", f"Bearer {token}".encode())]}
    return await server.api.credentials.client(Request(scope))
