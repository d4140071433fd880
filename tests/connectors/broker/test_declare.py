"""Exchanges, queues and bindings. On both brokers."""

import pytest

from appealbus.connectors.broker.broker import Argument, Broker, BrokerRefused, Message, Published
from tests.services.taking import take


async def test_declaring_again_is_nothing(broker: Broker) -> None:
    """Where it is the same."""
    for _ in range(2):
        await broker.declare_exchange("e", "topic", {"alternate-exchange": "other"})
        await broker.declare_queue("q", {"x-queue-type": "quorum", "x-dead-letter-exchange": "dead"})
        await broker.declare_exchange("other", "fanout")
        await broker.bind_queue("q", "e", "a.*")


async def test_a_queue_tells_what_it_holds(broker: Broker) -> None:
    """Messages that nobody has, and consumers."""
    info = await broker.declare_queue("q")
    assert (info.name, info.messages, info.consumers) == ("q", 0, 0)
    await broker.publish(Message(b"x", routing_key="q"))
    assert (await broker.declare_queue("q", passive=True)).messages == 1


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ({}, {"x-queue-type": "quorum"}),
        ({"x-queue-type": "quorum"}, {"x-queue-type": "classic"}),
        ({"x-max-length": 3}, {}),
        ({"x-max-length": 3}, {"x-max-length": 4}),
        ({}, {"x-dead-letter-exchange": "dead"}),
    ],
)
async def test_a_queue_that_differs_is_told(
    broker: Broker, there: dict[str, Argument], wanted: dict[str, Argument]
) -> None:
    """And left as it is."""
    await broker.declare_queue("q", there)
    await broker.publish(Message(b"x", routing_key="q"))
    with pytest.raises(BrokerRefused) as refused:
        await broker.declare_queue("q", wanted)
    assert refused.value.code == 406
    assert "q" in str(refused.value)
    assert (await broker.declare_queue("q", there)).messages == 1


async def test_an_exchange_that_differs_is_told(broker: Broker) -> None:
    await broker.declare_exchange("e", "topic")
    for kind, arguments in (("fanout", None), ("topic", {"alternate-exchange": "other"})):
        with pytest.raises(BrokerRefused) as refused:
            await broker.declare_exchange("e", kind, arguments)
        assert refused.value.code == 406


async def test_what_is_not_there_is_told(broker: Broker) -> None:
    """A passive look makes nothing."""
    await broker.declare_queue("q")
    await broker.declare_exchange("e", "direct")
    for asked in (
        broker.declare_queue("no-such-queue", passive=True),
        broker.declare_queue("no-such-queue", passive=True),
        broker.bind_queue("no-such-queue", "e", ""),
        broker.bind_queue("q", "no-such-exchange", ""),
    ):
        with pytest.raises(BrokerRefused) as refused:
            await asked
        assert refused.value.code == 404


async def test_a_refusal_does_not_harm_others(broker: Broker) -> None:
    """Consumers and publishers go on."""
    await broker.declare_queue("q")
    for _ in range(3):
        with pytest.raises(BrokerRefused):
            await broker.declare_queue("q", {"x-max-length": 1})
        assert await broker.publish(Message(b"x", routing_key="q")) is Published.CONFIRMED
    assert len(await take(broker, "q", 3)) == 3


async def test_a_name_too_long_is_refused(broker: Broker) -> None:
    """255 bytes, as AMQP has it."""
    with pytest.raises(BrokerRefused):
        await broker.declare_queue("q" * 256)


async def test_bindings_route(broker: Broker) -> None:
    """By kind of exchange."""
    for kind, key in (("fanout", "anything"), ("direct", "k"), ("topic", "k.1")):
        await broker.declare_exchange(kind, kind)
        await broker.declare_queue(f"q-{kind}")
        await broker.bind_queue(f"q-{kind}", kind, "k.*" if kind == "topic" else "k")
        assert await broker.publish(Message(b"x", exchange=kind, routing_key=key)) is Published.CONFIRMED
        assert len(await take(broker, f"q-{kind}", 1)) == 1
        other = await broker.publish(Message(b"x", exchange=kind, routing_key="else"))
        assert other is (Published.CONFIRMED if kind == "fanout" else Published.UNROUTABLE)
