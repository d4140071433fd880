"""What becomes of requests while the journal is away, and of clients that hold on to too much."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from appealbus.core.domain.client import Role
from appealbus.core.journal import store, writer
from appealbus.core.journal.appeals import lists
from tests.plugins.api.serving import JSON, Served, kind_of, letter, served
from tests.services.journals import sqlite_journal
from tests.services.postgres import Postgres
from tests.services.processes import PATIENCE

PATHS = ("/v1/me", "/v1/feed", "/v1/appeals/x", "/healthz")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up sooner, so that a test need not wait."""
    monkeypatch.setattr(writer, "_PATIENCE", 0.3)
    monkeypatch.setattr(store, "_BUSY_MS", 100)


async def well(client: httpx.AsyncClient) -> None:
    """Wait until a client is answered again."""
    async with asyncio.timeout(PATIENCE):
        while (await client.get("/v1/me")).status_code != 200:
            await asyncio.sleep(0.1)


def unavailable(answer: httpx.Response) -> None:
    """Hold an answer to be a 503 that says when to come again."""
    assert (answer.status_code, kind_of(answer)) == (503, "unavailable"), answer.text
    assert answer.headers["retry-after"].isdigit()


@pytest.mark.proof
async def test_a_database_that_is_away_is_503(
    tmp_path: Path, postgres: Postgres, journal_database: str, hasty: None
) -> None:
    """On every way, until it is back; then all goes on by itself, and a message sent again is taken once."""
    async with served(journal_database, tmp_path) as server:
        channel, ops = await server.client(Role.CHANNEL), await server.client(Role.OPS)
        assert (await channel.post("/v1/appeals", content=letter("m-1"), headers=JSON)).status_code == 201
        async with ops.stream("GET", "/v1/feed/stream") as answer:
            told = answer.aiter_lines()
            assert (await anext(told)).startswith("retry")
            postgres.stop()
            async with asyncio.timeout(PATIENCE):
                assert '"unavailable"' in "".join([line async for line in told])
        await asyncio.sleep(1.1)  # what is remembered of credentials, and of the journal's health
        for path in PATHS:
            unavailable(await ops.get(path))
        unavailable(await channel.post("/v1/appeals", content=letter("m-2"), headers=JSON))
        postgres.start()
        await well(channel)
        again = await channel.post("/v1/appeals", content=letter("m-2"), headers=JSON | {"Appealbus-Again": "?1"})
        assert again.status_code in (200, 201)
        assert len(await server.journal.ask(lists.appeals)) == 2


async def test_a_database_that_others_hold_is_503(tmp_path: Path, hasty: None) -> None:
    """Nothing is taken while somebody has the write lock of SQLite, and it is as soon as that is over."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path) as server:
        channel = await server.client(Role.CHANNEL)
        assert (await channel.get("/v1/me")).status_code == 200
        other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        unavailable(await channel.post("/v1/appeals", content=letter("m-1"), headers=JSON))
        other.execute("ROLLBACK")
        other.close()
        assert (await channel.post("/v1/appeals", content=letter("m-1"), headers=JSON)).status_code == 201


async def test_streams_of_a_client_are_counted(tmp_path: Path) -> None:
    """However many come at once there are no more than its number; one that ends makes room for another."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, waiting_per_client=3) as server:
        client, other = await server.client(Role.OPS), await server.client(Role.OPS, "other")
        async with AsyncExitStack() as stack:
            made = [client.build_request("GET", "/v1/feed/stream") for _ in range(12)]
            answers = await asyncio.gather(*(client.send(each, stream=True) for each in made))
            for each in answers:
                stack.push_async_callback(each.aclose)
            assert sorted(each.status_code for each in answers) == [200] * 3 + [429] * 9
            refused = next(each for each in answers if each.status_code == 429)
            await refused.aread()
            assert kind_of(refused) == "too-many-waiting"
            async with other.stream("GET", "/v1/feed/stream") as theirs:
                assert theirs.status_code == 200
        async with asyncio.timeout(PATIENCE):
            while await streams(server):
                await asyncio.sleep(0.05)
        async with client.stream("GET", "/v1/feed/stream") as answer:
            assert answer.status_code == 200


async def streams(server: Served) -> float:
    """Return how many streams the server has."""
    return server.api.metrics.registry.get_sample_value("appealbus_api_waiting", {"kind": "stream"}) or 0


async def test_a_reader_that_takes_nothing_is_cut(tmp_path: Path) -> None:
    """Who asks for much and reads nothing loses the connection after the patience, and nothing is held for it."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, patience=0.5) as server:
        _, writer_ = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer_.transport.pause_reading()  # type: ignore[attr-defined]
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
        async with asyncio.timeout(PATIENCE):
            while not server.connections:
                await asyncio.sleep(0.05)
            writer_.write(ask * 200)
            while server.connections:
                await asyncio.sleep(0.05)
        writer_.transport.abort()


@pytest.mark.parametrize(
    ("proxies", "said", "blocked"),
    [
        ([], ["203.0.113.7"], "127.0.0.1"),
        (["127.0.0.1"], ["203.0.113.7"], "203.0.113.7"),
        (["127.0.0.1"], ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (["127.0.0.1", "10.0.0.7"], ["198.51.100.1, 203.0.113.7, 10.0.0.7"], "203.0.113.7"),
        (["127.0.0.1"], ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (["10.0.0.7"], ["203.0.113.7"], "127.0.0.1"),
    ],
)
async def test_addresses_are_taken_from_known_proxies_alone(
    tmp_path: Path, proxies: list[str], said: list[str], blocked: str
) -> None:
    """What a client itself writes into X-Forwarded-For counts for nothing: the last there that is no proxy does."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path, failed_attempts=1, proxies=proxies) as server:
        client = server.speaking("x")
        headers = [("X-Forwarded-For", each) for each in said]
        assert (await client.get("/v1/me", headers=headers)).status_code == 401
        assert (await client.get("/v1/me", headers=headers)).status_code == 429
        assert list(server.api.credentials._failed) == [blocked]
        made_up = [("X-Forwarded-For", f"192.0.2.9, {said[-1]}")]
        assert (await client.get("/v1/me", headers=made_up)).status_code == 429
