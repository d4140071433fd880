"""What becomes of a message that is published. On both brokers."""

import asyncio
from datetime import UTC, datetime

import pytest

from appealbus.connectors.broker.broker import Broker, Message, Properties, Published
from tests.services.taking import take


async def test_what_is_said_arrives(broker: Broker) -> None:
    """Body, properties and headers are the same on the other side."""
    sent = Message(
        "обращение".encode(),
        Properties(
            message_id="m-1",
            correlation_id="c-1",
            reply_to="replies",
            content_type="application/json",
            type="appeal",
            app_id="tests",
            expiration=60.0,
            priority=3,
            timestamp=datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC),
            persistent=True,
            headers={"x-number": "2026-000042", "x-version": 2, "x-large": 2**40, "x-complete": True, "x-none": None},
        ),
        routing_key="q",
    )
    await broker.declare_queue("q")
    assert await broker.publish(sent) is Published.CONFIRMED
    (came,) = await take(broker, "q", 1)
    assert came.body == sent.body
    assert came.properties == sent.properties
    assert came.routing_key == "q"


async def test_an_empty_message_arrives(broker: Broker) -> None:
    """Neither a body nor properties are needed."""
    await broker.declare_queue("q")
    assert await broker.publish(Message(b"", routing_key="q")) is Published.CONFIRMED
    (came,) = await take(broker, "q", 1)
    assert came.body == b""
    assert came.properties == Properties()


async def test_order_is_kept(broker: Broker) -> None:
    """What one task publishes after another comes in that order."""
    await broker.declare_queue("q")
    for number in range(20):
        await broker.publish(Message(str(number).encode(), routing_key="q"))
    assert [int(each.body) for each in await take(broker, "q", 20)] == list(range(20))


async def test_what_nobody_wants_is_told(broker: Broker) -> None:
    """Whoever did not ask to know is told that it is confirmed."""
    await broker.declare_exchange("e", "topic")
    for lost in (Message(b"x", routing_key="no-such-queue"), Message(b"x", exchange="e", routing_key="a.b")):
        assert await broker.publish(lost) is Published.UNROUTABLE
        assert await broker.publish(lost, mandatory=False) is Published.CONFIRMED


async def test_unroutable_among_many_is_the_right_one(broker: Broker) -> None:
    """Results are not mixed up when a thousand messages are under way, even where they are alike."""
    await broker.declare_queue("q")
    keys = ["q" if number % 3 else "no-such-queue" for number in range(1000)]
    results = await asyncio.gather(*(broker.publish(Message(b"same", routing_key=key)) for key in keys))
    assert results == [Published.CONFIRMED if key == "q" else Published.UNROUTABLE for key in keys]


async def test_of_many_together_each_gets_its_own_word(broker: Broker) -> None:
    """In the order in which they were given, more than the window holds, whatever became of the others."""
    await broker.declare_queue("q")
    kinds = {
        Published.CONFIRMED: Message(b"good", routing_key="q"),
        Published.UNROUTABLE: Message(b"lost", routing_key="no-such-queue"),
        Published.REFUSED: Message(b"bad", exchange="no-such-exchange", routing_key="q"),
        Published.UNFIT: Message(b"long", routing_key="q" * 256),
    }
    wanted = [Published.CONFIRMED] * 700 + list(kinds) + [Published.CONFIRMED] * 20
    assert await broker.publish_all([kinds[each] for each in wanted], within=60) == wanted
    assert [each.body for each in await take(broker, "q", 721)] == [b"good"] * 721
    assert await broker.publish_all([]) == []


async def test_a_missing_exchange_refuses(broker: Broker) -> None:
    """It does no harm to what is published elsewhere meanwhile."""
    await broker.declare_queue("q")
    bad = [broker.publish(Message(b"x", exchange="no-such-exchange", routing_key="q")) for _ in range(5)]
    good = [broker.publish(Message(b"x", routing_key="q")) for _ in range(50)]
    results = await asyncio.gather(*bad, *good)
    assert results == [Published.REFUSED] * 5 + [Published.CONFIRMED] * 50
    assert (await broker.declare_queue("q", passive=True)).messages == 50


async def test_an_exchange_that_is_made_later_takes(broker: Broker) -> None:
    """A refusal is not for ever."""
    message = Message(b"x", exchange="late", routing_key="")
    assert await broker.publish(message) is Published.REFUSED
    await broker.declare_exchange("late", "fanout")
    await broker.declare_queue("q")
    await broker.bind_queue("q", "late", "")
    assert await broker.publish(message, within=60) is Published.CONFIRMED


async def test_too_large_is_refused(broker: Broker) -> None:
    """Before it is sent; what is just small enough goes through."""
    await broker.declare_queue("q")
    limit = 16 * 1024 * 1024
    assert await broker.publish(Message(bytes(limit + 1), routing_key="q")) is Published.UNFIT
    assert await broker.publish(Message(bytes(limit), routing_key="q"), within=60) is Published.CONFIRMED


@pytest.mark.parametrize(
    "message",
    [
        Message(b"x", Properties(message_id="ы" * 200), routing_key="q"),
        Message(b"x", routing_key="q" * 256),
    ],
    ids=["property", "routing key"],
)
async def test_a_text_too_long_for_amqp_is_refused(broker: Broker, message: Message) -> None:
    """255 bytes; what follows is not harmed."""
    await broker.declare_queue("q")
    assert await broker.publish(message) is Published.UNFIT
    assert await broker.publish(Message(b"x", routing_key="q")) is Published.CONFIRMED


async def test_who_stops_waiting_does_no_harm(broker: Broker) -> None:
    """A cancelled publisher gives its place back."""
    await broker.declare_queue("q")
    tasks = [asyncio.create_task(broker.publish(Message(b"x", routing_key="q"))) for _ in range(700)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    results = await asyncio.gather(*(broker.publish(Message(b"x", routing_key="q"), within=60) for _ in range(1500)))
    assert set(results) == {Published.CONFIRMED}


async def test_a_closed_broker_takes_nothing(broker: Broker) -> None:
    """Publishing never raises."""
    await broker.declare_queue("q")
    await broker.start()
    await broker.close()
    assert await broker.publish(Message(b"x", routing_key="q")) is Published.CONFIRMED  # one user is left
    await broker.close()
    assert await broker.publish(Message(b"x", routing_key="q")) is Published.UNREACHABLE
    assert await broker.publish_all([Message(b"x", routing_key="q")] * 2) == [Published.UNREACHABLE] * 2
    assert await broker.up(0.1) is False
    await broker.start()
    assert await broker.up(60)
