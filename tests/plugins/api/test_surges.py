"""Surges over HTTP: what stands out, as far as a client sees the appeals behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from appealbus.core.clocks import wall
from appealbus.core.domain.event import EventType
from appealbus.core.journal import log
from appealbus.core.journal.appeals import lists
from appealbus.plugins.surges import kept, possible
from appealbus.plugins.surges.alarm import Alarm, Day
from appealbus.plugins.surges.kept import Closing
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.store import Store
from appealbus.schemas.surge import SharedBy
from tests.core.kit import message, running_bus
from tests.plugins.api.serving import Served, kind_of, served
from tests.plugins.surges.alarms import PARCEL, part
from tests.plugins.surges.alarms import alarm as made_alarm
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

MONDAY = date(2026, 11, 16)
NUMBERS = ("N-3", "N-2", "N-1", "N-0")
SHARED = (
    PARCEL,
    SharedBy(kind="organisation", value="940340000421", appeals=4),
    SharedBy(kind="address", value="ауыл дарьинск", appeals=3),
)
POLICY = """
[masks.nowhere]
hides = ["appeal.place"]
[masks.nothing]
hides = ["appeal.category", "appeal.parcels"]
[masks.numbers]
identifiers = ["bin", "cadastral_number"]
[clients.nowhere]
mask = "nowhere"
[clients.nothing]
mask = "nothing"
[clients.numbers]
mask = "numbers"
"""


def alarm(category: str, place: str, **given: tuple[str, ...]) -> Alarm:
    also = (part("", place), part(category, "", 70, 40.0, 1e-3))
    return made_alarm(category, place, MONDAY, also=also, shared=SHARED, **given)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    """Three alarms, of which one is closed, two that are possible, and the appeals behind one of them."""
    (tmp_path / "policy.toml").write_text(POLICY)
    file, url = tmp_path / "surges.db", sqlite_journal(tmp_path / "journal.db")
    with closing(Store(file)) as store:
        raised = [alarm("waste", "2736", numbers=NUMBERS), alarm("roads", "7110"), alarm("", "")]
        kept.raise_alarms(store, raised, wall())
        kept.close(store, 2, Closing("aigul", "false", "Серик Ахметов ошибся"), wall())
        store.note_judged(MONDAY, wall(), 2000, 2e-5)
        day = Day(day=MONDAY + timedelta(weeks=1), passed=0.2, calendar="law", tested=2000, limit=1e-4)
        possible.note(store, day, [alarm("fire", "2736"), alarm("fire", "7110")], wall())
    async with running_bus(tmp_path, bus={"journal": url, "grace": 1}) as bus:
        for at, kato in enumerate(("273620100", "273620100", "711000000")):
            await bus.accept(message(f"m-{at}", number=f"N-{at}", place={"kato": kato}))
        await bus.settle()
        async with served(url, tmp_path, bus={"policy": str(tmp_path / "policy.toml")}) as made:
            made.api.host.shared = lambda plugin: Reading(file) if plugin == "surges" else None  # type: ignore[method-assign]
            yield made


async def test_whoever_sees_everything_sees_all_of_it(server: Served) -> None:
    """The week, the day, the record; alarms page by page; one with the appeals behind it by ids; all of it noted."""
    client = await server.client("registry")
    told = (await client.get("/v1/surges")).json()
    assert [each["id"] for each in told["week"]["alarms"]] == [1, 2, 3]
    assert (told["week"]["monday"], told["week"]["tested"]) == (str(MONDAY), 2000)
    assert (told["day"]["calendar"], len(told["day"]["possible"])) == ("law", 2)
    assert (told["record"]["raised"], told["record"]["precision"]) == (3, 0.0)
    page = (await client.get("/v1/surges/alarms?limit=1&closed=true")).json()
    assert ([each["id"] for each in page["alarms"]], page["next"]) == ([3], 3)
    rest = (await client.get("/v1/surges/alarms?before=3")).json()
    assert ([each["id"] for each in rest["alarms"]], "next" in rest) == ([1], False)
    one = (await client.get("/v1/surges/alarms/1")).json()
    rows = [await server.journal.ask(lists.appeal_row, number) for number in NUMBERS[1:]]
    assert one["appeals"] == [row.public_id for row in rows if row]
    assert len(one["appeals"]) == 3
    assert not any(number in str(one) for number in NUMBERS)
    assert len(one["shared"]) == 3
    assert (await client.get("/v1/surges/alarms/2")).json()["done"] == "Серик Ахметов ошибся"
    async with asyncio.timeout(PATIENCE):
        while len(noted := (await server.journal.ask(log.page, None, 500, what=[EventType.READ])).entries) < 5:
            await asyncio.sleep(0.05)
    assert {each.detail["as"] for each in noted} == {"surges"}
    assert ("alarm", 1) in {("alarm", each.detail.get("alarm")) for each in noted}


async def test_nobody_sees_more_in_a_count_than_in_the_appeals(server: Served) -> None:
    """Scopes and masks hold, for alarms, for parts of them, for what is shared, and for the appeals behind them."""
    scoped = await server.client("registry", "scoped", places=("270000000",))
    told = (await scoped.get("/v1/surges")).json()
    assert [each["id"] for each in told["week"]["alarms"]] == [1]
    assert [each["place"] for each in told["week"]["alarms"][0]["also"]] == ["2736"]
    assert ([each["place"] for each in told["day"]["possible"]], "record" in told) == (["2736"], False)
    one = (await scoped.get("/v1/surges/alarms/1")).json()
    assert len(one["appeals"]) == 2, "one of them has moved to another region"
    assert kind_of(await scoped.get("/v1/surges/alarms/2")) == "unknown"
    kinds = await server.client("registry", "kinds", kinds=("complaint",))
    assert (await kinds.get("/v1/surges/alarms?closed=true")).json() == {"alarms": []}
    nowhere = (await (await server.client("registry", "nowhere")).get("/v1/surges/alarms?closed=true")).json()
    assert [each["id"] for each in nowhere["alarms"]] == [3]
    nothing = (await (await server.client("registry", "nothing")).get("/v1/surges/alarms?closed=true")).json()
    assert [each["id"] for each in nothing["alarms"]] == [3]
    assert [each["kind"] for each in nothing["alarms"][0]["shared"]] == ["address"], "mentions tell of parcels"
    numbers = await server.client("registry", "numbers")
    (closed,) = [each for each in (await numbers.get("/v1/surges")).json()["week"]["alarms"] if each["id"] == 2]
    assert [each["kind"] for each in closed["shared"]] == ["address"]
    assert closed["verdict"] == "false"
    assert not {"done", "closed_by"} & closed.keys()


async def test_what_cannot_be_read_is_told(server: Served, tmp_path: Path) -> None:
    """Without a file there is nothing, and none is made; with one that is none, the client may try again."""
    client = await server.client("registry")
    away = tmp_path / "away.db"
    server.api.host.shared = lambda _: Reading(away)  # type: ignore[method-assign]
    assert (await client.get("/v1/surges")).json() == {}
    assert (await client.get("/v1/surges/alarms")).json() == {"alarms": []}
    assert kind_of(await client.get("/v1/surges/alarms/1")) == "unknown"
    assert not away.exists()
    away.write_bytes(b"no database" * 1000)
    for path in ("", "/alarms", "/alarms/1"):
        answer = await client.get(f"/v1/surges{path}")
        assert (answer.status_code, kind_of(answer)) == (503, "unavailable")
    for query in ("/alarms/0", "/alarms/x", "/alarms?limit=101", "/alarms?before=0", f"/alarms?before={10**16}"):
        assert kind_of(await client.get(f"/v1/surges{query}")) == "invalid", query
