"""Queues whose leader is slow or away, and subscriptions that are stopped before they stand."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from appealbus.connectors.broker.broker import Delivered, QueueInfo
from appealbus.connectors.broker.rabbit import subscription
from appealbus.connectors.broker.rabbit.consumer import RabbitConsumer
from appealbus.connectors.broker.rabbit.link import Link
from appealbus.core import LinkStatus
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost

from .conftest import Open
from .helpers import Taker, link, stall, through, to, until

QUORUM = {"x-queue-type": "quorum"}


class Holder:
    """A handler that never ends."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    async def __call__(self, delivered: Delivered) -> None:
        self.attempts.append(delivered.attempts)
        await asyncio.Event().wait()


@pytest.mark.proof
async def test_a_queue_without_a_leader_disturbs_no_other(
    connect: Open, rabbit: Rabbit, vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection lives, so that its channel alone is given up, and told; then the queue is taken from."""
    monkeypatch.setattr(subscription, "_SUBSCRIBED", 3.0)
    broker = await connect(heartbeat=2)
    for queue in ("healthy", "sick"):
        await broker.declare_queue(queue, QUORUM)
        await broker.publish(to(queue))
    holder, taker = Holder(), Taker()
    await broker.consume("healthy", holder, prefetch=5)
    await until(lambda: holder.attempts, "it is held")
    stall(rabbit, vhost, "sick", 6)
    with capture_logs() as logs:
        consumer = await broker.consume("sick", taker, prefetch=5)
        await until(lambda: consumer.trouble, "it is told")
        assert consumer.trouble == (LinkStatus.DOWN, "sick: the broker gave no answer within 3 s")
        await until(lambda: taker.bodies, "it is taken from")
        await until(lambda: consumer.idle, "it stands")
    assert [line["code"] for line in logs if line["event"] == "amqp.subscription.lost"] == ["no_answer"]
    assert link(broker, "consume").reconnects == 0
    assert holder.attempts == [0]


@pytest.mark.parametrize(("counted", "times"), [((0, 0, 1, 0, 0, 1), 1), ((0, 0, 0, 1), 2)], ids=["slow", "gone"])
async def test_that_nobody_consumes_is_not_believed_at_once(
    connect: Open, monkeypatch: pytest.MonkeyPatch, counted: tuple[int, ...], times: int
) -> None:
    """RabbitMQ says the same of a queue whose leader does not answer within a quarter of a second."""
    looks: Iterator[int] = iter(counted)
    looked: list[int] = []

    async def look(*_: object, **__: object) -> QueueInfo:
        looked.append(next(looks, 1))
        return QueueInfo("q", 0, looked[-1])

    broker = await connect()
    await broker.declare_queue("q")
    await broker.publish(to("q"))
    monkeypatch.setattr(subscription, "_LOOK", 0.05)
    monkeypatch.setattr(Link, "declare_queue", look)
    await broker.consume("q", Holder(), prefetch=1)
    await until(lambda: len(looked) > len(counted), "the broker was asked")
    assert link(broker, "consume").counts["delivered"] == times


@pytest.mark.proof
async def test_stopping_before_the_subscription_stands(connect: Open, proxy: FaultProxy, vhost: Vhost) -> None:
    """What came already goes back once, and nobody else's connection ends."""
    broker = await connect(**through(proxy, reconnect_max=0.2))
    await broker.declare_queue("grave")
    await broker.declare_queue("q", {**QUORUM, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "grave"})
    holder = Holder()
    consumer = await broker.consume("q", holder, prefetch=5)
    assert isinstance(consumer, RabbitConsumer)
    for _ in range(3):
        await broker.publish(to("q"))
    await until(lambda: len(holder.attempts) == 3, "all are held")
    old = consumer._channel
    proxy.delay(0.6)
    await asyncio.to_thread(proxy.cut)
    await until(
        lambda: consumer._channel is not old and consumer._channel is not None and consumer._channel.raw.consumer_tags,
        "it has asked again",
    )
    assert not consumer._standing
    proxy.delay(0.0)
    reconnects, began = link(broker, "consume").reconnects, time.monotonic()
    await consumer.stop(0.0)
    assert time.monotonic() - began < 30
    assert link(broker, "consume").reconnects == reconnects
    await until(lambda: vhost.depth("q") == 3, "all are back")
    assert vhost.depth("grave") == 0
