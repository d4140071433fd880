"""The feed over HTTP: pages, long polls and events, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from appealbus.core.bus.bus import Bus
from appealbus.core.interfaces.intake import Inbound, Taken
from appealbus.core.journal import clients, renewing
from appealbus.core.journal.appeals import lists
from appealbus.plugins.api.routes import stream as stream_module
from tests.core.kit import message, running_bus
from tests.plugins.api.serving import Served, kind_of, served
from tests.services.forms import form
from tests.services.processes import PATIENCE


def alone(test: Any) -> Any:
    """Mark what a server does by itself: in the short form over SQLite; test_feed_proof reads both in all ways."""
    both = pytest.mark.parametrize("url", form(["sqlite"], ["sqlite", "postgresql"]), indirect=True)
    return pytest.mark.proof(both(test))


class Fed:
    """A bus that works, and a server of its journal."""

    def __init__(self, bus: Bus, server: Served) -> None:
        self.bus = bus
        self.server = server

    async def appeal(self, message_id: str, **given: Any) -> str:
        """Put an appeal in; return its public id, once it has a version with a position."""
        taken = await self.bus.accept(message(message_id, **given))
        assert isinstance(taken, Taken)
        await self.bus.settle()
        row = await self.bus.journal.ask(lists.appeal_row, taken.receipt.number)
        assert row is not None
        return row.public_id


@pytest.fixture
async def fed(url: str, tmp_path: Path) -> AsyncIterator[Fed]:
    async with (
        running_bus(tmp_path, bus={"journal": url, "grace": 1}) as bus,
        served(url, tmp_path) as server,
    ):
        yield Fed(bus, server)


async def all_of(client: httpx.AsyncClient, least: int, **query: Any) -> tuple[list[dict[str, Any]], str]:
    """Read pages until so many entries are there, and no more follow; return them and the cursor."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE):
        while True:
            page = (await client.get("/v1/feed", params={**query, **after, "wait": 1})).json()
            found += page["entries"]
            after = {"after": page["next"]}
            if len(found) >= least and not page["lag"]:
                return found, page["next"]


@pytest.mark.proof
async def test_every_version_once_and_in_order(fed: Fed) -> None:
    """Page after page of one, nothing is missed, nothing comes twice, and positions grow."""
    ids = [await fed.appeal(f"m-{number}") for number in range(4)]
    client = await fed.server.client("registry")
    found, cursor = await all_of(client, 4, limit=1)
    assert [each["id"] for each in found] == ids
    assert all(each["version"] == 1 and each["kind"] == "complaint" for each in found)
    positions = [int(each["position"].partition(".")[2]) for each in found]
    assert positions == sorted(set(positions))
    later = (await client.get("/v1/feed", params={"after": cursor})).json()
    assert (later["entries"], later["lag"]) == ([], 0)


@alone
async def test_whoever_waits_is_told_at_once(fed: Fed) -> None:
    """Ten long polls share the looks at the journal, and all of them hear of one new version."""
    await fed.appeal("m-1")
    client = await fed.server.client("registry")
    _, cursor = await all_of(client, 1)
    waiting = [asyncio.create_task(client.get("/v1/feed", params={"after": cursor, "wait": 30})) for _ in range(10)]
    async with asyncio.timeout(PATIENCE):
        while fed.server.api.tail.waiting < 10:
            await asyncio.sleep(0.01)
        looked = fed.server.api.tail.looks
        id_ = await fed.appeal("m-2")
        pages = [each.json() for each in await asyncio.gather(*waiting)]
    assert [[each["id"] for each in page["entries"]] for page in pages] == [[id_]] * 10
    assert fed.server.api.tail.looks - looked < 12


@alone
async def test_filters_keep_the_meaning_of_cursors(fed: Fed) -> None:
    """What is chosen by place, kind and completeness comes alone, and its cursor goes on without them."""
    await fed.appeal("m-1", kind="inquiry")
    wanted = await fed.appeal("m-2", place={"kato": "711210000"})
    client = await fed.server.client("registry")
    for query in ({"place": "710000000"}, {"kind": "complaint"}):
        found, cursor = await all_of(client, 1, **query)
        assert [each["id"] for each in found] == [wanted]
        assert (await client.get("/v1/feed", params={"after": cursor})).json()["entries"] == []
    none = (await client.get("/v1/feed", params={"completeness": "partial", "kind": ["inquiry", "report"]})).json()
    assert none["entries"] == []
    for several, number in ((["partial", "complete"], 2), (["partial", "settled"], 0)):
        page = (await client.get("/v1/feed", params={"completeness": several, "after": "1.0"})).json()
        assert len(page["entries"]) == number
    for bad in (
        {"place": "x"},
        {"kind": "x"},
        {"completeness": "x"},
        {"wait": 31},
        {"limit": 0},
        {"after": "1"},
        {"x": 1},
    ):
        answer = await client.get("/v1/feed", params=bad)
        assert (answer.status_code, kind_of(answer)) == (400, "invalid"), bad


async def test_cursors_that_cannot_go_on(fed: Fed) -> None:
    """One that nobody was given is 400; one of a journal that is gone is 410, with where to start again."""
    client = await fed.server.client("registry")
    ahead = await client.get("/v1/feed", params={"after": "1.999999"})
    assert (ahead.status_code, kind_of(ahead)) == (400, "cursor-ahead")
    await renewing.begin_epoch(fed.bus.journal, 1, 0)
    gone = await client.get("/v1/feed", params={"after": "1.999999"})
    assert (gone.status_code, kind_of(gone)) == (410, "cursor-gone")
    restart = gone.json()["restart"]
    assert (await client.get("/v1/feed", params={"after": restart})).status_code == 200


async def test_receipts_of_reading(fed: Fed) -> None:
    """What a client says that it has read is on record; a registry sees its own, ops sees all."""
    await fed.appeal("m-1")
    client = await fed.server.client("registry")
    _, cursor = await all_of(client, 1)
    await client.get("/v1/feed", params={"after": cursor})
    await fed.server.api.reads.flush()
    ops = await fed.server.client("ops")
    (told,) = (await ops.get("/v1/feed/readers")).json()["readers"]
    assert (told["client"], told["cursor"]) == ("registry", cursor)
    other = await fed.server.client("registry", "other")
    assert (await other.get("/v1/feed/readers")).json() == {"readers": []}


async def events(client: httpx.AsyncClient, count: int, **given: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the first events of a stream: id, name and data."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    async with asyncio.timeout(PATIENCE), client.stream("GET", "/v1/feed/stream", **given) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                found.append((fields["id"], fields["event"], orjson.loads(fields["data"])))
                fields = {}
                if len(found) == count:
                    break
    return found


@alone
async def test_events(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions come as events, their ids go on as `Last-Event-ID`, and the position comes where nothing is new."""
    monkeypatch.setattr(stream_module, "HEARTBEAT", 0.2)
    first = await fed.appeal("m-1")
    client = await fed.server.client("registry")
    await all_of(client, 1)
    version, position, heartbeat = await events(client, 3)
    assert (version[1], version[2]["id"]) == ("version", first)
    assert version[0] == version[2]["position"]
    assert (position[1], heartbeat[1]) == ("position", "position")
    second = await fed.appeal("m-2")
    await all_of(client, 2)
    went_on = await events(client, 1, headers={"Last-Event-ID": version[0]})
    assert [(name, data["id"]) for _, name, data in went_on] == [("version", second)]
    bad = await client.get("/v1/feed/stream", headers={"Last-Event-ID": "x"})
    assert (bad.status_code, kind_of(bad)) == (400, "invalid")


@alone
async def test_a_stream_that_begins_far_back_holds_up_nobody(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all share begins at the end of the feed, and the stream reads all up to there without a gap."""
    monkeypatch.setattr(stream_module, "_PAGE", 1)
    ids = [await fed.appeal(f"m-{number}") for number in range(4)]
    client = await fed.server.client("registry")
    _, cursor = await all_of(client, 4)
    begun: list[str] = []
    begin = fed.server.api.tail._begin
    monkeypatch.setattr(fed.server.api.tail, "_begin", lambda place: (begun.append(str(place)), begin(place)))
    found = await events(client, 8)
    assert [data["id"] for _, name, data in found if name == "version"] == ids
    assert begun[0] == cursor


@alone
async def test_a_stream_ends_with_the_credentials(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revoked client hears why its stream ends, and nothing more of the feed."""
    monkeypatch.setattr(stream_module, "HEARTBEAT", 0.2)
    client = await fed.server.client("registry")

    async def revoke() -> None:
        while not fed.server.api.tail.waiting:
            await asyncio.sleep(0.01)
        await fed.bus.journal.do(clients.Revoking("registry"))

    revoking = asyncio.create_task(revoke())
    found = await events(client, 100)
    await revoking
    assert found[-1][1:] == ("end", {"reason": "unauthenticated", "position": found[-1][0]})
    assert (await client.get("/v1/feed")).status_code == 401


@alone
async def test_changes_are_versions_too(fed: Fed) -> None:
    """A correction makes the second version, which follows the first in the feed."""
    id_ = await fed.appeal("m-1")
    row = await fed.bus.journal.ask(lists.appeal_of, id_)
    assert row is not None
    change = {
        "type": "change",
        "message_id": "c",
        "kind": "corrected",
        "number": row.number,
        "corrected": {"text": "b"},
    }
    await fed.bus.accept(Inbound("test", "c", orjson.dumps(change)))
    await fed.bus.settle()
    found, _ = await all_of(await fed.server.client("registry"), 2)
    assert [(each["id"], each["version"]) for each in found] == [(id_, 1), (id_, 2)]


@alone
async def test_whoever_is_gone_waits_no_more(fed: Fed) -> None:
    """A client whose connections broke while it waited may wait again at once."""
    await fed.appeal("m-1")
    token = await fed.server.token("registry")
    _, cursor = await all_of(fed.server.speaking(token), 1)
    head = f"GET /v1/feed?after={cursor}&wait=30 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", fed.server.port)
        writer.write(head.encode())
        async with asyncio.timeout(PATIENCE):
            while not fed.server.api.tail.waiting:
                await asyncio.sleep(0.01)
            writer.transport.abort()
            while fed.server.api.tail.waiting:
                await asyncio.sleep(0.01)
