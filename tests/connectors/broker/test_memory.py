"""What the broker in memory does beyond the suite that it shares with RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest

from appealbus.connectors.broker.broker import (
    BrokerRefused,
    BrokerUnreachable,
    Delivered,
    Message,
    Properties,
    Published,
    RequestTimedOut,
)
from appealbus.connectors.broker.memory import MemoryBroker
from appealbus.connectors.broker.memory.queue import LENGTH
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import LinkStatus
from tests.services.taking import take, until

SETTINGS = BrokerSettings(largest_message=1024 * 1024)
WHO = ContextVar("WHO", default="nobody")


@pytest.fixture
async def twin() -> AsyncIterator[MemoryBroker]:
    made = MemoryBroker("main", SETTINGS)
    await made.start()
    await made.declare_queue("q")
    yield made
    await made.close()


def message(body: bytes, priority: int | None = None) -> Message:
    return Message(body, Properties(priority=priority), routing_key="q")


async def test_the_more_urgent_comes_first_and_among_equals_the_older(twin: MemoryBroker) -> None:
    for body, priority in ((b"1", None), (b"2", 5), (b"3", 9), (b"4", 5), (b"5", 0)):
        await twin.publish(message(body, priority))
    assert [each.body for each in await take(twin, "q", 5)] == [b"3", b"2", b"4", b"1", b"5"]


async def test_what_is_given_back_keeps_its_place(twin: MemoryBroker) -> None:
    seen: list[tuple[bytes, bool, int]] = []

    async def handle(delivered: Delivered) -> None:
        seen.append((delivered.message.body, delivered.redelivered, delivered.attempts))
        _ = delivered.requeue() if len(seen) == 1 else delivered.ack()

    for body in (b"1", b"2"):
        await twin.publish(message(body))
    consumer = await twin.consume("q", handle, prefetch=1)
    await until(lambda: len(seen) == 3, "three deliveries")
    await consumer.stop()
    assert seen == [(b"1", False, 0), (b"1", True, 1), (b"2", False, 0)]


async def test_a_queue_without_limits_is_full_at_last(twin: MemoryBroker) -> None:
    """Memory is bounded by count and by bytes, and nothing that was confirmed is lost."""
    results = [await twin.publish(message(b"")) for _ in range(LENGTH + 1)]
    assert results == [Published.CONFIRMED] * LENGTH + [Published.REFUSED]
    await twin.declare_queue("large")
    large = Message(bytes(1024 * 1024), routing_key="large")
    results = [await twin.publish(large) for _ in range(65)]
    assert results == [Published.CONFIRMED] * 64 + [Published.REFUSED]
    assert await twin.publish(Message(bytes(1024 * 1024 + 1), routing_key="large")) is Published.UNFIT


async def test_messages_outlive_the_connections(twin: MemoryBroker) -> None:
    """As in a broker; a handler that did not end gives its message back."""
    began = asyncio.Event()

    async def hang(delivered: Delivered) -> None:
        began.set()
        await asyncio.Event().wait()

    await twin.start()
    await twin.publish(message(b"kept"))
    await twin.consume("q", hang, prefetch=1)
    await began.wait()
    await twin.close()
    assert twin.links()[0].status is LinkStatus.UP
    await twin.close()
    assert not await twin.up(0)
    assert twin.links() == ()
    assert await twin.publish(message(b"x")) is Published.UNREACHABLE
    with pytest.raises(BrokerUnreachable):
        await twin.declare_queue("q")
    with pytest.raises(BrokerUnreachable):
        await twin.consume("q", hang, prefetch=1)
    await twin.start()
    assert [each.body for each in await take(twin, "q", 1)] == [b"kept"]


def test_a_broker_goes_from_one_loop_to_the_next() -> None:
    """Commands run a loop each; timers of the first must not reach the second."""
    broker = MemoryBroker("main", SETTINGS)

    async def leave() -> None:
        await broker.start()
        await broker.declare_queue("q", {"x-message-ttl": 1})
        await broker.publish(message(b"x"))
        await broker.close()

    async def look() -> int:
        await broker.start()
        await asyncio.sleep(0.01)
        found = (await broker.declare_queue("q", {"x-message-ttl": 1})).messages
        await broker.close()
        return found

    asyncio.run(leave())
    assert asyncio.run(look()) == 0


async def test_a_handler_does_not_inherit_what_the_publisher_has_bound(twin: MemoryBroker) -> None:
    seen: list[str] = []

    async def handle(delivered: Delivered) -> None:
        seen.append(WHO.get())
        delivered.ack()

    WHO.set("consumer")
    consumer = await twin.consume("q", handle, prefetch=1)
    WHO.set("publisher")
    await twin.publish(message(b"x"))
    await until(lambda: seen, "a delivery")
    await consumer.stop()
    assert seen == ["consumer"]


async def test_two_consumers_share_a_queue_in_turn(twin: MemoryBroker) -> None:
    seen: list[str] = []

    async def one(delivered: Delivered) -> None:
        seen.append("one")
        delivered.ack()

    async def two(delivered: Delivered) -> None:
        seen.append("two")
        delivered.ack()

    consumers = [await twin.consume("q", handler, prefetch=5) for handler in (one, two)]
    for _ in range(4):
        await twin.publish(message(b"x"))
    await until(lambda: len(seen) == 4, "four deliveries")
    for consumer in consumers:
        await consumer.stop()
    assert sorted(seen) == ["one", "one", "two", "two"]


async def test_a_missing_queue_is_told_and_waited_for(twin: MemoryBroker) -> None:
    seen: list[bytes] = []

    async def handle(delivered: Delivered) -> None:
        seen.append(delivered.message.body)
        delivered.ack()

    consumer = await twin.consume("later", handle, prefetch=1)
    assert not consumer.idle
    assert consumer.trouble == (LinkStatus.REFUSED, "later: there is no such queue")
    await twin.declare_queue("later")
    await twin.publish(Message(b"x", routing_key="later"))
    await until(lambda: seen and consumer.idle, "a delivery")
    assert consumer.trouble is None
    await consumer.stop()


async def test_what_rabbitmq_would_not_declare_is_not_declared_here(twin: MemoryBroker) -> None:
    await twin.declare_queue("q", {"x-queue-type": "classic"})
    for code, declare in (
        (406, twin.declare_queue("other", {"x-queue-type": "quorum", "x-max-priority": 9})),
        (403, twin.declare_queue("amq.mine")),
        (403, twin.declare_exchange("", "direct")),
        (503, twin.declare_exchange("in", "topical")),
    ):
        with pytest.raises(BrokerRefused) as refused:
            await declare
        assert refused.value.code == code


async def test_late_and_unknown_replies_are_counted(twin: MemoryBroker) -> None:
    held: list[Delivered] = []

    async def handle(delivered: Delivered) -> None:
        held.append(delivered)

    consumer = await twin.consume("q", handle, prefetch=1)
    question = Message(b"?", Properties(correlation_id="c-1"), routing_key="q")
    with pytest.raises(RequestTimedOut):
        await twin.request(question, 0.01)
    asked = held[0].message.properties
    assert asked.expiration == pytest.approx(0.01)
    for correlation in ("c-1", "c-2"):
        await twin.publish(Message(b"!", Properties(correlation_id=correlation), routing_key=asked.reply_to))
    held[0].ack()
    await consumer.stop()
    counts = twin.links()[0].counts
    assert (counts["late_replies"], counts["unknown_replies"]) == (1, 1)
