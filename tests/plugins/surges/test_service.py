"""The service: it counts, judges a week once, raises its alarms and sends them, signed."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from appealbus.core import (
    ConfigError,
    JournalError,
    LinkState,
    LinkStatus,
    RunningBus,
    Secret,
    WeekCount,
    WeekCounts,
)
from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.view import PublicJournal
from appealbus.plugins.surges import kept, possible, register_services
from appealbus.plugins.surges import service as watching
from appealbus.plugins.surges.clusters import Scanned
from appealbus.plugins.surges.judge import Judged
from appealbus.plugins.surges.judging import judged
from appealbus.plugins.surges.sending import Event, Way, Webhook
from appealbus.plugins.surges.series import WEEK
from appealbus.plugins.surges.service import Surges
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Counted, Store
from appealbus.plugins.surges.watch import judged_week
from tests.plugins.surges.calm import MONDAY
from tests.plugins.surges.test_command import BURNT, fill
from tests.plugins.surges.test_kept import NOW, alarm
from tests.plugins.surges.test_outbox import waiting
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE


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

    journal: Any
    journal_id: str = "j"
    worker_number: int = 0

    def works_on(self, _day: date) -> None:
        """Know no calendar."""

    def shared(self, _plugin: str) -> None:
        """Have no other plugins."""


class Empty:
    """A journal without appeals."""

    async def week_counts(self, after: int = 0) -> WeekCounts:
        """Count nothing new."""
        return WeekCounts((), after, after, 1)

    async def appeals_of_week(self, *_given: Any) -> list[Any]:
        """Find nothing."""
        return []


async def looked(service: Surges, bus: Bus, receiver: Receiver) -> None:
    """Run the service until an alarm has come to its receiver."""
    receiver.came.clear()
    running = asyncio.create_task(service.run(cast("RunningBus", bus)))
    async with asyncio.timeout(PATIENCE):
        await receiver.came.wait()
    await asyncio.wait([running], timeout=0.2)  # what comes after the answer: that it is told
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.proof
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
        await looked(service, Bus(PublicJournal(journal)), receiver)
        receiver.status = 200
        await looked(service, Bus(PublicJournal(journal)), receiver)
    bodies = [body for body, *_ in receiver.got]
    alarms = [(body, key, kind) for body, key, kind in receiver.got if not body["possible"]]
    assert alarms[0] == alarms[1]
    assert len(alarms) == 2
    assert alarms[0][1].startswith(f"surge-{bodies[0]['monday']}-")
    assert alarms[0][2] == "application/json"
    assert (bodies[0]["category"], bodies[0]["observed"]) == ("waste", BURNT)
    with closing(Store(tmp_path / "surges.db")) as store:
        (raised,) = kept.alarms(store)
        assert raised.told_at is not None
        assert [event for event in waiting(store, now=wall()) if event.kind == "alarm"] == []


async def test_an_alarm_that_is_refused_holds_no_other_back(receiver: Receiver, tmp_path: Path) -> None:
    """A receiver that refuses one alarm is sent the next, and after two weeks the refused one no more."""
    (tmp_path / "secret").write_text("key")
    (tmp_path / "secret").chmod(0o600)
    settings = SurgesSettings(
        file=tmp_path / "surges.db", webhook=receiver.url, webhook_secret=Secret(file=tmp_path / "secret")
    )
    alarms = [alarm(category) for category in "abc"]
    receiver.status = 400
    way = Webhook(receiver.url, settings.webhook_secret, 10.0)
    with closing(Store(tmp_path / "surges.db")) as store:
        kept.raise_alarms(store, alarms[:1], wall() - timedelta(days=15))
        kept.raise_alarms(store, alarms[1:], wall())
        await Surges(settings, tmp_path / "surges.db")._tell(store, way)
    assert [body["category"] for body, *_ in receiver.got] == ["b", "c"]


@pytest.mark.proof
async def test_a_judgement_that_fails_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """A table of positions that is none is an error with its line, from the process that judges."""
    (tmp_path / "districts.csv").write_text("kato,longitude,latitude\nx,1,1\n")
    settings = SurgesSettings(file=tmp_path / "surges.db", positions=tmp_path / "districts.csv")
    with pytest.raises(ConfigError, match=r"districts.csv, line 2"):
        await judged(tmp_path / "surges.db", date(2026, 11, 16), 0.05, settings.positions)


async def until(service: Surges, told: str) -> LinkState | None:
    """Wait until one of the service's links says this, and return it; with an empty text, until none is down."""
    async with asyncio.timeout(PATIENCE):
        while True:
            down = [link for link in service.links() if link.status is LinkStatus.DOWN]
            if found := [link for link in down if told and told in link.detail]:
                return found[0]
            if not told and not down:
                return None
            await asyncio.sleep(0.01)


@pytest.mark.proof
async def test_a_look_that_hangs_or_cannot_read_is_told_with_its_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a broker that is well, too; a look that ends well takes it back."""
    monkeypatch.setattr(watching, "_PAUSE", 0.01)
    monkeypatch.setattr(watching, "_LATE", 0.05)
    well, hangs = asyncio.Event(), asyncio.Event()

    class Slow(Empty):
        async def week_counts(self, after: int = 0) -> WeekCounts:
            if not well.is_set():
                if hangs.is_set():
                    await well.wait()
                raise JournalError("away")
            return await super().week_counts(after)

    class Connected(Way):
        name = "broker"

        def links(self) -> list[LinkState]:
            return [LinkState("service.surges", LinkStatus.UP)]

        async def send(self, event: Event) -> str | None:
            return None

    file = tmp_path / "surges.db"
    service = Surges(SurgesSettings(file=file), file)

    @asynccontextmanager
    async def ways(_bus: RunningBus) -> AsyncIterator[list[Way]]:
        service._open_ways = [Connected()]
        yield service._open_ways

    monkeypatch.setattr(service, "_ways", ways)
    running = asyncio.create_task(service.run(cast("RunningBus", Bus(Slow()))))
    try:
        away = await until(service, "the journal could not be read")
        assert away is not None
        assert (away.name, away.event) == ("service.surges.weeks", "surges.not_counted")
        assert len({link.name for link in service.links()}) == 2  # one of a name would hide the other
        hangs.set()
        late = await until(service, "a look has not ended for an hour")
        assert late is not None
        assert (late.event, late.since) == ("surges.hangs", away.since)
        well.set()
        await until(service, "")
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_an_alarm_that_is_not_taken_is_told(receiver: Receiver, tmp_path: Path) -> None:
    """As long as the receiver does not take it."""
    (tmp_path / "secret").write_text("key")
    (tmp_path / "secret").chmod(0o600)
    settings = SurgesSettings(file=tmp_path / "surges.db")
    service = Surges(settings, tmp_path / "surges.db")
    way = Webhook(receiver.url, Secret(file=tmp_path / "secret"), settings.timeout)
    with closing(Store(tmp_path / "surges.db")) as store:
        kept.raise_alarms(store, [alarm()], wall())
        receiver.status = 503
        await service._tell(store, way)
        (link,) = service.links()
        assert (link.name, link.event) == ("service.surges.webhook", "surges.not_told")
        assert "it does not take an alarm" in link.detail
        receiver.status = 200
        await service._tell(store, way)
        assert service.links() == []


def test_without_a_file_nothing_watches() -> None:
    """Where no file is named there is no service."""
    assert register_services(SurgesSettings()) == []


@dataclass
class Watch:
    """The service over a file with counts, and a clock that a test sets."""

    service: Surges
    store: Store
    asked: list[tuple[date, float]] = field(default_factory=list)
    now: datetime = NOW

    async def judged(
        self, file: Path, monday: date, rate: float, _positions: None, share: float = 1.0
    ) -> tuple[Judged, Scanned | None]:
        """Judge in this process, and note what was asked."""
        self.asked.append((monday, share))
        return judged_week(self.store, monday, rate, None, share)

    async def at(self, day: date, hour: int) -> list[tuple[date, float]]:
        """Have the clock say this, and the service watch once; return what it has judged."""
        self.now = datetime.combine(day, time(hour), KAZAKHSTAN)
        self.asked.clear()
        await self.service._watch(cast("RunningBus", Bus(Empty())), self.store)
        return list(self.asked)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A past of fifteen calm weeks, and on the Monday of this one already more than a week is usual."""
    file = tmp_path / "surges.db"
    with closing(Store(file)) as store:
        made = Watch(Surges(SurgesSettings(file=file), file), store)
        monkeypatch.setattr("appealbus.plugins.surges.service.judged", made.judged)
        monkeypatch.setattr("appealbus.plugins.surges.service.wall", lambda: made.now)
        rows = [WeekCount(MONDAY - ago * WEEK, "waste", "271000000", 30 if ago == 0 else 4, 1, 9) for ago in range(16)]
        store.count("j", Counted(), Counted(1, 0), tuple(rows))
        yield made


def days(watch: Watch) -> list[tuple[str, str]]:
    """Return the days and places of all that was possible."""
    with watch.store.reading() as connection:
        return [tuple(row) for row in connection.execute("SELECT day, place FROM possible ORDER BY id")]


async def test_what_is_possible_is_told_once_a_day_after_working_hours(watch: Watch) -> None:
    """Not before six, then once, by the part of the week that is over; on the weekend no more; never as an alarm."""
    assert await watch.at(MONDAY, 17) == [(MONDAY - WEEK, 1.0)]
    assert await watch.at(MONDAY, 18) == [(MONDAY, 0.2)]
    assert await watch.at(MONDAY, 23) == []
    assert await watch.at(MONDAY + timedelta(days=1), 9) == []
    assert await watch.at(MONDAY + timedelta(days=1), 19) == [(MONDAY, 0.4)]
    friday = MONDAY + timedelta(days=4)
    assert await watch.at(MONDAY + timedelta(days=5), 3) == [(MONDAY, 1.0)], "Friday evening, the bus was down"
    assert await watch.at(MONDAY + timedelta(days=6), 20) == []
    assert {day for day, _ in days(watch)} == {str(MONDAY), str(MONDAY + timedelta(days=1)), str(friday)}
    assert len(days(watch)) == len(set(days(watch)))
    assert kept.alarms(watch.store) == []
    look, found = possible.newest(watch.store)
    assert look is not None
    assert (look.day, look.passed, look.calendar) == (friday, 1.0, "five days a week")
    events = [event for event in waiting(watch.store, now=watch.now) if event.kind == "possible"]
    bodies = [json.loads(event.body) for event in events]
    assert all(body["possible"] is True and body["observed"] == 30 for body in bodies)
    assert {body["day"] for body in bodies} >= {str(friday)}
    assert found[-1].surge.observed == 30


async def test_a_clock_that_jumps_tells_nothing_twice_and_skips_nothing(watch: Watch) -> None:
    """Hours, a week or ten years ahead and back again, and a day behind."""
    tuesday = MONDAY + timedelta(days=1)
    await watch.at(tuesday, 18)
    before = days(watch)
    for ahead in (timedelta(days=2), timedelta(days=9), timedelta(days=3650)):
        await watch.at(tuesday + ahead, 19)
    jumped = days(watch)
    assert await watch.at(tuesday, 19) == []
    assert await watch.at(MONDAY, 19) == [(MONDAY - WEEK, 1.0), (MONDAY, 0.2)], "a day behind: looked at, told once"
    assert await watch.at(tuesday, 20) == [(MONDAY, 0.4)]
    assert set(before) <= set(jumped)
    assert len(days(watch)) == len(set(days(watch)))
    thursday = MONDAY + timedelta(days=3)
    assert (MONDAY, 0.8) in await watch.at(thursday, 19), "which the clock had said before"
    assert (MONDAY, 1.0) in await watch.at(MONDAY + WEEK, 0), "the week itself, too"
    (alarm,) = kept.alarms(watch.store)
    assert alarm.alarm.monday == MONDAY


async def test_weeks_that_ended_while_the_bus_was_down_are_judged(watch: Watch) -> None:
    """Oldest first, and no more than eight; what a new file finds from before it is past."""
    monday = MONDAY + 12 * WEEK
    assert await watch.at(MONDAY, 0) == [(MONDAY - WEEK, 1.0)]
    assert await watch.at(MONDAY + 3 * WEEK, 0) == [(MONDAY + at * WEEK, 1.0) for at in range(3)]
    (alarm,) = kept.alarms(watch.store)
    assert (alarm.alarm.monday, alarm.alarm.observed) == (MONDAY, 30)
    assert await watch.at(monday + WEEK, 0) == [(monday - ago * WEEK, 1.0) for ago in range(7, -1, -1)]
