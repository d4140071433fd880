"""What a starting bus does about its topology."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings, Names
from appealbus.connectors.amqp.topology import answers_of, bus_of
from appealbus.connectors.amqp.topology.by_amqp import declare
from appealbus.connectors.broker.broker import Broker, Delivered, Message, Properties, Published
from appealbus.connectors.broker.rabbit import RabbitBroker
from appealbus.core import LinkState, LinkStatus
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost
from tests.services.taking import settings_of, take, until

from .conftest import Topology, rights

QUEUES = {"appealbus.intake", "appealbus.quarantine", "appealbus.unrouted", "appealbus.work"}


def brokers_at(vhost: Vhost, **more: object) -> Brokers:
    return Brokers(AmqpSettings(brokers={"main": settings_of(vhost, **more)}))


@asynccontextmanager
async def started(brokers: Brokers) -> AsyncIterator[Broker]:
    broker = brokers.get()
    await brokers.start(broker)
    try:
        yield broker
    finally:
        await brokers.close(broker)


def topology_link(brokers: Brokers) -> LinkState:
    return next(link for link in brokers.links(brokers.get()) if link.name == "main.topology")


def queues(vhost: Vhost) -> Mapping[str, str]:
    return {each["name"]: each["type"] for each in vhost.api("GET", "queues")}


async def test_what_is_missing_is_made_once_the_broker_is_there(vhost: Vhost) -> None:
    """However late that is; and what a part that starts later needs, too."""
    with FaultProxy(vhost.port) as proxy, capture_logs() as logs:
        proxy.refuse()
        brokers = brokers_at(vhost, hosts=[f"127.0.0.1:{proxy.port}"])
        async with started(brokers) as broker:
            assert topology_link(brokers).status is LinkStatus.CONNECTING
            proxy.heal()
            await until(lambda: topology_link(brokers).detail == "in order", "the topology is there")
            await brokers.start(broker, answers_of(brokers.names, "address"))
            answers = ("appealbus.answers.address", "appealbus.answers.address.dead")
            await until(lambda: all(f"'made queue {each}'" in str(logs) for each in answers), "queues of answers")
            await brokers.close(broker)
            assert {"main.consume", "main.publish"} < {link.name for link in brokers.links(broker)}
    assert queues(vhost) == dict.fromkeys([*QUEUES, *answers], "quorum")
    made = [each["detail"] for each in logs if each["event"] == "amqp.topology.made"]
    assert len(made) == len(set(made)) == 10


async def test_nothing_is_made_where_that_is_not_wanted(vhost: Vhost) -> None:
    with capture_logs() as logs:
        brokers = brokers_at(vhost, declare=False)
        async with started(brokers):
            await until(lambda: topology_link(brokers).status is LinkStatus.UP, "the topology was looked at")
            told = topology_link(brokers).detail
    assert told.startswith("exchange appealbus.dead is missing; run `appealbus topology apply` (and 7 more")
    assert [each["detail"] for each in logs if each["event"] == "amqp.topology.differs"] == [told]
    assert queues(vhost) == {}


async def test_what_is_declared_otherwise_is_told_and_not_fought(vhost: Vhost) -> None:
    with vhost.channel() as channel:
        channel.queue_declare("appealbus.work", durable=True)
    brokers = brokers_at(vhost)
    async with started(brokers):
        await until(lambda: topology_link(brokers).status is LinkStatus.UP, "the topology was looked at")
        assert topology_link(brokers).detail.startswith("queue appealbus.work is declared otherwise (")
    assert queues(vhost) == {**dict.fromkeys(QUEUES, "quorum"), "appealbus.work": "classic"}


async def test_without_the_right_to_configure_all_is_in_order(rabbit: Rabbit, vhost: Vhost) -> None:
    """Once an administrator has made it; until then it is told."""
    rabbit.user("reader", "guest")
    rabbit.permit("reader", vhost.name, *rights(declare=False))
    async with started(brokers_at(vhost)) as broker:
        assert await broker.up(60)
        assert await declare(broker, bus_of(Names()), lambda _: None) == []
    brokers = brokers_at(vhost, user="reader", declare=False)
    async with started(brokers):
        await until(lambda: topology_link(brokers).detail == "in order", "the topology is there")
        assert not topology_link(brokers).warning


async def test_with_the_api_missing_policies_are_told(vhost: Vhost) -> None:
    """An API that does not answer is told as well, and stops nothing."""
    brokers = brokers_at(vhost, management=f"http://127.0.0.1:{vhost.rabbit.management}")
    async with started(brokers):
        await until(lambda: "no policy sets" in topology_link(brokers).detail, "a finding")
    brokers = brokers_at(vhost, management="http://127.0.0.1:9")
    async with started(brokers):
        await until(lambda: "does not answer" in topology_link(brokers).detail, "a finding")
        assert topology_link(brokers).status is LinkStatus.UP


async def test_a_broker_in_memory_has_all_at_once() -> None:
    """With the limits, which are policies elsewhere; as often as it is started."""
    brokers = Brokers(AmqpSettings())
    async with started(brokers) as broker, started(brokers):
        await buried(broker)


async def test_limits_and_dead_letters_work_as_applied(vhost: Vhost, topology: Topology) -> None:
    """The same on RabbitMQ, with the policies that `topology apply` sets."""
    assert (await asyncio.to_thread(topology.run, "topology", "apply"))[0] == 0
    brokers = brokers_at(vhost)
    async with started(brokers) as broker:
        assert await broker.up(60)
        await buried(broker)


async def buried(broker: Broker) -> None:
    """Whatever the routing key, an appeal gets into the intake; what always comes back stays, what is rejected dies."""
    returned = [0]

    async def give_back(delivered: Delivered) -> None:
        returned[0] += 1
        # More often than RabbitMQ's own limit: who dies gives back what it never looked at.
        delivered.requeue() if returned[0] <= 25 else delivered.reject()

    message = Message(b"poison", exchange="appealbus.in", routing_key="no.such.key")
    assert await broker.publish(message) is Published.CONFIRMED
    consumer = await broker.consume("appealbus.intake", give_back, prefetch=1)
    (letter,) = await take(broker, "appealbus.quarantine", 1)
    await consumer.stop()
    reason, queue = (letter.properties.headers[f"x-first-death-{what}"] for what in ("reason", "queue"))
    assert (letter.body, reason, queue) == (b"poison", "rejected", "appealbus.intake")
    out = Message(b"dossier", exchange="appealbus.out", routing_key="dossier.complete.75")
    assert await broker.publish(out) is Published.UNROUTABLE


async def test_the_rights_that_the_documentation_gives_are_enough(rabbit: Rabbit, vhost: Vhost) -> None:
    """To make and use all of it, and to ask and answer over queues."""
    rabbit.user("appealbus", "guest")
    rabbit.permit("appealbus", vhost.name, *rights())
    with vhost.channel() as channel:
        channel.queue_declare("questions", durable=True)
    brokers = brokers_at(vhost, user="appealbus")
    guest = RabbitBroker("guest", settings_of(vhost))
    await guest.start()

    async def answer(delivered: Delivered) -> None:
        asked = delivered.message.properties
        reply = Message(b"!", Properties(correlation_id=asked.correlation_id), routing_key=asked.reply_to)
        await guest.publish(reply)
        delivered.ack()

    consumer = await guest.consume("questions", answer, prefetch=1)
    async with started(brokers) as broker:
        await until(lambda: topology_link(brokers).detail == "in order", "the topology is there")
        for exchange, key in (("appealbus.in", "any"), ("", "appealbus.work"), ("", "appealbus.intake")):
            assert await broker.publish(Message(b"x", exchange=exchange, routing_key=key)) is Published.CONFIRMED
        assert len(await take(broker, "appealbus.intake", 2)) == 2
        question = Message(b"?", Properties(correlation_id="c-1"), routing_key="questions")
        assert (await broker.request(question, 30)).body == b"!"
    await consumer.stop()
    await guest.close()
