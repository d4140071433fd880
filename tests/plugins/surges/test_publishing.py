"""Alarms on an exchange of a real RabbitMQ: confirmed, at least once, under the same id, whatever becomes of either."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import orjson
import pytest

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.core import ConfigError, RunningBus
from appealbus.core.clocks import wall
from appealbus.plugins.surges import kept, outbox, possible
from appealbus.plugins.surges.publishing import Exchanged
from appealbus.plugins.surges.service import Surges
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store
from appealbus.schemas.contract import FOLDER
from tests.connectors.amqp.agency.queue_agency import settings_at
from tests.plugins.surges.test_kept import alarm
from tests.plugins.surges.test_outbox import DAY, waiting
from tests.plugins.surges.test_service import Bus
from tests.services.processes import PATIENCE
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Vhost

ROOT = Path(__file__).parents[3]
EXCHANGE, QUEUE = "appealbus.alarms", "situation"


@pytest.fixture
def proxy(vhost: Vhost) -> Iterator[FaultProxy]:
    with FaultProxy(vhost.port) as made:
        yield made


class Sender:
    """The service with its file, and a broker behind a proxy."""

    def __init__(self, folder: Path, port: int, vhost: str, timeout: float = 5.0) -> None:
        self.file = folder / "surges.db"
        self.settings = SurgesSettings(file=self.file, broker="main", timeout=timeout)
        self.brokers = Brokers(AmqpSettings(brokers={"main": settings_at(port, vhost)}))
        self.store = Store(self.file)
        self.way = Exchanged(self.brokers, "main", None, timeout)

    async def __aenter__(self) -> "Sender":
        await self.way.start()
        assert await self.brokers.get().up(60)
        async with asyncio.timeout(PATIENCE):  # that the exchange is there
            while not any("in order" in each.detail for each in self.brokers.links(self.brokers.get())):
                await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.way.close()
        self.store.close()

    async def tell(self) -> list[str]:
        """Send what waits, once; return the keys of what waits then."""
        await Surges(self.settings, self.file)._tell(self.store, self.way)
        return [each.key for each in waiting(self.store, way="broker", now=wall())]


@pytest.fixture
async def sender(proxy: FaultProxy, vhost: Vhost, tmp_path: Path) -> AsyncIterator[Sender]:
    async with Sender(tmp_path, proxy.port, vhost.name) as made:
        yield made


def bind(vhost: Vhost, key: str = "surge.#") -> None:
    with vhost.channel() as channel:
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_bind(QUEUE, EXCHANGE, key)


def got(vhost: Vhost) -> list[tuple[Any, Any, bytes]]:
    """Take all that is in the queue."""
    found = []
    with vhost.channel() as channel:
        while True:
            method, properties, body = channel.basic_get(QUEUE, auto_ack=True)
            if method is None:
                return found
            found.append((method, properties, body))


async def test_an_alarm_is_a_cloud_event_that_waits_until_somebody_is_bound(sender: Sender, vhost: Vhost) -> None:
    """What no queue wants is not sent; then each leaves once, told by key, headers and properties what it is."""
    kept.raise_alarms(sender.store, [alarm()], wall())
    possible.note(sender.store, DAY, [alarm("roads")], wall())
    assert len(await sender.tell()) == 2
    last = sender.way.links()[-1]
    assert (last.name, last.warning) == ("service.surges", True)
    assert "no queue is bound to the exchange appealbus.alarms" in last.detail
    await asyncio.to_thread(bind, vhost)
    assert await sender.tell() == []
    assert await sender.tell() == []
    assert not sender.way.links()[-1].warning
    first, second = await asyncio.to_thread(got, vhost)
    assert [each[0].routing_key for each in (first, second)] == ["surge.alarm.27", "surge.possible.27"]
    told, body = first[1], orjson.loads(first[2])
    assert (told.delivery_mode, told.content_type, told.type, told.app_id) == (
        2,
        "application/json",
        "surge",
        "appealbus",
    )
    events = {key.removeprefix("cloudEvents:"): value for key, value in told.headers.items() if ":" in key}
    (row,) = kept.alarms(sender.store)
    assert events == {
        "specversion": "1.0",
        "id": told.message_id,
        "source": "/appealbus/services/surges",
        "type": "appealbus.surge.v1",
        "dataschema": "urn:appealbus:surge:1",
        "time": row.raised_at.isoformat().replace("+00:00", "Z"),
    }
    assert (told.headers["possible"], told.headers["region"], body["possible"]) == (False, "27", False)
    assert (body["id"], body["observed"], body["numbers"]) == (1, 24, ["AB-2026-00000001"])
    assert row.told_at is not None
    maybe = orjson.loads(second[2])
    for name, each in (("surge", body), ("possible-surge", maybe)):
        schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
        jsonschema_rs.Draft202012Validator(schema).validate(each)
    assert second[1].headers["cloudEvents:type"] == "appealbus.possible-surge.v1"
    assert (maybe["possible"], maybe["day"], maybe["passed"], maybe["calendar"]) == (True, str(DAY.day), 0.2, "law")


@pytest.mark.proof
async def test_a_broker_that_is_away_gets_it_when_it_is_back(
    sender: Sender, vhost: Vhost, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost and nothing waits for ever, also where the word of the broker is what is lost."""
    await asyncio.to_thread(bind, vhost)
    kept.raise_alarms(sender.store, [alarm(), alarm("roads")], wall())
    sender.way._timeout = 0.5
    proxy.blackhole("down")  # the broker gets it, and its word does not come back
    roads, waste = await sender.tell()  # what was tried comes last
    proxy.refuse()
    assert set(await sender.tell()) == {roads, waste}
    proxy.heal()
    sender.way._timeout = 20.0
    assert await sender.tell() == []
    ids = [each[1].message_id for each in await asyncio.to_thread(got, vhost)]
    assert (set(ids), ids.count(roads)) == ({roads, waste}, 1), "twice at most, under the same id"


VICTIM = """
import asyncio, os, signal, sys
from pathlib import Path
from appealbus.plugins.surges import outbox
from tests.plugins.surges.test_publishing import Sender
outbox.tried = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
async def main():
    async with Sender(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]) as sender:
        await sender.tell()
asyncio.run(main())
"""


@pytest.mark.proof
async def test_killed_between_the_brokers_word_and_its_note_it_is_sent_again(vhost: Vhost, tmp_path: Path) -> None:
    """Under the same id, so that its receiver knows it."""
    with closing(Store(tmp_path / "surges.db")) as store:
        kept.raise_alarms(store, [alarm()], wall())
    async with Sender(tmp_path, vhost.port, vhost.name) as sender:
        await asyncio.to_thread(bind, vhost)
        command = (sys.executable, "-c", VICTIM, str(tmp_path), str(vhost.port), vhost.name)
        program = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=dict(os.environ))
        assert await asyncio.wait_for(program.wait(), PATIENCE) == -signal.SIGKILL
        assert await sender.tell() == []
    ids = [each[1].message_id for each in await asyncio.to_thread(got, vhost)]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_broker_that_is_none_is_told_and_the_webhook_goes_on(tmp_path: Path) -> None:
    """Without the plugin `amqp`, or with a name that it does not know, there is one way less, and the reason."""
    with pytest.raises(ConfigError, match="needs the plugin amqp"):
        Exchanged(None, "main", None, 1.0)
    with pytest.raises(ConfigError, match="there is no broker 'other'"):
        Exchanged(Brokers(AmqpSettings()), "other", None, 1.0)
    settings = SurgesSettings(file=tmp_path / "s.db", broker="main", webhook="https://situation.example.kz/alarms")
    async with Surges(settings, tmp_path / "s.db")._ways(cast("RunningBus", Bus(None))) as ways:
        assert [way.name for way in ways] == ["webhook"]
    assert outbox.AT_ONCE
