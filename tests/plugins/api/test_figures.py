"""The figures of a period over HTTP: what `appealbus report` prints, for those who may see it."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from appealbus.core import EventType
from appealbus.core.domain.client import Role
from appealbus.core.journal import log
from appealbus.core.language import ReaderLanguage
from appealbus.plugins.api.problems import Problem
from appealbus.plugins.api.reports import Reports
from appealbus.plugins.report.asking import Ask, ReportFormat, ReportOrder
from appealbus.plugins.report.listing import Cell
from appealbus.plugins.report.row import ReportSpan
from appealbus.plugins.report.words import By
from tests.plugins.api.serving import Served, kind_of, served
from tests.plugins.report.test_command import fill
from tests.plugins.report.test_following import new
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

NOVEMBER = {"since": "2026-11-01", "until": "2026-11-30"}
PURPOSE = {"Appealbus-Purpose": "a%20test"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first report waits for a process to start, which takes long on a busy machine."""
    monkeypatch.setattr("appealbus.plugins.api.reports._PATIENCE", PATIENCE)


@pytest.fixture
async def full(tmp_path: Path) -> AsyncIterator[Served]:
    """A server of a journal with seven appeals, of which four are answered and one is redirected."""
    url = sqlite_journal(tmp_path / "journal.db")
    await fill(url)
    async with served(url, tmp_path, patience=1) as made:
        yield made


async def asked(client: httpx.AsyncClient, accept: str = "application/json", **given: Any) -> httpx.Response:
    return await client.get("/v1/report", params=NOVEMBER | given, headers={"Accept": accept, **PURPOSE})


@pytest.mark.proof
async def test_each_sees_what_it_may(full: Served) -> None:
    """The registry everything, in each form; a reviewer with a purpose; within scopes; an auditor the public form."""
    registry, reviewer = await full.client(Role.REGISTRY), await full.client(Role.REVIEWER)
    total = (await asked(registry)).json()["total"]
    assert {name: total[name]["count"] for name in ("registered", "considered", "redirected", "open")} == {
        "registered": 7,
        "considered": 4,
        "redirected": 1,
        "open": 2,
    }
    rows = list(csv.DictReader(io.StringIO((await asked(registry, "text/csv")).text)))
    assert [row["registered"] for row in rows] == ["7", "7"]
    page = await asked(registry, "text/html", lang="kk")
    assert (page.headers["content-type"], '<html lang="kk">' in page.text) == ("text/html; charset=utf-8", True)
    assert "style-src 'sha256-" in page.headers["content-security-policy"]
    assert kind_of(await registry.get("/v1/report", headers={"Accept": "image/png"})) == "not-acceptable"

    assert kind_of(await reviewer.get("/v1/report", params=NOVEMBER)) == "purpose-missing"
    assert (await asked(reviewer)).status_code == 200
    scopes: list[tuple[dict[str, Any], int]] = [
        ({"places": ("275200000",)}, 7),
        ({"places": ("271000000",)}, 0),
        ({"kinds": ("complaint",)}, 0),
    ]
    for at, (scope, seen) in enumerate(scopes):
        scoped = await full.client(Role.REGISTRY, f"scoped-{at}", **scope)
        assert (await asked(scoped)).json()["total"]["registered"]["count"] == seen, scope

    auditor = await full.client(Role.AUDITOR)
    for given in ({}, {"since": "2026-07-01", "until": "2026-09-30", "by": "category"}, {"until": "2099-12-31"}):
        assert kind_of(await asked(auditor, **given)) == "invalid"
    told = (await asked(auditor, since="2026-07-01", until="2026-09-30")).json()
    assert (told["public"], told["total"]["considered"]["count"]) == (True, 0)
    assert (await auditor.get("/v1/report")).json()["public"] is True
    looks = [
        entry.actor for entry in (await full.journal.ask(log.page, None, 100)).entries if entry.what == EventType.READ
    ]
    assert (looks.count("api:registry"), looks.count("api:reviewer"), looks.count("api:auditor")) == (3, 1, 0)


@pytest.mark.proof
async def test_a_process_that_dies_is_told_and_replaced(full: Served) -> None:
    """Whoever waits for it gets 503 at once; the next one is answered."""
    registry = await full.client(Role.REGISTRY)
    waiting = asyncio.create_task(asked(registry))
    while (child := next((each._child for each in full.api.figures if each._child), None)) is None:
        await asyncio.sleep(0.01)
    child.kill()
    answer = await waiting
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert (await asked(registry, by="month")).status_code == 400
    assert (await asked(registry, by="period")).status_code == 200


async def test_what_cannot_be_is_refused(full: Served) -> None:
    """A wrong period or place is told; none of it starts a process."""
    registry = await full.client(Role.REGISTRY)
    for given in ({"until": "2026-10-01"}, {"since": "0001-01-01"}, {"place": "27x"}):
        assert kind_of(await asked(registry, **given)) == "invalid", given
    assert not any(each._child for each in full.api.figures)


def wanted(place: str) -> ReportOrder:
    ask = Ask(ReportSpan(date(2026, 1, 1), date(2026, 12, 31), place), By.BODY, date(2026, 12, 31), public=False)
    return ReportOrder(ask, ReportFormat.JSON, ReaderLanguage.ENGLISH, rounds=False)


async def test_two_hundred_who_ask_the_same_start_one() -> None:
    """The same report is made once; of others eight are taken, and whoever comes then is sent away for a while."""
    begun: list[ReportOrder | Cell] = []
    go = asyncio.Event()

    async def make(each: ReportOrder | Cell) -> bytes:
        begun.append(each)
        await go.wait()
        return b"made"

    reports = Reports(make)
    same = [asyncio.create_task(reports.get(wanted("27"))) for _ in range(200)]
    others = [asyncio.create_task(reports.get(wanted(str(at)))) for at in range(7)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="too many other reports"):
        await reports.get(wanted("63"))
    go.set()
    assert await asyncio.gather(*same, *others) == [b"made"] * 207
    assert len(begun) == 8


async def test_what_is_made_holds_up_nobody() -> None:
    """However many others have been made within a minute, and each of the newest is made once."""
    begun: list[ReportOrder | Cell] = []

    async def make(each: ReportOrder | Cell) -> bytes:
        begun.append(each)
        return b"made"

    reports = Reports(make)
    for at in [*range(40), 39, 30]:
        assert await reports.get(wanted(str(at))) == b"made"
    assert len(begun) == 40


async def test_a_report_that_takes_long_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has waited long enough is told so; it is made once all the same, and serves whoever asks again."""
    monkeypatch.setattr("appealbus.plugins.api.reports._PATIENCE", 0.01)
    begun, go = 0, asyncio.Event()

    async def make(_: ReportOrder | Cell) -> bytes:
        nonlocal begun
        begun += 1
        await go.wait()
        return b"made"

    reports = Reports(make)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await reports.get(wanted("27"))
    go.set()
    body = b""
    async with asyncio.timeout(PATIENCE):
        while not body:
            with suppress(TimeoutError):  # what it has waited for may not have had its turn yet
                body = await reports.get(wanted("27"))
    assert (body, begun) == (b"made", 1)


@pytest.mark.proof
async def test_over_postgresql(journal_database: str, tmp_path: Path) -> None:
    """The process opens the journal by itself, with its password and its key."""
    (tmp_path / "password").write_text("unused")
    (tmp_path / "password").chmod(0o600)
    bus = {"journal_password": {"file": "password"}}
    async with served(journal_database, tmp_path, bus=bus, patience=1) as server:
        await server.journal.accept(new("m-1"))
        answer = await asked(await server.client(Role.REGISTRY))
        assert answer.json()["total"]["registered"]["count"] == 1
