"""A queue's agency for tests: it answers as it is told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from lxml import etree

from appealbus.connectors.amqp.agency import AgencySettings, AgencyWire
from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.broker.broker import Consumer, Delivered, Message, Properties
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Factory, From, Lookup, Outcome, Query, Request, Secret, Source, found, not_found
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.loading.parts import build
from appealbus.core.replies.xmlread import element_of, text
from appealbus.schemas import Record
from tests.services.journals import sqlite_journal
from tests.services.rabbitmq import Vhost

QUEUE = "register.questions"
Answering = Callable[[Message], Message | None]


class Agency:
    """Takes questions from its queue, and answers each as `answer` says; None: not at all."""

    consumer: Consumer

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers
        self.broker = brokers.get()
        self.asked: list[Message] = []
        self.answer: Answering = lambda asked: None

    async def open(self) -> None:
        await self.broker.declare_queue(QUEUE)
        self.consumer = await self.broker.consume(QUEUE, self._serve, prefetch=10)

    async def _serve(self, delivered: Delivered) -> None:
        asked = delivered.message
        self.asked.append(asked)
        reply = self.answer(asked)
        if reply is not None:
            await self.say(reply, asked)
        delivered.ack()

    async def say(self, reply: Message, asked: Message) -> None:
        """Send an answer to where the question says."""
        await self.broker.publish(Message(reply.body, reply.properties, "", asked.properties.reply_to))


def reply_to(asked: Message, body: bytes = b"<a/>", content_type: str = "application/xml", **headers: Any) -> Message:
    """Return an answer to a question."""
    properties = Properties(
        message_id="theirs-1",
        correlation_id=asked.properties.correlation_id,
        content_type=content_type,
        headers=headers,
    )
    return Message(body, properties)


def settings_of(vhost: Vhost) -> BrokerSettings:
    """Return the settings with which `guest` reaches a virtual host of the private broker."""
    return settings_at(vhost.port, vhost.name)


def settings_at(port: int, name: str) -> BrokerSettings:
    """Return the settings of a virtual host at a port of this machine."""
    given = {"hosts": [f"127.0.0.1:{port}"], "virtual_host": name, "reconnect_max": 1.0}
    return BrokerSettings.model_validate({**given, "password": Secret(env="PASSWORD", environ={"PASSWORD": "guest"})})


class Town(Record):
    """A record for tests."""

    type: Literal["test.Town"] = "test.Town"
    name: str


class TownQuery(Query):
    """What it is asked by."""

    number: Annotated[str, From("repeats[*]")]


class TownByNumber(Lookup[TownQuery, Town]):
    """Which town it is."""

    name = "register.town"
    purpose = "a test"

    async def ask(self, query: TownQuery, source: Source) -> Outcome[Record]:
        """Ask."""
        question = etree.Element("q")
        question.text = query.number
        name = text(element_of(await source.call(Request(question))), "name")
        return found(Town(name=name)) if name else not_found()


@asynccontextmanager
async def asking_bus(folder: Path, brokers: Brokers, **settings: Any) -> AsyncIterator[Bus]:
    """Run a bus that asks the agency for towns, over a real journal in the folder."""
    source = {"connector": "amqp", "queue": QUEUE, "guard": {"attempts": 1}, **settings}
    document = {
        "bus": {"journal": sqlite_journal(folder / "journal.db"), "grace": 1},
        "sources": {"register": source},
        "retry": {"first": "50ms", "max": "50ms"},
    }
    loaded = from_document(document, folder)
    host = Host(lambda name, model: model())
    connector = Factory("amqp", AgencySettings, partial(AgencyWire, brokers=brokers))
    brought = {"connectors": [connector], "lookups": [TownByNumber()]}
    host.plugins.append(Plugin("test", "1", "test", brought=brought))
    async with await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file()) as journal:
        await journal.hold_run_lock()
        bus = Bus(loaded, build(loaded, host), journal)
        await bus.start()
        try:
            yield bus
        finally:
            await bus.stop()
