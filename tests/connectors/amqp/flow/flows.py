"""A whole bus with the plugin `amqp`, and its broker as a sender and a receiver see it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import Names
from appealbus.connectors.amqp.topology import bus_of
from appealbus.connectors.amqp.topology.by_amqp import declare
from appealbus.connectors.broker.broker import Broker, BrokerUnreachable, Delivered, Message, Properties, Published
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal import quarantine
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build, load_plugins
from tests.services.journals import sqlite_journal
from tests.services.rabbitmq import Vhost

NAMES = Names()
PATIENCE = 60


@dataclass
class Inbox:
    """What came into a queue."""

    got: list[Message] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, delivered: Delivered) -> None:
        self.got.append(delivered.message)
        delivered.ack()
        self._more.set()

    async def wait(self, count: int) -> list[Message]:
        async with asyncio.timeout(PATIENCE):
            while len(self.got) < count:
                self._more.clear()
                await self._more.wait()
        return self.got


@dataclass
class Flow:
    """A bus, and its broker as a sender and a receiver see it."""

    bus: Bus
    brokers: Brokers
    broker: Broker

    async def prepare(self) -> None:
        """Wait for the broker, and make what the bus needs there; one that has just started may hang up once more."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    assert await self.broker.up(PATIENCE)
                    if self.brokers.settings.brokers["main"].hosts:
                        assert await declare(self.broker, bus_of(self.brokers.names), lambda _: None) == []
                    return
                except BrokerUnreachable:
                    await asyncio.sleep(0.2)

    async def send(self, body: bytes, *, queue: str = NAMES.intake, **given: Any) -> None:
        assert await self.broker.publish(Message(body, Properties(**given), routing_key=queue)) is Published.CONFIRMED

    async def inbox(self, queue: str, exchange: str | None = None, key: str = "#") -> Inbox:
        inbox = Inbox()
        await self.broker.declare_queue(queue)
        if exchange is not None:
            await self.broker.bind_queue(queue, exchange, key)
        await self.broker.consume(queue, inbox.take, prefetch=10)
        return inbox

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait until a condition, which may be awaited, holds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                held = done()
                if await held if asyncio.iscoroutine(held) else held:
                    return
                await asyncio.sleep(0.02)

    async def reasons(self) -> list[str]:
        """Return why messages are in quarantine."""
        return [row.reason for row in await self.bus.journal.ask(quarantine.quarantined)]

    def counts(self, link: str) -> dict[str, int]:
        return dict(next(state.counts for state in self.bus.links() if state.name == link))


def body(message_id: str = "m-1", **given: Any) -> bytes:
    """Return an appeal as JSON."""
    return orjson.dumps({"message_id": message_id, "kind": "complaint", "applicant": {"type": "person"}, **given})


def table_of(vhost: Vhost) -> dict[str, Any]:
    """Return the table of a broker that is this virtual host of the private RabbitMQ."""
    return {
        "hosts": [f"127.0.0.1:{vhost.port}"],
        "virtual_host": vhost.name,
        "password": {"env": "PASSWORD"},
        "reconnect_max": "1s",
    }


Run = Callable[..., AbstractAsyncContextManager[Flow]]


@asynccontextmanager
async def running(
    folder: Path, table: dict[str, Any], *, doors: bool = True, up: bool = True, **tables: Any
) -> AsyncIterator[Flow]:
    """Run a bus with these tables beside the broker's."""
    document = {
        "bus": {"journal": sqlite_journal(folder / "journal.db"), "grace": 1, **tables.pop("bus", {})},
        "plugins": {"amqp": {"brokers": {"main": table}, **tables.pop("amqp", {})}},
        **tables,
    }
    loaded = from_document(document, folder, env={"PASSWORD": "guest"})
    host = load_plugins(loaded)
    parts = build(loaded, host)
    brokers = host.shared("amqp")
    assert isinstance(brokers, Brokers)
    broker = brokers.get()
    await brokers.start(broker)
    try:
        journal = await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file())
        try:
            await journal.hold_run_lock()
            bus = Bus(loaded, parts, journal)
            flow = Flow(bus, brokers, broker)
            if up:
                await flow.prepare()
            await bus.start()
            if doors:
                bus.open_doors()
            try:
                yield flow
            finally:
                await bus.stop()
        finally:
            await journal.close()
    finally:
        await brokers.close(broker)
