"""The service: it counts, judges a week once, raises its alarms and sends them, signed."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from appealbus.core import ConfigError, RunningBus, Secret
from appealbus.core.clocks import wall
from appealbus.core.journal.journal import Journal
from appealbus.plugins.surges import kept, register_services
from appealbus.plugins.surges.alarm import Alarm
from appealbus.plugins.surges.service import Surges
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store
from tests.plugins.surges.test_command import BURNT, fill
from tests.services.journals import sqlite_journal


@dataclass
class Receiver:
    """Takes alarms, or refuses them."""

    status: int = 200
    url: str = ""
    got: list[tuple[dict[str, Any], str, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signature = hmac.new(b"key", body, hashlib.sha256).hexdigest()
        assert request.headers["Appealbus-Signature"] == f"sha256={signature}"
        self.got.append((json.loads(body), request.headers["Idempotency-Key"], request.content_type))
        self.came.set()
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/alarms", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/alarms"
    yield made
    await runner.cleanup()


@dataclass
class Bus:
    """What the service needs of one."""

    journal: Journal
    journal_id: str = "j"
    worker_number: int = 0


async def looked(service: Surges, bus: Bus, receiver: Receiver) -> None:
    """Run the service until an alarm has come to its receiver."""
    receiver.came.clear()
    running = asyncio.create_task(service.run(cast("RunningBus", bus)))
    async with asyncio.timeout(60):
        await receiver.came.wait()
    await asyncio.wait([running], timeout=0.2)  # what comes after the answer: that it is told
    running.cancel()
    await asyncio.wait([running])


async def test_the_alarm_of_a_week_is_raised_once_and_sent_until_it_is_taken(
    receiver: Receiver, tmp_path: Path
) -> None:
    """A receiver that is down gets the alarm later, under the same key; then nothing more is sent or raised."""
    url = sqlite_journal(tmp_path / "journal.db")
    await fill(url)
    (tmp_path / "secret").write_text("key")
    (tmp_path / "secret").chmod(0o600)
    settings = SurgesSettings(
        file=tmp_path / "surges.db", webhook=receiver.url, webhook_secret=Secret(file=tmp_path / "secret")
    )
    (service,) = register_services(settings)
    assert isinstance(service, Surges)
    async with await Journal.open(url) as journal:
        receiver.status = 503
        await looked(service, Bus(journal), receiver)
        receiver.status = 200
        await looked(service, Bus(journal), receiver)
    bodies = [body for body, *_ in receiver.got]
    assert [(key, kind) for _, key, kind in receiver.got] == [("surge-1", "application/json")] * 2
    assert bodies[0] == bodies[1]
    assert (bodies[0]["category"], bodies[0]["observed"]) == ("waste", BURNT)
    with closing(Store(tmp_path / "surges.db")) as store:
        (raised,) = kept.alarms(store)
        assert raised.told_at is not None
        assert kept.untold(store, raised.raised_at.date()) == []


async def test_an_alarm_that_is_refused_holds_no_other_back(receiver: Receiver, tmp_path: Path) -> None:
    """A receiver that refuses one alarm is sent the next, and after two weeks the refused one no more."""
    (tmp_path / "secret").write_text("key")
    (tmp_path / "secret").chmod(0o600)
    settings = SurgesSettings(
        file=tmp_path / "surges.db", webhook=receiver.url, webhook_secret=Secret(file=tmp_path / "secret")
    )
    alarms = [Alarm(date(2026, 11, 16), c, "", "", 9, 1.0, 3.0, 0.0, "ears_c2", 10, (), 1, 0.1, 0.05) for c in "abc"]
    receiver.status = 400
    with closing(Store(tmp_path / "surges.db")) as store:
        kept.raise_alarms(store, alarms[:1], wall() - timedelta(days=15))
        kept.raise_alarms(store, alarms[1:], wall())
        await Surges(settings, tmp_path / "surges.db")._tell(store)
    assert [body["category"] for body, *_ in receiver.got] == ["b", "c"]


async def test_a_judgement_that_fails_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """A table of positions that is none is an error with its line, from the process that judges."""
    (tmp_path / "districts.csv").write_text("kato,longitude,latitude\nx,1,1\n")
    settings = SurgesSettings(file=tmp_path / "surges.db", positions=tmp_path / "districts.csv")
    with pytest.raises(ConfigError, match=r"districts.csv, line 2"):
        await Surges(settings, tmp_path / "surges.db")._judged(date(2026, 11, 16))


def test_without_a_file_nothing_watches() -> None:
    """Where no file is named there is no service."""
    assert register_services(SurgesSettings()) == []
