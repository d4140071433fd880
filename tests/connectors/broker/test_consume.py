"""Consuming: prefetch, settling, failing handlers, stopping. On both brokers."""

import asyncio
import time

import pytest

from appealbus.connectors.broker.broker import Broker, Delivered, Message
from tests.services.taking import take, until


async def fill(broker: Broker, queue: str, count: int) -> None:
    """Make a queue with so many messages, numbered from 0."""
    await broker.declare_queue(queue)
    for number in range(count):
        await broker.publish(Message(str(number).encode(), routing_key=queue))


async def depth(broker: Broker, queue: str) -> int:
    return (await broker.declare_queue(queue, passive=True)).messages


async def test_at_most_prefetch_at_once(broker: Broker) -> None:
    """Never more handlers, and as many where there is work."""
    await fill(broker, "q", 30)
    now, most, done = 0, 0, 0

    async def handle(delivered: Delivered) -> None:
        nonlocal now, most, done
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        done += 1
        delivered.ack()

    consumer = await broker.consume("q", handle, prefetch=5)
    await until(lambda: done == 30, "all are handled")
    assert most == 5
    await consumer.stop()
    assert await depth(broker, "q") == 0


async def test_settling_twice_does_nothing(broker: Broker) -> None:
    """The first word counts."""
    await fill(broker, "q", 1)
    said: list[bool] = []

    async def handle(delivered: Delivered) -> None:
        said.extend([delivered.ack(), delivered.ack(), delivered.reject(), delivered.requeue()])

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: said, "it is handled")
    await consumer.stop()
    assert said == [True, False, False, False]
    assert await depth(broker, "q") == 0


async def test_what_is_given_back_comes_again(broker: Broker) -> None:
    """And is marked."""
    await fill(broker, "q", 1)
    seen: list[bool] = []

    async def handle(delivered: Delivered) -> None:
        seen.append(delivered.redelivered)
        delivered.ack() if len(seen) == 3 else delivered.requeue()

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: len(seen) == 3, "it came three times")
    await consumer.stop()
    assert seen == [False, True, True]


async def test_what_is_rejected_is_gone(broker: Broker) -> None:
    """Where there is no dead-letter exchange."""
    await fill(broker, "q", 1)
    said: list[bool] = []

    async def handle(delivered: Delivered) -> None:
        said.append(delivered.reject())

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: said, "it is handled")
    await consumer.stop()
    assert said == [True]
    assert await depth(broker, "q") == 0


@pytest.mark.parametrize("fault", ["raises", "leaves"])
async def test_a_handler_that_fails_gets_it_again_after_a_pause(broker: Broker, fault: str) -> None:
    """One that raises, and one that does not settle; others go on, and nobody spins."""
    await fill(broker, "q", 4)
    bad: list[float] = []
    good: list[bytes] = []

    async def handle(delivered: Delivered) -> None:
        if delivered.message.body != b"0":
            good.append(delivered.message.body)
            delivered.ack()
            return
        bad.append(time.monotonic())
        if len(bad) == 2:
            delivered.ack()
        elif fault == "raises":
            raise RuntimeError("no")

    consumer = await broker.consume("q", handle, prefetch=2)
    await until(lambda: len(bad) == 2 and len(good) == 3, "all are handled")
    assert bad[1] - bad[0] > 0.5
    await consumer.stop()
    assert await depth(broker, "q") == 0


@pytest.mark.proof
async def test_attempts_are_counted_by_quorum_queues(broker: Broker) -> None:
    """What failed says how often."""
    await broker.declare_queue("q", {"x-queue-type": "quorum"})
    await broker.publish(Message(b"x", routing_key="q"))
    seen: list[int] = []

    async def handle(delivered: Delivered) -> None:
        seen.append(delivered.attempts)
        if len(seen) < 3:
            raise RuntimeError("no")
        delivered.ack()

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: len(seen) == 3, "it came three times")
    await consumer.stop()
    assert seen == [0, 1, 2]


async def test_stop_lets_handlers_end(broker: Broker) -> None:
    """What is at work is finished; nothing more is begun, and the rest is still there."""
    await fill(broker, "q", 10)
    begun, done, go = 0, 0, asyncio.Event()

    async def handle(delivered: Delivered) -> None:
        nonlocal begun, done
        begun += 1
        await go.wait()
        assert delivered.ack()
        done += 1

    consumer = await broker.consume("q", handle, prefetch=3)
    await until(lambda: begun == 3, "three are at work")
    assert not consumer.idle
    stopping = asyncio.create_task(consumer.stop(60))
    await asyncio.sleep(0.1)
    assert not stopping.done()
    go.set()
    await stopping
    await consumer.stop()
    assert (begun, done) == (3, 3)
    assert not consumer.idle
    await until_depth(broker, "q", 7)


async def test_stop_gives_back_what_is_not_done_in_time(broker: Broker) -> None:
    """A handler that goes on for ever is cancelled."""
    await fill(broker, "q", 4)
    begun, cancelled = 0, 0

    async def handle(_: Delivered) -> None:
        nonlocal begun, cancelled
        begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise

    consumer = await broker.consume("q", handle, prefetch=2)
    await until(lambda: begun == 2, "two are at work")
    await consumer.stop(0.1)
    assert cancelled == 2
    await until_depth(broker, "q", 4)
    assert sorted(int(each.body) for each in await take(broker, "q", 4)) == [0, 1, 2, 3]


async def test_a_handler_may_stop_its_own_consumer(broker: Broker) -> None:
    """It does not wait for itself."""
    await fill(broker, "q", 3)
    handled: list[bytes] = []

    async def handle(delivered: Delivered) -> None:
        delivered.ack()
        await consumer.stop(300)
        handled.append(delivered.message.body)

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: handled, "it is handled")
    assert handled[0] == b"0"
    await until_depth(broker, "q", 3 - len(handled))


async def test_idle_means_subscribed_and_nothing_at_work(broker: Broker) -> None:
    """Which a drain waits for."""
    await broker.declare_queue("q")
    go, begun = asyncio.Event(), asyncio.Event()

    async def handle(delivered: Delivered) -> None:
        begun.set()
        await go.wait()
        delivered.ack()

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: consumer.idle, "it stands")
    await broker.publish(Message(b"x", routing_key="q"))
    await begun.wait()
    assert not consumer.idle
    go.set()
    await until(lambda: consumer.idle, "it is idle again")
    await consumer.stop()
    assert not consumer.idle


async def test_a_queue_that_comes_later_is_consumed_from(broker: Broker) -> None:
    """The subscription waits for it."""
    done: list[bytes] = []

    async def handle(delivered: Delivered) -> None:
        done.append(delivered.message.body)
        delivered.ack()

    consumer = await broker.consume("late", handle, prefetch=1)
    await asyncio.sleep(0.2)
    assert not consumer.idle
    await fill(broker, "late", 1)
    await until(lambda: done == [b"0"], "it is handled")
    await consumer.stop()


async def test_two_consumers_share(broker: Broker) -> None:
    """Each message goes to one of them."""
    await fill(broker, "q", 40)
    taken: list[list[bytes]] = [[], []]

    def handler(index: int):  # type: ignore[no-untyped-def]
        async def handle(delivered: Delivered) -> None:
            await asyncio.sleep(0.005)
            taken[index].append(delivered.message.body)
            delivered.ack()

        return handle

    consumers = [await broker.consume("q", handler(index), prefetch=2) for index in (0, 1)]
    await until(lambda: len(taken[0]) + len(taken[1]) == 40, "all are handled")
    assert taken[0]
    assert taken[1]
    assert sorted(map(int, taken[0] + taken[1])) == list(range(40))
    for consumer in consumers:
        await consumer.stop()


async def until_depth(broker: Broker, queue: str, count: int) -> None:
    """Wait until a queue has so many messages that nobody holds."""
    for _ in range(600):
        if await depth(broker, queue) == count:
            return
        await asyncio.sleep(0.05)
    assert await depth(broker, queue) == count
