"""The address register behind a queue, asked by the real connector: in memory and on RabbitMQ."""

import asyncio
import signal
import tomllib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from appealbus.connectors.amqp.agency import AgencySettings, AgencyWire
from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.connectors.amqp.topology import WantedTopology
from appealbus.connectors.broker.broker import Broker, Delivered, Message, Properties
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Call, CallFailed, Secret, Source
from appealbus.core.config.loading import from_document
from appealbus.plugins.address import register_lookups
from appealbus.plugins.address.lookups import REQUEST, CadastralNumberQuery, RkaQuery
from appealbus.plugins.address.settings import AddressSettings
from appealbus.simulator.addresses import Addresses
from appealbus.simulator.command import broker_at
from appealbus.simulator.population import Population
from appealbus.simulator.queueing import QueueAgency
from appealbus.simulator.server import Simulator
from appealbus.simulator.service import Stats
from appealbus.simulator.settings import AddressService, Kind, Misbehaviour, SimulatorSettings
from appealbus.simulator.sources import snippet
from tests.services.processes import PATIENCE
from tests.services.rabbitmq import Vhost
from tests.simulator.simulator_peer import SEED, SIZE
from tests.system.program import Program

BY_RKA, BY_NUMBER = register_lookups(AddressSettings())


@dataclass
class Peer:
    """Who asks the register."""

    simulator: Simulator
    broker: Broker
    wire: AgencyWire
    asked: int = 0

    def call(self, timeout: float = 20.0) -> Call:
        self.asked += 1
        return Call(f"question-{self.asked}", "TEST-1", timeout)

    async def ask(self, lookup: Any, query: Any, within: float = 20.0) -> Any:
        return await lookup.ask(query, Source("address", self.wire, self.call(within)))

    def misbehave(self, **rules: Any) -> None:
        self.simulator.misbehave("address", Misbehaviour(**rules))

    def parcel(self, index: int = 0) -> Any:
        return self.simulator.population.parcels.parcel(index)


def rabbit_at(vhost: Vhost) -> BrokerSettings:
    password = Secret(env="PASSWORD", environ={"PASSWORD": "guest"})
    return BrokerSettings(hosts=[f"127.0.0.1:{vhost.port}"], virtual_host=vhost.name, password=password)


@pytest.fixture(params=["memory", "rabbit"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    """A register that behaves well until told otherwise."""
    settings = rabbit_at(request.getfixturevalue("vhost")) if request.param == "rabbit" else None
    brokers = Brokers(AmqpSettings(brokers={"main": settings} if settings else {}))
    broker = brokers.get()
    await brokers.start(broker, WantedTopology())
    assert await broker.up(60)
    address = AddressService(broker=settings)
    async with Simulator(SimulatorSettings(seed=SEED, size=SIZE, address=address)) as simulator:
        if settings is None:
            await simulator.take_questions(broker)
        wire = AgencyWire("address", AgencySettings(queue=address.queue, limit=1024 * 1024), brokers)
        await wire.start()
        yield Peer(simulator, broker, wire)
        await wire.close()
    await brokers.close(broker)


async def test_it_agrees_with_the_cadastre(peer: Peer) -> None:
    """A parcel has the code and the address here that it has in ЕГКН, whichever way it is asked for."""
    for index in range(0, 200, 20):
        parcel = peer.parcel(index)
        by_number = (await peer.ask(BY_NUMBER, CadastralNumberQuery(cadastral_number=parcel.cadastral_number))).record
        by_rka = (await peer.ask(BY_RKA, RkaQuery(rka=parcel.rka))).record
        assert by_number == by_rka
        assert (by_rka.rka, by_rka.cadastral_number) == (parcel.rka, parcel.cadastral_number)
        assert (by_rka.full_ru, by_rka.full_kk) == (parcel.address_ru, parcel.address_kk)
        assert by_rka.parts[2].name_ru == parcel.place.name_ru
    assert (await peer.ask(BY_RKA, RkaQuery(rka="2201000000000002"))).kind.value == "not_found"
    asked = [row[1] for row in peer.simulator.stats.asked]
    assert asked == [f"question-{n}" for n in range(1, 22)]
    assert peer.simulator.stats.count("address") == 21


BAD = {
    Kind.FAULT: "amqp.unavailable.fault",
    Kind.HTTP_502: "amqp.unavailable.http_502",
    Kind.EMPTY: "amqp.empty",
    Kind.TRUNCATED: "xml.malformed",
    Kind.WRONG_TYPES: "reply.schema",
    Kind.WRONG_NAMESPACE: "reply.schema",
    Kind.OVERSIZED: "amqp.too_large",
    Kind.ENTITY_BOMB: "xml.doctype",
    Kind.SILENT: "amqp.timed_out",
    Kind.CUT: "amqp.timed_out",
    Kind.REPEATED: "amqp.timed_out",
}


@pytest.mark.proof
async def test_misbehaviour(peer: Peer) -> None:
    """Each kind of bad answer is met, and the next question is answered well."""
    query = CadastralNumberQuery(cadastral_number=peer.parcel().cadastral_number)
    for kind, told in BAD.items():
        peer.misbehave(**{kind.value: 1.0}, oversized_bytes=2 * 1024 * 1024)
        with pytest.raises(CallFailed) as caught:
            await peer.ask(BY_NUMBER, query, 0.5 if told == "amqp.timed_out" else 20.0)
        assert caught.value.code == told
        peer.misbehave()
        assert (await peer.ask(BY_NUMBER, query)).kind.value == "found"
        assert peer.simulator.stats.answers["address"][kind.value] == 1


async def test_another_address(peer: Peer) -> None:
    """The answer finds its question, and is about another parcel than was asked."""
    peer.misbehave(other_person=1.0)
    query = CadastralNumberQuery(cadastral_number=peer.parcel().cadastral_number)
    outcome = await peer.ask(BY_NUMBER, query)
    assert (outcome.kind.value, outcome.code) == ("invalid", "address.other_address")


async def test_one_answer_too_many(peer: Peer) -> None:
    """The second answer finds nobody; the question has had the first."""
    peer.misbehave(doubled=1.0)
    query = CadastralNumberQuery(cadastral_number=peer.parcel().cadastral_number)
    assert (await peer.ask(BY_NUMBER, query)).kind.value == "found"
    peer.misbehave()
    assert (await peer.ask(BY_NUMBER, query)).kind.value == "found"
    async with asyncio.timeout(PATIENCE):
        while not sum(
            link.counts.get(f"{how}_replies", 0) for how in ("late", "unknown") for link in peer.wire.links()
        ):
            await asyncio.sleep(0.02)


async def test_an_outage(peer: Peer) -> None:
    """Questions wait in the queue until it is over."""
    peer.misbehave(outages=[{"after": 0, "lasts": 0.5}])
    started = asyncio.get_running_loop().time()
    query = CadastralNumberQuery(cadastral_number=peer.parcel().cadastral_number)
    assert (await peer.ask(BY_NUMBER, query)).kind.value == "found"
    assert asyncio.get_running_loop().time() - started >= 0.4


@pytest.mark.proof
async def test_answers_that_take_hours_wait_with_the_broker(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many, and whoever answers then: a question held until its answer is due would be taken from it."""
    monkeypatch.setattr("appealbus.simulator.queueing._AT_ONCE", 2)
    settings = AddressService(queue="slow.questions", delay=2.0)
    said, stats = Counter[str](), Stats()

    async def hear(delivered: Delivered) -> None:
        said[delivered.message.properties.correlation_id] += 1
        delivered.ack()

    def agency() -> QueueAgency:
        return QueueAgency(settings, SEED, peer.simulator.population, stats, peer.broker)

    async def waiting() -> int:
        return (await peer.broker.declare_queue("slow.questions.waiting", passive=True)).messages

    await peer.broker.declare_queue("mine")
    mine = await peer.broker.consume("mine", hear, prefetch=1)
    first, second = agency(), agency()
    await first.start()
    started = asyncio.get_running_loop().time()
    for number in range(6):
        asked = Properties("m", f"c-{number}", "mine", "application/xml")
        await peer.broker.publish(Message(QUESTION, asked, "", settings.queue))
    async with asyncio.timeout(PATIENCE):
        while await waiting() < 6:
            await asyncio.sleep(0.02)
        await first.close()
        await second.start()
        while len(said) < 6:
            await asyncio.sleep(0.02)
    assert asyncio.get_running_loop().time() - started >= 1.9
    await second.close()
    await mine.stop(0)
    assert set(said.values()) == {1}
    assert (len(stats.asked), stats.count("address"), await waiting()) == (6, 6, 0)


QUESTION = f"<a:Request xmlns:a='{REQUEST[1:].partition('}')[0]}'><RCA>2201000000000001</RCA></a:Request>".encode()


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (QUESTION, {"message_id": "", "content_type": "application/xml"}),
        (QUESTION, {"message_id": "m", "content_type": "text/plain"}),
        (b"<Request/>", {"message_id": "m", "content_type": "application/xml"}),
        (b"<!DOCTYPE a []><a/>", {"message_id": "m", "content_type": "application/xml"}),
    ],
)
async def test_it_is_strict(peer: Peer, body: bytes, properties: dict[str, str]) -> None:
    """A question that breaks the contract is answered so, and counted."""
    said: asyncio.Queue[Message] = asyncio.Queue()

    async def hear(delivered: Delivered) -> None:
        said.put_nowait(delivered.message)
        delivered.ack()

    await peer.broker.declare_queue("mine")
    mine = await peer.broker.consume("mine", hear, prefetch=1)
    asked = Properties(correlation_id="c", reply_to="mine", **properties)  # type: ignore[arg-type]
    await peer.broker.publish(Message(body, asked, "", "address.questions"))
    async with asyncio.timeout(PATIENCE):
        answer = await said.get()
    await mine.stop(0)
    assert (answer.properties.correlation_id, dict(answer.properties.headers)) == (
        "c",
        {"outcome": "invalid", "code": "question"},
    )
    assert peer.simulator.stats.refusals == {"queue.question": 1}


def test_every_address_can_be_found(population: Population) -> None:
    """Each code that the other registers give leads to an address, whole and of its kind; others lead nowhere."""
    addresses = Addresses(population)
    for index in range(0, 500, 7):
        home = population.persons.person(index).address
        seat = population.organisations.organisation(index % population.organisations.size).address
        for told in (home, seat):
            assert told is not None
            assert told.rka is not None
            found = addresses.by_rka(told.rka)
            assert found is not None
            assert (found.rka, found.kind.code in "23", bool(found.full_ru), found.actual) == (
                told.rka,
                True,
                True,
                True,
            )
            assert found.kato is not None
            assert len(found.parts) == 4
    for nothing in ("", "2201000000000002", "2201999999999999", "9901000000000001", "22010000000000\u0661\u0661"):
        assert addresses.by_rka(nothing) is None


async def test_the_command(vhost: Vhost, population: Population, tmp_path: Path) -> None:
    """`appealbus simulate --amqp` answers on a real broker; told to stop, it goes."""
    url = f"amqp://guest@127.0.0.1:{vhost.port}/{vhost.name}"
    options = ("--port", "0", "--seed", str(SEED), "--size", str(SIZE), "--amqp", url)
    brokers = Brokers(AmqpSettings(brokers={"main": rabbit_at(vhost)}))
    wire = AgencyWire("address", AgencySettings(queue="address.questions"), brokers)
    with Program(tmp_path, "simulate", *options) as program:
        program.until(lambda: "hosts =" in program.out, "it says how to ask it")
        await wire.start()
        try:
            parcel = population.parcels.parcel(1)
            query = CadastralNumberQuery(cadastral_number=parcel.cadastral_number)
            outcome = await BY_NUMBER.ask(query, Source("address", wire, Call("q-1", "TEST-1", 30.0)))
            assert outcome.record is not None
            assert outcome.record.rka == parcel.rka  # type: ignore[union-attr]
            program.process.send_signal(signal.SIGTERM)
            assert program.process.wait(30) == 0
        finally:
            await wire.close()


def test_the_broker_of_the_command_line() -> None:
    """A URL without a password; what it prints can be pasted."""
    made = broker_at("amqp://ar@rabbit.example:5673/state%2Far", {})
    assert (made.hosts, made.virtual_host, made.user) == (["rabbit.example:5673"], "state/ar", "ar")
    assert made.password is not None
    assert made.password.get() == "guest"
    assert broker_at("amqp://h", {"SIMULATOR_AMQP_PASSWORD": "s"}).virtual_host == "/"
    for wrong in ("http://h", "amqp://", "amqp://u:secret@h", "amqp://h:x/"):
        with pytest.raises(typer.BadParameter):
            broker_at(wrong, {})
    told = snippet(SimulatorSettings(address=AddressService(broker=made, delay=5.0)), "http://127.0.0.1:1/")
    document = tomllib.loads(told)
    assert document["sources"]["address"] == {"connector": "amqp", "queue": "address.questions", "answers": True}
    loaded = from_document(document, None)  # type: ignore[arg-type]
    parsed = loaded.validate(AmqpSettings, "plugins", "amqp").brokers["main"]
    assert (parsed.hosts, parsed.virtual_host, parsed.user) == (made.hosts, made.virtual_host, made.user)
