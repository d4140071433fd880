"""Makes a journal as release 0.1.0 left it. Run it with the code of that release alone: see README.md."""

import asyncio
import gzip
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import orjson

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.topology import WantedTopology
from appealbus.core import Delivery, Factory, Handed, Inbound, NoSettings, Outgoing, Refused, Taken, __version__
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal.appeals import claiming
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Plugin
from appealbus.core.loading.parts import build, load_plugins
from appealbus.core.testing import scripted_connector
from appealbus.core.testing.scripted import ScriptedWire
from appealbus.simulator.appeals import example_lines
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Misbehaviour, SimulatorSettings
from appealbus.simulator.sources import GATEWAY, gateway_source
from tests.services.postgres import Postgres, programs

sys.path.insert(0, str(Path(__file__).parents[4] / "examples/appealbus_vehicles/src"))

import appealbus_vehicles
from appealbus_vehicles.settings import VehiclesSettings

GUARD = {"timeout": "2s", "attempts": 1, "breaker_failures": 1000}
WHOLE = (1, 2, 3, 6, 7, 8, 10, 17, 18)
"""Lines of the examples that are found whole at first: letters of persons and organisations, about parcels and not."""
AWAY = (13, 19, 22, 25)
"""While ЕГКН is away: three of them are found later, as second versions; the last ones stay parked."""
LATER = (28, 31)
"""Whose addresses the register does not answer: they await."""
REFUSED, LATE = 2, 3
"""What a receiver never takes, and what it has not taken yet."""
LEFT = (34, 35, 36, 37, 38, 39, 40)
"""What no worker has ended: two in work, two suspects, one held, two ready."""


class Registry(Delivery[NoSettings]):
    """A receiver that will not take one appeal, and as long as it is `away` takes another one not yet."""

    away: ClassVar[bool] = True
    got: ClassVar[list[tuple[str, Outgoing]]] = []
    """By receiver."""

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Take all others."""
        return [self._one(each) for each in batch]

    def _one(self, one: Outgoing) -> Handed:
        message_id = orjson.loads(one.dossier)["appeal"]["message_id"]
        if message_id == ids()[REFUSED - 1]:
            return Refused("too_large")
        if message_id == ids()[LATE - 1] and self.away:
            return "away"
        self.got.append((self.name, one))
        return None


@cache
def ids() -> list[str]:
    """Return the message ids of the examples, in their order."""
    return [str(orjson.loads(line)["message_id"]) for line in example_lines()]


def _vehicles(request: Any) -> str:
    iin = request.body.findtext("iin")
    return (
        f'<v:Answer xmlns:v="urn:example:vehicles"><code>0</code><owner>{iin}</owner><vehicle><plate>000 ABC 07</plate>'
        "<kind><code>T</code><nameRu>Трактор</nameRu></kind><registered>2019-04-01</registered><arrested>true</arrested>"
        "</vehicle></v:Answer>"
    )


def _document(simulator: Simulator, url: str) -> dict[str, Any]:
    sources: dict[str, Any] = {
        name: gateway_source(name, simulator.settings, simulator.url) | {"guard": GUARD} for name in GATEWAY
    }
    queue = simulator.settings.address.queue
    sources["address"] = {"connector": "amqp", "queue": queue, "answers": True, "guard": GUARD}
    sources["vehicles"] = {"connector": "scripted", "guard": GUARD}
    return {
        "bus": {"journal": url, "accepted_by": "0.1.0", "grace": "1s"},
        "retry": {"first": "1h", "factor": 1.0, "max": "1h", "awaiting": "1h"},
        "completeness": {"default": {"wait": "5s"}},
        "sources": sources,
        "deliveries": {"registry": {"kind": "registry"}, "archive": {"kind": "registry"}},
        "log": {"level": "error"},
    }


class Contour:
    """A bus over a journal, with agencies, a third party's plugin and receivers around it."""

    def __init__(self, url: str, simulator: Simulator) -> None:
        self.loaded = from_document(_document(simulator, url), Path.cwd())
        self.simulator = simulator
        self.host = load_plugins(self.loaded)
        brought: dict[str, list[Any]] = {
            "connectors": [scripted_connector(ScriptedWire(_vehicles))],
            "lookups": list(appealbus_vehicles.register_lookups(VehiclesSettings())),
            "assessors": list(appealbus_vehicles.register_assessors()),
            "deliveries": [Factory("registry", NoSettings, Registry)],
        }
        self.host.plugins.append(Plugin("vehicles", "1.0", "appealbus-vehicles", brought=brought))
        self.parts = build(self.loaded, self.host)

    @asynccontextmanager
    async def running(self, journal: Journal, name: str) -> AsyncIterator[Bus]:
        """Run a bus, which answers to this name in the journal."""
        brokers = self.host.shared("amqp")
        assert isinstance(brokers, Brokers)
        broker = brokers.get()
        await brokers.start(broker, WantedTopology())
        try:
            await self.simulator.take_questions(broker)
            bus = Bus(self.loaded, self.parts, journal, name=name)
            await bus.start()
            yield bus
            await bus.stop()
        finally:
            await brokers.close(broker)

    async def settled(self, count: Any, parked: int) -> None:
        """Wait until so many appeals are parked and nothing is left to do now."""
        async with asyncio.timeout(60):
            while True:
                counts = await count()
                if counts.parked == parked and not (counts.ready or counts.in_work or counts.suspect):
                    return
                await asyncio.sleep(0.05)

    async def take(self, bus: Bus, line: int) -> str:
        """Have the bus take one of the examples; return the number of its receipt."""
        message = Inbound("files", f"example:{line}", list(example_lines())[line - 1].encode())
        taken = await bus.accept(message)
        assert isinstance(taken, Taken)
        return taken.receipt.number


class Maker(Contour):
    """Makes the journal, with a bus of 0.1.0."""

    async def make(self) -> None:
        """Do it."""
        settings = self.loaded.settings.bus
        async with await Journal.open(settings.journal, settings.journal_password) as journal:
            self.journal = journal
            await journal.hold_run_lock()
            async with self.running(journal, "1" * 32) as bus:
                await self._life(bus)
            await self._left(bus)

    async def _life(self, bus: Bus) -> None:
        for line in WHOLE:
            await self.take(bus, line)
        await self.settled(self.journal.counts, 0)
        self.simulator.misbehave("egkn", Misbehaviour(http_502=1.0))
        numbers = [await self.take(bus, line) for line in AWAY]
        await self.settled(self.journal.counts, len(numbers))
        self.simulator.misbehave("egkn")
        for number in numbers[:3]:
            await self.journal.retry(number)
        await self.settled(self.journal.counts, 1)
        self.simulator.misbehave("address", Misbehaviour(silent=1.0))
        for line in LATER:
            await self.take(bus, line)
        await self.settled(self.journal.counts, 3)
        await self._quarantine(bus)
        await asyncio.sleep(2.5)  # deliveries that fail are tried again, and a heartbeat tells of the sources

    async def _quarantine(self, bus: Bus) -> None:
        await bus.accept(Inbound("files", "broken:1", b'{"message_id": "x", "kind": '))
        await bus.accept(Inbound("files", "broken:2", b"<letter/>", media_type="application/xml"))
        other = orjson.loads(list(example_lines())[WHOLE[0] - 1]) | {"text": "Басқа мәтін"}
        await bus.accept(Inbound("files", "differs:1", orjson.dumps(other)))
        replayed = await bus.accept(Inbound("files", "broken:3", b'{"message_id": "y"'))
        number = await self.take(bus, 41)
        await self.journal.replayed(replayed.quarantine_id, number)  # type: ignore[union-attr]
        await bus.accept(Inbound("files", "again:1", list(example_lines())[WHOLE[0] - 1].encode()))
        await self.settled(self.journal.counts, 3)

    async def _left(self, bus: Bus) -> None:
        """Accept what the worker does not get to."""
        journal, numbers = self.journal, []
        for line in LEFT[:2]:
            numbers.append(await self.take(bus, line))
        await claiming.claim(journal, claiming.Claim("2" * 32, journal.now(), 2, 60.0))
        for line in LEFT[2:4]:
            await self.take(bus, line)
        await claiming.claim(journal, claiming.Claim("3" * 32, journal.now(), 2, 60.0))
        await claiming.bury(journal, "3" * 32)
        held = await self.take(bus, LEFT[4])
        await journal.hold_appeal(held, by="operator", reason="Қолмен тексеріледі")
        for line in LEFT[5:]:
            await self.take(bus, line)


async def _make(url: str) -> None:
    async with Simulator(SimulatorSettings()) as simulator:
        await Maker(url, simulator).make()


def _write(name: str, dump: str) -> None:
    with gzip.GzipFile(Path(__file__).with_name(name), "wb", mtime=0) as file:
        file.write(dump.encode())


def _postgresql(dump: str) -> str:
    """Leave out what psql alone understands."""
    return re.sub(r"(?m)^(\\.*|--.*|)\n", "", dump)


def main() -> None:
    """Make both."""
    assert __version__ == "0.1.0", __version__
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        asyncio.run(_make(f"sqlite:///{path}"))
        with sqlite3.connect(path) as connection:
            _write("sqlite.sql.gz", "\n".join(connection.iterdump()))
    with Postgres(fsync=False) as server:
        name = server.database()
        asyncio.run(_make(server.url(name)))
        found = programs()
        assert found is not None
        command = [str(found / "pg_dump"), "--no-owner", "--no-acl", "--rows-per-insert=50", server.url(name)]
        dumped = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})
        _write("postgresql.sql.gz", _postgresql(dumped.stdout.decode()))


if __name__ == "__main__":
    main()
