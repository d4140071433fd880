"""Channels that end while the connection lives, and a broker that takes nothing."""

import asyncio
import struct
from typing import Any

import pika
import pytest
from structlog.testing import capture_logs

from appealbus.connectors.broker.broker import (
    BrokerUnreachable,
    Delivered,
    Message,
    Properties,
    Published,
    RequestTimedOut,
)
from appealbus.connectors.broker.rabbit import consumer as consumers
from appealbus.connectors.broker.rabbit.consumer import RabbitConsumer
from appealbus.core import LinkStatus
from tests.services.processes import PATIENCE
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost

from .conftest import Open
from .helpers import Taker, link, through, to, until


async def test_a_deleted_queue_is_told_and_waited_for(connect: Open, vhost: Vhost) -> None:
    """The subscription comes back with the queue, and meanwhile says what is wrong; the link stands."""
    broker = await connect()
    await broker.declare_queue("q")
    taker = Taker()
    consumer = await broker.consume("q", taker, prefetch=5)
    await until(lambda: consumer.idle, "it stands")
    vhost.api("DELETE", "queues/q")
    await until(lambda: consumer.trouble, "it is told")
    assert consumer.trouble is not None
    assert consumer.trouble[0] is LinkStatus.REFUSED
    assert consumer.trouble[1].startswith("q: ")
    assert not consumer.idle
    assert link(broker, "consume").status is LinkStatus.UP
    await broker.declare_queue("q")
    await until(lambda: consumer.idle, "it stands again")
    assert consumer.trouble is None
    await broker.publish(to("q"))
    await until(lambda: taker.bodies, "it is handled")
    assert link(broker, "consume").reconnects == 0


async def test_a_closed_channel_is_the_same(connect: Open) -> None:
    """As after an acknowledgement that the broker does not know: 406. The other subscriptions go on."""
    broker = await connect()
    takers = [Taker(), Taker()]
    for number, taker in enumerate(takers):
        await broker.declare_queue(f"q{number}")
        await broker.publish(to(f"q{number}", b"1"))
        await broker.consume(f"q{number}", taker, prefetch=5)
    opened = broker._open
    assert opened is not None
    await until(lambda: all(taker.bodies for taker in takers), "both have one")
    channels = [consumer._channel for consumer in opened.consumers]
    assert channels[0] is not None
    channels[0].raw.basic_ack(999_999)
    await until(lambda: not channels[0].is_open, "the channel is closed")  # type: ignore[union-attr]
    for number in (0, 1):
        assert await broker.publish(to(f"q{number}", b"2")) is Published.CONFIRMED
    await until(lambda: all(taker.bodies == [b"1", b"2"] for taker in takers), "both have two")
    assert opened.consumers[1]._channel is channels[1]


async def test_settling_on_a_channel_that_is_gone_does_nothing(connect: Open, proxy: FaultProxy) -> None:
    """The message has come again by then, under a number that may mean another one: at most prefetch at once still."""
    broker = await connect(**through(proxy))
    await broker.declare_queue("q")
    await broker.publish(to("q", b"1"))
    await broker.publish(to("q", b"2"))
    held: list[Delivered] = []
    at_work, most = 0, 0
    go = asyncio.Event()

    async def handle(delivered: Delivered) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        held.append(delivered)
        if len(held) <= 2:
            await go.wait()
        at_work -= 1
        if len(held) > 2:
            delivered.ack()

    await broker.consume("q", handle, prefetch=2)
    await until(lambda: len(held) == 2, "both are held")
    await asyncio.to_thread(proxy.cut)
    await until(lambda: link(broker, "consume").reconnects == 1, "it is back")
    await asyncio.sleep(0.5)
    assert len(held) == 2
    assert [each.ack() for each in held] == [False, False]
    assert [each.reject() for each in held] == [False, False]
    go.set()
    await until(lambda: len(held) == 4, "both came again")
    assert most == 2
    assert all(each.redelivered for each in held[2:])
    await until(lambda: at_work == 0, "all is done")
    assert (await broker.declare_queue("q", passive=True)).messages == 0


@pytest.mark.proof
async def test_a_message_held_too_long_is_told(connect: Open, rabbit: Rabbit) -> None:
    """4.0 closes the channel, 4.3 cancels the consumer of a quorum queue: the same to us."""
    rabbit.eval("application:set_env(rabbit, channel_tick_interval, 1000).")
    broker = await connect()
    await broker.declare_queue("q", {"x-queue-type": "quorum", "x-consumer-timeout": 1000})
    await broker.publish(to("q"))
    said: list[bool] = []

    async def handle(delivered: Delivered) -> None:
        if not said:
            await until(lambda: consumer.trouble, "it is told")
        said.append(delivered.ack())

    with capture_logs() as logs:
        consumer = await broker.consume("q", handle, prefetch=1)
        await until(lambda: len(said) == 2, "it came again")
    assert said == [False, True]
    (line,) = [line for line in logs if line["event"] == "amqp.subscription.lost"]
    assert "held" in line["detail"]
    await until(lambda: consumer.idle, "it stands")
    rabbit.eval("application:set_env(rabbit, channel_tick_interval, 60000).")


async def test_a_blocked_broker_is_waited_for(connect: Open, rabbit: Rabbit) -> None:
    """Consuming goes on, and what cannot be published in time is told."""
    broker = await connect()
    await broker.declare_queue("q")
    taker = Taker()
    for number in range(5):
        await broker.publish(to("q", str(number).encode()))
    rabbit.take_nothing()
    try:
        first = asyncio.create_task(broker.publish(to("q", b"first"), within=300))
        await until(lambda: link(broker, "publish").status is LinkStatus.BLOCKED, "it is blocked")
        assert "low on memory" in link(broker, "publish").detail
        assert await broker.publish(to("q"), within=0.5) is Published.UNREACHABLE
        waiting = [asyncio.create_task(broker.publish(to("q", b"later"), within=300)) for _ in range(50)]
        await broker.consume("q", taker, prefetch=5)
        await until(lambda: len(taker.bodies) == 5, "consuming goes on")
        assert link(broker, "consume").status is LinkStatus.UP
        opened = broker._open
        assert opened is not None
        assert opened.publisher._window._in <= 1
        assert not any(each.done() for each in waiting)
    finally:
        rabbit.take_all()
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(first, *waiting) == [Published.CONFIRMED] * 51
    assert link(broker, "publish").status is LinkStatus.UP
    await until(lambda: len(taker.bodies) == 56, "nothing came twice")


@pytest.mark.proof
async def test_a_request_that_did_not_leave_is_not_late(connect: Open, rabbit: Rabbit) -> None:
    """It is the broker that takes nothing, and not the service that does not answer."""
    broker = await connect()
    await broker.declare_queue("q")
    rabbit.take_nothing()
    try:
        await broker.publish(to("q"), within=1)
        await until(lambda: link(broker, "publish").status is LinkStatus.BLOCKED, "it is blocked")
        with pytest.raises(BrokerUnreachable, match="low on memory"):
            await broker.request(Message(b"?", Properties(correlation_id="c"), routing_key="q"), within=1)
    finally:
        rabbit.take_all()
    assert link(broker, "publish").counts["unreachable"] == 1


@pytest.mark.proof
async def test_the_queue_of_replies_goes_with_its_channel(connect: Open, vhost: Vhost) -> None:
    """Otherwise each lost channel leaves one behind that fills."""
    broker = await connect()
    await broker.declare_queue("q")
    for number in range(2):
        with pytest.raises(RequestTimedOut):
            await broker.request(Message(b"?", Properties(correlation_id="c"), routing_key="q"), within=1)
        requests = broker._open.requests if broker._open is not None else None
        assert requests is not None
        assert requests._channel is not None
        if number == 0:
            requests._channel.raw.basic_ack(999_999)
            await asyncio.wait([requests._channel.lost])
    assert len([each for each in vhost.api("GET", "queues") if each["name"].startswith("amq.gen-")]) == 1


async def test_a_refusal_is_shown(connect: Open, vhost: Vhost) -> None:
    """With its cause, until the exchange takes something again."""
    broker = await connect()
    message = Message(b"x", exchange="out", routing_key="k")
    assert await broker.publish(message) is Published.REFUSED
    state = link(broker, "publish")
    assert (state.status, state.warning) == (LinkStatus.UP, True)
    assert state.detail == "a message to out was refused: there is no such exchange or queue"
    await broker.declare_exchange("out", "topic")
    await broker.declare_queue("q", {"x-max-length": 1, "x-overflow": "reject-publish"})
    await broker.bind_queue("q", "out", "k")
    results = [await broker.publish(message, within=60) for _ in range(9)]
    assert results[-1] is Published.REFUSED
    assert "a queue is full" in link(broker, "publish").detail
    vhost.api("DELETE", "queues/q/contents")
    assert await broker.publish(message, within=60) is Published.CONFIRMED
    assert not link(broker, "publish").warning
    assert "connected to" in link(broker, "publish").detail


@pytest.mark.proof
async def test_a_broker_blocked_for_too_long_is_left(connect: Open, rabbit: Rabbit) -> None:
    """For the next node, where there is one."""
    broker = await connect(blocked_timeout=1)
    await broker.declare_queue("q")
    rabbit.take_nothing()
    try:
        assert await broker.publish(to("q"), within=60) is Published.INDETERMINATE
        await until(lambda: link(broker, "publish").reconnects >= 1, "it has tried anew")
    finally:
        rabbit.take_all()
    assert await broker.publish(to("q"), within=60) is Published.CONFIRMED


def header(kind: bytes, value: bytes) -> bytes:
    """Return a table of headers with one value, as AMQP writes it."""
    entry = b"\x01x" + kind + value
    return struct.pack(">HI", pika.BasicProperties.FLAG_HEADERS, len(entry)) + entry


DEEP = b"F\x00\x00\x00\x00"
for _ in range(1200):
    DEEP = b"F" + struct.pack(">I", len(DEEP) + 2) + b"\x01x" + DEEP


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (b"T", struct.pack(">Q", 2**63)),
        (b"F", DEEP[1:]),
    ],
    ids=["far time", "tables in tables"],
)
async def test_a_message_cannot_break_the_connection(connect: Open, vhost: Vhost, kind: bytes, value: bytes) -> None:
    """One whose properties pika cannot read comes without them: a sender who has its confirmation is not lost."""

    class Hostile(pika.BasicProperties):  # type: ignore[misc] # pika has no types
        def encode(self) -> list[bytes]:
            return [header(kind, value)]

    broker = await connect()
    await broker.declare_queue("q")
    with vhost.channel() as channel:
        for number, properties in enumerate((None, Hostile(), None)):
            channel.basic_publish("", "q", b"%d" % number, properties)
    got: list[Message] = []

    async def handle(delivered: Delivered) -> None:
        got.append(delivered.message)
        delivered.ack()

    await broker.consume("q", handle, prefetch=5)
    await until(lambda: len(got) == 3, "all are handled")
    assert [each.body for each in got] == [b"0", b"1", b"2"]
    assert got[1].properties == Properties(persistent=False)
    assert link(broker, "consume").reconnects == 0


async def test_odd_properties_are_taken_as_they_come(connect: Open, vhost: Vhost) -> None:
    """Texts that are no UTF-8, an expiration that is none, headers with bytes and lists."""
    broker = await connect()
    await broker.declare_queue("q")
    got: list[Message] = []

    async def handle(delivered: Delivered) -> None:
        got.append(delivered.message)
        delivered.ack()

    await broker.consume("q", handle, prefetch=5)
    given = pika.BasicProperties(
        message_id=b"\xff\xfe", timestamp=2**62, headers={"list": [1, 2], "bytes": b"\xff", "table": {"a": 1}, "n": 1}
    )
    with vhost.channel() as channel:
        channel.basic_publish("", "q", b"x", given)
    await until(lambda: got, "it is handled")
    assert got[0].properties == Properties(message_id="\ufffd\ufffd", persistent=False, headers={"n": 1})


async def test_an_exception_in_a_callback_ends_nothing(
    connect: Open, vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours costs one message, which the broker gets back as dead, and a line in the log."""
    broker = await connect()
    await broker.declare_queue("q")
    made = consumers.RabbitDelivered

    def fail_once(*given: Any) -> Any:
        monkeypatch.setattr(consumers, "RabbitDelivered", made)
        raise ValueError("a defect")

    taker = Taker()
    consumer = await broker.consume("q", taker, prefetch=5)
    assert isinstance(consumer, RabbitConsumer)
    await until(lambda: consumer.idle, "it stands")
    monkeypatch.setattr(consumers, "RabbitDelivered", fail_once)
    with capture_logs() as logs:
        for body in (b"1", b"2"):
            await broker.publish(to("q", body))
        await until(lambda: taker.bodies == [b"2"], "the second is handled")
    assert [line["event"] for line in logs] == ["amqp.callback_failed"]
    assert vhost.depth("q") == 0
    assert link(broker, "consume").reconnects == 0
