"""Connections that are lost, and come back."""

import asyncio

import pytest
from structlog.testing import capture_logs

from appealbus.connectors.broker.broker import (
    BrokerUnreachable,
    Delivered,
    Message,
    Properties,
    Published,
)
from appealbus.connectors.broker.rabbit import channel
from appealbus.core import LinkStatus
from tests.services.processes import PATIENCE
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost
from tests.services.taking import until

from .conftest import Open
from .helpers import Taker, link, through, to


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait two seconds for an answer, and not ten."""
    monkeypatch.setattr(channel, "ANSWER", 2.0)
    monkeypatch.setattr(channel.Channel.answer, "__defaults__", (2.0,))


@pytest.mark.proof
async def test_all_goes_on_after_a_restart(connect: Open, rabbit: Rabbit) -> None:
    """Publishing, consuming and requests; what was durable is still there."""
    broker = await connect()
    await broker.declare_queue("q", {"x-queue-type": "quorum"})
    await broker.declare_queue("service")
    taker = Taker()

    async def serve(delivered: Delivered) -> None:
        asked = delivered.message.properties
        await broker.publish(Message(b"!", Properties(correlation_id=asked.correlation_id), routing_key=asked.reply_to))
        delivered.ack()

    await broker.consume("q", taker, prefetch=5)
    await broker.consume("service", serve, prefetch=5)
    assert await broker.publish(to("q", b"before")) is Published.CONFIRMED
    await broker.request(Message(b"?", Properties(correlation_id="c1"), routing_key="service"), within=60)
    await asyncio.to_thread(rabbit.stop)
    await until(lambda: all(each.status is LinkStatus.DOWN for each in broker.links()), "both are down")
    assert "nothing listens" in link(broker, "publish").detail
    late = asyncio.create_task(broker.publish(to("q", b"meanwhile"), within=300))
    rabbit.start()  # here and not in a thread: the broker ends with the thread that started it
    assert await broker.up(60)
    assert await late is Published.CONFIRMED
    assert await broker.publish(to("q", b"after"), within=60) is Published.CONFIRMED
    await until(lambda: set(taker.bodies) == {b"before", b"meanwhile", b"after"}, "all are taken")
    reply = await broker.request(Message(b"?", Properties(correlation_id="c2"), routing_key="service"), within=60)
    assert reply.body == b"!"
    assert [each.reconnects for each in broker.links()] == [1, 1]


@pytest.mark.proof
async def test_a_cut_under_load_loses_nothing(connect: Open, proxy: FaultProxy) -> None:
    """What is published again until it is confirmed arrives, some of it twice."""
    broker = await connect(**through(proxy))
    await broker.declare_queue("q", {"x-queue-type": "quorum"})
    taker = Taker()
    await broker.consume("q", taker, prefetch=20)
    tries = 0

    async def publish(number: int) -> None:
        nonlocal tries
        while True:
            tries += 1
            if await broker.publish(to("q", str(number).encode()), within=30) is Published.CONFIRMED:
                return

    async def cut() -> None:
        for _ in range(5):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(proxy.cut)

    async def publish_all() -> None:
        waiting = iter(range(3000))

        async def one_after_another() -> None:
            for number in waiting:
                await publish(number)
                await asyncio.sleep(0.005)

        await asyncio.gather(*(one_after_another() for _ in range(20)))

    await asyncio.gather(publish_all(), cut())
    await until(lambda: len(set(taker.bodies)) == 3000, "all are taken")
    assert link(broker, "publish").reconnects >= 1
    assert tries == link(broker, "publish").counts["published"]


async def test_what_is_under_way_when_the_link_is_lost_is_indeterminate(connect: Open, proxy: FaultProxy) -> None:
    """At once, not when its time is up; and the broker may well have it."""
    broker = await connect(**through(proxy))
    await broker.declare_queue("q")
    assert await broker.publish(to("q")) is Published.CONFIRMED
    await asyncio.to_thread(proxy.blackhole, "down")
    under_way = [asyncio.create_task(broker.publish(to("q"), within=300)) for _ in range(8)]
    await asyncio.sleep(0.2)
    await asyncio.to_thread(proxy.cut)
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*under_way) == [Published.INDETERMINATE] * 8
    await asyncio.to_thread(proxy.heal)
    assert await broker.publish(to("q"), within=60) is Published.CONFIRMED
    assert 2 <= (await broker.declare_queue("q", passive=True)).messages <= 10


async def test_no_answer_in_time_is_indeterminate(connect: Open, proxy: FaultProxy) -> None:
    """The channel is replaced; what is only late on the old one is still confirmed."""
    broker = await connect(**through(proxy), heartbeat=60)
    await broker.declare_queue("q")
    assert await broker.publish(to("q")) is Published.CONFIRMED
    await asyncio.to_thread(proxy.blackhole, "down")
    patient = asyncio.create_task(broker.publish(to("q"), within=300))
    await asyncio.sleep(0)  # it goes first
    assert await broker.publish(to("q"), within=0.5) is Published.INDETERMINATE
    await asyncio.sleep(0.2)
    await asyncio.to_thread(proxy.heal)
    async with asyncio.timeout(PATIENCE):
        assert await patient is Published.CONFIRMED
    assert await broker.publish(to("q"), within=60) is Published.CONFIRMED
    assert link(broker, "publish").reconnects == 0


@pytest.mark.proof
async def test_a_blackhole_is_noticed_by_heartbeats(connect: Open, proxy: FaultProxy) -> None:
    """Nothing says so otherwise: the other side just falls silent."""
    broker = await connect(**through(proxy), heartbeat=2, connect_timeout=2)
    await broker.declare_queue("q")
    await asyncio.to_thread(proxy.blackhole)
    await until(lambda: all(each.status is LinkStatus.DOWN for each in broker.links()), "both are down")
    assert "does not answer" in link(broker, "consume").detail
    await asyncio.to_thread(proxy.heal)
    assert await broker.publish(to("q"), within=60) is Published.CONFIRMED


@pytest.mark.proof
@pytest.mark.usefixtures("impatient")
async def test_a_frozen_broker_is_noticed_by_whoever_asks(connect: Open, rabbit: Rabbit) -> None:
    """The connection is given up when an answer does not come, long before heartbeats tell."""
    broker = await connect(heartbeat=600)
    await broker.declare_queue("q")
    await asyncio.to_thread(rabbit.freeze)
    results = await asyncio.gather(broker.declare_queue("q", passive=True), return_exceptions=True)
    assert isinstance(results[0], BrokerUnreachable)
    await until(lambda: link(broker, "consume").status is not LinkStatus.UP, "it is given up")
    await asyncio.to_thread(rabbit.thaw)
    assert await broker.up(60)


async def test_waiting_requests_are_told_of_a_lost_link(connect: Open, proxy: FaultProxy) -> None:
    """They do not wait for their time to be up."""
    broker = await connect(**through(proxy))
    await broker.declare_queue("service")

    def ask(number: str) -> Message:
        return Message(b"?", Properties(correlation_id=number), routing_key="service")

    waiting = [asyncio.create_task(broker.request(ask(f"c{each}"), within=300)) for each in range(3)]
    async with asyncio.timeout(PATIENCE):
        while (await broker.declare_queue("service", passive=True)).messages < 3:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(proxy.refuse)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in results] == [BrokerUnreachable] * 3
        await until(lambda: link(broker, "consume").status is LinkStatus.DOWN, "it is down")
        # Nobody waits for a broker that is known to be away.
        results = await asyncio.gather(
            broker.request(ask("c9"), within=300), broker.declare_queue("q"), return_exceptions=True
        )
    assert [type(each) for each in results] == [BrokerUnreachable] * 2


async def test_the_next_host_is_tried(connect: Open, proxy: FaultProxy, vhost: Vhost) -> None:
    """A host that is away costs nothing but the attempt."""
    await asyncio.to_thread(proxy.refuse)
    broker = await connect(hosts=[f"127.0.0.1:{proxy.port}", f"127.0.0.1:{vhost.port}"], reconnect_max=300)
    assert link(broker, "publish").detail == f"connected to 127.0.0.1:{vhost.port}"


async def test_a_lost_host_is_followed_by_the_next(connect: Open, proxy: FaultProxy, vhost: Vhost) -> None:
    """Not by itself again."""
    broker = await connect(hosts=[f"127.0.0.1:{proxy.port}", f"127.0.0.1:{vhost.port}"])
    assert str(proxy.port) in link(broker, "publish").detail
    await asyncio.to_thread(proxy.cut)
    await until(lambda: str(vhost.port) in link(broker, "publish").detail, "it is at the next host")


async def test_closing_while_connecting_ends(connect: Open, proxy: FaultProxy) -> None:
    """However far it got."""
    await asyncio.to_thread(proxy.blackhole)
    broker = await connect(up=False, **through(proxy))
    await asyncio.sleep(0.3)
    assert {each.status for each in broker.links()} == {LinkStatus.CONNECTING}
    async with asyncio.timeout(PATIENCE):
        await broker.close()
    assert broker.links() == ()


@pytest.mark.proof
@pytest.mark.usefixtures("impatient")
async def test_closing_a_frozen_connection_ends(connect: Open, proxy: FaultProxy) -> None:
    """It does not wait for the broker's goodbye for ever."""
    broker = await connect(**through(proxy), heartbeat=600)
    await broker.declare_queue("q")
    await broker.consume("q", Taker(), prefetch=1)
    await asyncio.sleep(0.2)
    await asyncio.to_thread(proxy.blackhole)
    async with asyncio.timeout(PATIENCE):
        await broker.close()


async def test_what_is_settled_too_late_is_no_defect(connect: Open, proxy: FaultProxy) -> None:
    """The broker has taken it back with the channel; a log that called that a defect would mislead."""
    broker = await connect(**through(proxy))
    await broker.declare_queue("q")
    began, lost, settled = asyncio.Event(), asyncio.Event(), list[bool]()

    async def hold(delivered: Delivered) -> None:
        began.set()
        await lost.wait()
        settled.append(delivered.ack())

    await broker.consume("q", hold, prefetch=1)
    assert await broker.publish(to("q"), within=60) is Published.CONFIRMED
    await asyncio.wait_for(began.wait(), PATIENCE)
    with capture_logs() as logs:
        proxy.refuse()
        proxy.cut()
        await until(lambda: link(broker, "consume").status is not LinkStatus.UP, "it is lost")
        lost.set()
        await until(lambda: settled, "it is settled")
        proxy.heal()
        await until(lambda: len(settled) > 1, "it has come again")
    assert settled[0] is False
    assert [line["event"] for line in logs if line["event"] == "amqp.not_settled"] == []
