"""Two clients, one of them hostile: the other, who asks for little, is served as if it were alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from appealbus.core.domain.client import Role
from appealbus.core.fair_share import requester
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.settings import ClientSettings
from appealbus.plugins.api.exchange import Exchanges
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.repeats import comparing
from appealbus.plugins.report.process import ReportProcess
from appealbus.schemas import Appeal, Completeness
from tests.core.journal.conftest import NOW
from tests.core.rights.made import FIELDS, dossier, value
from tests.plugins.api.serving import JSON, Served, kind_of, letter, served
from tests.services.fairness import busy_with, check_unharmed
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

MANY = {"requests_per_minute": 1_000_000}


async def _appeals(server: Served, texts: Sequence[str]) -> list[str]:
    """Add appeals with one version each; return their public ids."""
    made = []
    for at, text in enumerate(texts):
        taken = await server.journal.accept(NewAppeal(Appeal(message_id=f"m-{at}"), NOW, "bus"))
        document = dossier({path: value(kind, at) for path, kind in FIELDS.items()})
        document |= {"number": taken.receipt.number, "version": 1}
        document["appeal"]["text"] = text
        await server.journal.conclude(
            Conclusion(taken.appeal_id, dossier=orjson.dumps(document), version=1, completeness=Completeness.COMPLETE)
        )
        row = await server.journal.ask(lists.appeal_row, taken.receipt.number)
        assert row is not None
        made.append(row.public_id)
    return made


@pytest.mark.proof
async def test_bodies_that_never_end_keep_out_nobody(tmp_path: Path, url: str) -> None:
    """A channel holds as many bytes as it can; a letter of another one is taken, and not refused."""
    async with served(url, tmp_path, **MANY) as server:
        token, modest = await server.token("channel", "hostile", channel="hostile"), await server.client("channel")
        head = f"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {4 * 1024 * 1024}\r\n\r\n"

        @asynccontextmanager
        async def unfinished() -> AsyncIterator[None]:
            writers = []
            for _ in range(20):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(head.encode() + b"{" + b" " * (4 * 1024 * 1024 - 10))
                writers.append(writer)
            await asyncio.sleep(2)  # until the server has read all that it takes
            try:
                yield
            finally:
                for writer in writers:
                    writer.transport.abort()
                async with asyncio.timeout(PATIENCE):
                    while server.connections > 1:
                        await asyncio.sleep(0.01)

        async def ask() -> None:
            answer = await modest.post("/v1/appeals", content=letter(text="a" * 10_000), headers=JSON)
            assert answer.status_code in (200, 201), answer.text

        await check_unharmed(ask, unfinished)


@pytest.mark.proof
async def test_letters_full_of_digits_keep_out_nobody(tmp_path: Path, url: str) -> None:
    """Small ones, so that each is taken; a letter of another channel is taken beside them."""
    async with served(url, tmp_path, **MANY) as server:
        hostile = await server.client("channel", "hostile", channel="hostile")
        modest, number = await server.client("channel"), count()

        async def post(client: httpx.AsyncClient, text: str) -> None:
            answer = await client.post("/v1/appeals", content=letter(f"{next(number)}", text=text), headers=JSON)
            assert answer.status_code == 201, answer.text

        await post(hostile, "1 " * 7_500)  # the helper process runs
        await check_unharmed(
            lambda: post(modest, "a" * 500), lambda: busy_with(*[lambda: post(hostile, "1 " * 7_500)] * 8)
        )


async def test_who_is_not_known_yet_counts_by_address() -> None:
    """Forms of those who sign in, and all else that comes without credentials."""
    seen: list[str] = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.append(requester.get())

    head = {"type": "http", "method": "GET", "http_version": "1.1", "headers": [], "query_string": b""}
    scope = {**head, "client": ("10.0.0.1", 5000)}
    await asyncio.create_task(Exchanges(app, Metrics(), 1.0)(scope, None, None))  # type: ignore[arg-type]
    assert seen == ["@10.0.0.1"]


@pytest.mark.proof
async def test_reports_of_one_client_keep_out_nobody(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client asks for as many as it may, again and again; another one's is made beside them."""

    async def make(self: ReportProcess, wanted: object) -> bytes:
        async with self._turn:
            await asyncio.sleep(0.2)
        return b"{}"

    monkeypatch.setattr(ReportProcess, "make", make)
    async with served(url, tmp_path, **MANY) as server:
        hostile, modest = await server.client(Role.REGISTRY, "hostile"), await server.client(Role.REGISTRY, "modest")
        asked = iter(range(10, 10_000))

        async def greedy() -> None:
            await hostile.get("/v1/report", params={"place": f"{next(asked)}"})

        async def ask() -> None:
            answer = await modest.get("/v1/report", params={"place": f"7{next(asked)}"})
            assert answer.status_code == 200, answer.text

        await check_unharmed(ask, lambda: busy_with(*[greedy] * 12), requests=6)


@pytest.mark.proof
async def test_comparing_for_one_client_keeps_out_nobody(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters that take a second to compare hold up those of their own client."""
    async with served(url, tmp_path, **MANY) as server:
        slow, quick = await _appeals(server, ["slow", "quick"])
        hostile, modest = await server.client(Role.REGISTRY, "hostile"), await server.client(Role.REGISTRY, "modest")

        def compare(appeal: Appeal, past: object) -> tuple[list[dict[str, Any]], frozenset[int]]:
            time.sleep(1.0 if appeal.message_id == "m-0" else 0.01)
            return [], frozenset()

        monkeypatch.setattr(comparing, "of_assessors", lambda host: compare)

        async def greedy() -> None:
            await hostile.get(f"/v1/appeals/{slow}/repeats")

        async def ask() -> None:
            assert (await modest.get(f"/v1/appeals/{quick}/repeats")).status_code == 200

        await check_unharmed(ask, lambda: busy_with(*[greedy] * 5), requests=6)


@pytest.mark.proof
async def test_masking_for_one_client_keeps_out_nobody(tmp_path: Path, url: str) -> None:
    """One reads letters of four megabytes through a mask that looks for numbers; another's reads go on beside them."""
    mask = Mask("desk", hides=(Pattern.parse("appeal.applicant.phone"),), identifiers=("iin", "bin"))
    clients = {name: ClientSettings(mask="desk", purpose=False) for name in ("hostile", "modest")}
    policy = Policy(masks={"desk": mask}, clients=clients)
    async with served(url, tmp_path, policy=policy, **MANY) as server:
        *large, small, middle = await _appeals(
            server, [*(f"{at} " + "1 " * 1_750_000 for at in range(8)), "a", "b " * 60_000]
        )
        hostile, modest = await server.client(Role.REGISTRY, "hostile"), await server.client(Role.REGISTRY, "modest")
        asked = iter(range(10_000))

        async def greedy() -> None:
            await hostile.get(f"/v1/appeals/{large[next(asked) % len(large)]}/dossier")

        async def ask() -> None:
            for each in (small, middle):
                answer = await modest.get(f"/v1/appeals/{each}/dossier")
                assert (answer.status_code, b'"hidden"' in answer.content) == (200, True)

        await check_unharmed(ask, lambda: busy_with(*[greedy] * 3), requests=6)


@pytest.mark.proof
async def test_slow_reads_of_one_client_keep_out_nobody(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many questions one puts to the journal that take long, there is a thread for another's."""
    original = lists._if_tagged

    def slow(row: Any, tag: bytes) -> Any:
        time.sleep(0.5 * (row.id == 1))
        return original(row, tag)

    monkeypatch.setattr(lists, "_if_tagged", slow)
    async with served(url, tmp_path, **MANY) as server:
        slow_one, its = await _appeals(server, ["a", "b"])
        hostile, modest = await server.client(Role.REGISTRY, "hostile"), await server.client(Role.REGISTRY, "modest")

        async def greedy() -> None:
            await hostile.get(f"/v1/appeals/{slow_one}")

        async def ask() -> None:
            assert (await modest.get(f"/v1/appeals/{its}")).status_code == 200

        await check_unharmed(ask, lambda: busy_with(*[greedy] * 16))


async def test_connections_of_one_address_keep_out_nobody(tmp_path: Path) -> None:
    """It gets three quarters of them; another address gets in at once, and so does a proxy's crowd."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path, connections=8, patience=120) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(10)]
        async with asyncio.timeout(10):
            while server.connections > 6:
                await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
        for _, each in (*held, (reader, writer)):
            each.transport.abort()
    async with served(url, tmp_path, connections=4, patience=120, proxies=["127.0.0.1"]) as server:
        crowd = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        crowd[3][1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert (await crowd[3][0].read()).startswith(b"HTTP/1.1 200")
        for _, each in crowd:
            each.transport.abort()


@pytest.mark.proof
async def test_streams_of_one_client_keep_out_nobody(tmp_path: Path, url: str) -> None:
    """One has as many open as it may, and asks for more; another's long poll is answered in its time."""
    async with served(url, tmp_path, waiting_per_client=30, **MANY) as server:
        token, modest = await server.token(Role.REGISTRY, "hostile"), await server.client(Role.REGISTRY, "modest")
        hostile = server.speaking(token)
        head = f"GET /v1/feed/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

        @asynccontextmanager
        async def streams() -> AsyncIterator[None]:
            writers = []
            for _ in range(30):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(head)
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                writers.append(writer)
            try:
                async with busy_with(lambda: hostile.get("/v1/feed/stream")):
                    assert kind_of(await hostile.get("/v1/feed/stream")) == "too-many-waiting"
                    yield
            finally:
                for writer in writers:
                    writer.transport.abort()
                async with asyncio.timeout(PATIENCE):
                    while server.api._waiting:
                        await asyncio.sleep(0.01)

        async def ask() -> None:
            assert (await modest.get("/v1/feed", params={"wait": 1})).status_code == 200

        await check_unharmed(ask, streams, requests=3)
