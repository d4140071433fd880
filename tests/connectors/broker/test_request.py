"""Requests and their replies. On both brokers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from appealbus.connectors.broker.broker import (
    Broker,
    BrokerRefused,
    BrokerUnreachable,
    Consumer,
    Delivered,
    Message,
    Properties,
    Published,
    RequestTimedOut,
    RequestUnroutable,
)
from tests.services.processes import PATIENCE
from tests.services.taking import until

Serve = Callable[[Callable[[Message], Awaitable[bytes | None]]], Awaitable[Consumer]]


def asking(number: str, body: bytes = b"?", queue: str = "service") -> Message:
    return Message(body, Properties(correlation_id=number), routing_key=queue)


@pytest.fixture
async def serve(broker: Broker) -> AsyncIterator[Serve]:
    """Yield a function that starts a service; it answers with what its function returns, or not at all."""
    consumers: list[Consumer] = []

    async def start(answer: Callable[[Message], Awaitable[bytes | None]]) -> Consumer:
        async def handle(delivered: Delivered) -> None:
            asked = delivered.message
            said = await answer(asked)
            if said is not None:
                properties = Properties(correlation_id=asked.properties.correlation_id)
                await broker.publish(Message(said, properties, routing_key=asked.properties.reply_to))
            delivered.ack()

        await broker.declare_queue("service")
        consumers.append(await broker.consume("service", handle, prefetch=100))
        return consumers[-1]

    yield start
    for consumer in consumers:
        await consumer.stop(0.1)


def counted(broker: Broker, what: str) -> int:
    return sum(link.counts.get(what, 0) for link in broker.links())


async def test_each_gets_its_own_reply(broker: Broker, serve: Serve) -> None:
    """Whatever the order in which they come."""

    async def answer(asked: Message) -> bytes:
        await asyncio.sleep(int(asked.body) % 7 / 100)
        return b"re:" + asked.body

    await serve(answer)
    replies = await asyncio.gather(
        *(broker.request(asking(f"c{each}", str(each).encode()), within=60) for each in range(200))
    )
    assert [reply.body for reply in replies] == [f"re:{each}".encode() for each in range(200)]
    assert [reply.properties.correlation_id for reply in replies] == [f"c{each}" for each in range(200)]


async def test_the_deadline_goes_with_the_request(broker: Broker, serve: Serve) -> None:
    """As its expiration, so that nobody works for nobody."""
    seen: list[Message] = []

    async def answer(asked: Message) -> bytes:
        seen.append(asked)
        return b"!"

    await serve(answer)
    await broker.request(asking("c1"), within=30)
    assert seen[0].properties.expiration is not None
    assert 0 < seen[0].properties.expiration <= 30
    assert seen[0].properties.reply_to


async def test_no_service_is_told_at_once(broker: Broker) -> None:
    """Not after the time is up."""
    began = time.monotonic()
    with pytest.raises(RequestUnroutable):
        await broker.request(asking("c1", queue="no-such-service"), within=300)
    assert time.monotonic() - began < 60


async def test_a_missing_exchange_is_told(broker: Broker) -> None:
    with pytest.raises(BrokerRefused):
        await broker.request(replace(asking("c1"), exchange="no-such-exchange"), within=60)


async def test_no_reply_in_time(broker: Broker, serve: Serve) -> None:
    """A reply that comes when nobody waits any more is counted, and harms nobody."""
    go = asyncio.Event()

    async def answer(asked: Message) -> bytes:
        if asked.body == b"slow":
            await go.wait()
        return b"re:" + asked.body

    await serve(answer)
    assert (await broker.request(asking("c0", b"quick"), within=60)).body == b"re:quick"
    with pytest.raises(RequestTimedOut):
        await broker.request(asking("c1", b"slow"), within=1)
    go.set()
    await until(lambda: counted(broker, "late_replies") == 1, "the late reply is counted")
    assert (await broker.request(asking("c2", b"quick"), within=60)).body == b"re:quick"
    assert counted(broker, "unknown_replies") == 0


async def test_a_reply_that_nobody_asked_for_is_counted(broker: Broker, serve: Serve) -> None:
    """As unknown, and so is the second reply to a request."""
    asked_at = ""

    async def answer(asked: Message) -> bytes:
        nonlocal asked_at
        asked_at = asked.properties.reply_to
        return b"!"

    await serve(answer)
    assert (await broker.request(asking("c1"), within=60)).body == b"!"
    for number in ("made-up", "", "c1"):
        other = Message(b"!", Properties(correlation_id=number), routing_key=asked_at)
        assert await broker.publish(other) is Published.CONFIRMED
    await until(lambda: counted(broker, "unknown_replies") == 3, "all three are counted")
    assert counted(broker, "late_replies") == 0


async def test_a_request_expires(broker: Broker) -> None:
    """A service that comes back does not find requests that nobody waits for."""
    await broker.declare_queue("service")
    with pytest.raises(RequestTimedOut):
        await broker.request(asking("c1"), within=0.5)
    await asyncio.sleep(0.5)
    got: list[Message] = []

    async def handle(delivered: Delivered) -> None:
        got.append(delivered.message)
        delivered.ack()

    consumer = await broker.consume("service", handle, prefetch=1)
    await until(lambda: consumer.idle, "it stands")
    await broker.publish(Message(b"marker", routing_key="service"))
    await until(lambda: got, "something came")
    await consumer.stop()
    assert [message.body for message in got] == [b"marker"]


async def test_closing_tells_all_who_wait(broker: Broker) -> None:
    """They do not wait for their time to be up."""
    await broker.declare_queue("service")
    waiting = [asyncio.create_task(broker.request(asking(f"c{each}"), within=300)) for each in range(5)]
    async with asyncio.timeout(PATIENCE):
        while (await broker.declare_queue("service", passive=True)).messages < 5:
            await asyncio.sleep(0.05)
        await broker.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [BrokerUnreachable] * 5
    await broker.start()


@pytest.mark.parametrize("number", ["", "c1"], ids=["none", "another's"])
async def test_a_correlation_id_of_its_own_is_needed(broker: Broker, number: str) -> None:
    """Otherwise a reply could go to the wrong one."""
    await broker.declare_queue("service")
    first = asyncio.create_task(broker.request(asking("c1"), within=300))
    async with asyncio.timeout(PATIENCE):
        while (await broker.declare_queue("service", passive=True)).messages < 1:
            await asyncio.sleep(0.05)
    with pytest.raises(ValueError, match="correlation"):
        await broker.request(asking(number), within=60)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
