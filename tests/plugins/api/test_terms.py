"""What falls due, over HTTP: by day and body, page by page, as far as somebody sees it; and what moves."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from appealbus.core import Inbound, Terms
from appealbus.core.domain.event import EventType
from appealbus.core.journal import log
from tests.core.kit import message, running_bus
from tests.plugins.api.serving import Served, kind_of, served
from tests.services.processes import PATIENCE

HERE, THERE, PLACE = "940340000421", "680340077935", "750000000"
APPEALS = [
    ("m-1", "2026-12-03", {"bin": HERE}, PLACE),
    ("m-2", "2026-12-01", {"bin": THERE}, "710000000"),
    ("m-3", "2026-12-02", {"bin": HERE}, "710000000"),
    ("m-4", None, {"name": "Аким", "kato": PLACE}, PLACE),
    ("m-5", "2026-12-02", {"bin": HERE}, PLACE),
]
POLICY = """
[masks.nobody]
hides = ["appeal.addressee"]
[clients.blind]
mask = "nobody"
"""


class Later(Terms):
    """Counts another day for one appeal that its register gave none."""

    name = "later"

    def due_on(self, *given: Any) -> date | None:
        return date(2026, 12, 9) if given[0].message_id == "m-4" else date(2000, 1, 1)


@pytest.fixture
async def server(url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """Five appeals, of which the last is answered."""
    (tmp_path / "policy.toml").write_text(POLICY)
    async with running_bus(tmp_path, bus={"journal": url, "grace": 1}) as bus:
        for name, due, body, place in APPEALS:
            given = {"addressee": body, "place": {"kato": place}, **({} if due is None else {"due_on": due})}
            await bus.accept(message(name, **given))
        change = {"type": "change", "message_id": "c-1", "appeal_message_id": "m-5", "kind": "answered"}
        await bus.accept(Inbound("test", "c-1", orjson.dumps(change)))
        await bus.settle()
        async with served(url, tmp_path, bus={"policy": str(tmp_path / "policy.toml")}) as made:
            yield made


async def names(client: httpx.AsyncClient, query: str = "") -> list[str]:
    """Return all pages of one appeal each, by the ids of their messages."""
    got: list[str] = []
    after = ""
    while True:
        answer = await client.get(f"/v1/terms?limit=1{query}{after}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        got += [each["message_id"] for each in page["appeals"]]
        if "next" not in page:
            return got
        after = f"&after={page['next']}"


async def test_what_falls_due_comes_by_its_day(server: Served) -> None:
    """Page by page, the most urgent first and what has no day last; without what has ended; by day, body and kind."""
    client = await server.client("registry")
    assert await names(client) == ["m-2", "m-3", "m-1", "m-4"]
    assert await names(client, "&from=2026-12-02&until=2026-12-02") == ["m-3"]
    assert await names(client, "&until=2026-12-31") == ["m-2", "m-3", "m-1"]
    assert await names(client, f"&body={HERE}") == ["m-3", "m-1"]
    assert await names(client, f"&body={PLACE}") == ["m-4"]
    assert await names(client, "&kind=inquiry") == []
    assert await names(client, "&completeness=partial&completeness=settled") == []
    assert await names(client, "&completeness=partial&completeness=complete") == ["m-2", "m-3", "m-1", "m-4"]
    told = (await client.get("/v1/terms")).json()["appeals"]
    assert [(each["body"], each.get("due_on")) for each in told[:1]] == [(THERE, "2026-12-01")]
    assert (await client.get(f"/v1/appeals/{told[0]['id']}")).json() == told[0]
    async with asyncio.timeout(PATIENCE):
        while not (noted := (await server.journal.ask(log.page, None, 500, what=[EventType.READ])).entries):
            await asyncio.sleep(0.1)
    assert (noted[0].detail["as"], noted[0].detail["found"]) == ("terms", 1)


async def test_a_page_comes_short_where_little_is_what_is_looked_for(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told from where to go on, and all that there is comes in the end."""
    monkeypatch.setattr("appealbus.core.journal.appeals.selecting.SCAN", 1)
    monkeypatch.setattr("appealbus.plugins.api.routes.terms._STEPS", 1)
    client = await server.client("registry")
    first = (await client.get(f"/v1/terms?body={PLACE}")).json()
    assert (first["appeals"], "next" in first) == ([], True)
    assert await names(client, f"&body={PLACE}") == ["m-4"]


async def test_what_would_move_is_told_with_its_day(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its register has given a day stays; so does what terms fail over."""
    monkeypatch.setattr(server.api.host, "brought", lambda _: {"later": Later()})
    client = await server.client("registry")
    assert await names(client, "&moved=true") == ["m-4"]
    (moved,) = (await client.get("/v1/terms?moved=true")).json()["appeals"]
    assert (moved["counted_on"], "due_on" in moved) == ("2026-12-09", False)
    monkeypatch.setattr(Later, "due_on", lambda *_: 1 / 0)
    assert await names(client, "&moved=true") == []


async def test_nobody_learns_more_from_the_list_than_it_sees(server: Served) -> None:
    """Scopes, masks and purposes hold: neither a choice nor the order tells what is hidden."""
    scoped = await server.client("registry", "scoped", places=(PLACE,))
    assert await names(scoped) == ["m-1", "m-4"]
    integrator = await server.client("integrator")
    answer = await integrator.get("/v1/terms")
    assert answer.status_code == 200
    assert HERE not in answer.text
    blind = await server.client("registry", "blind")
    assert HERE not in (await blind.get("/v1/terms")).text
    for query in (f"body={HERE}", "moved=true"):
        answer = await blind.get(f"/v1/terms?{query}")
        assert (answer.status_code, kind_of(answer)) == (403, "field-hidden"), query
    reviewer = await server.client("reviewer")
    assert kind_of(await reviewer.get("/v1/terms")) == "purpose-missing"
    assert (await reviewer.get("/v1/terms", headers={"Appealbus-Purpose": "x"})).status_code == 200


WRONG = [
    *("body=1", "kind=x", "completeness=x", "after=x", "after=5", "limit=0", "limit=101", "since=2026-12-01"),
    "body=" + "1" * 5_000,
]


async def test_what_is_not_well_formed_is_named(server: Served) -> None:
    """The value is never repeated; days at the ends of the calendar are days."""
    client = await server.client("registry")
    for query in WRONG:
        answer = await client.get(f"/v1/terms?{query}")
        assert (answer.status_code, kind_of(answer)) == (400, "invalid"), query
        assert len(answer.content) < 1_000
    for edge in ("from=0001-01-01", "until=9999-12-31", "until=0001-01-01"):
        assert (await client.get(f"/v1/terms?{edge}")).status_code == 200
