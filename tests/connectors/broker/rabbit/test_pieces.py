"""The parts that need no broker, and bounds that only settings show."""

import asyncio
from typing import Any

import pytest

from appealbus.connectors.broker.broker import BrokerUnreachable, Message, Properties, Published
from appealbus.connectors.broker.rabbit.connection import guarded
from appealbus.connectors.broker.rabbit.publisher import Window
from appealbus.core import LinkStatus
from tests.services.processes import PATIENCE
from tests.services.rabbitmq import Rabbit, Vhost

from .conftest import Open
from .helpers import to, until


def test_a_guarded_callback_never_raises() -> None:
    """Nor does what is called when it fails."""
    called: list[int] = []

    def fail(number: int) -> None:
        called.append(number)
        raise ValueError("a defect")

    guarded(fail, fail)(1)
    guarded(fail)(2)
    assert called == [1, 1, 2]


async def test_the_window_is_bounded_by_count_and_bytes() -> None:
    """And lets in who came first."""
    loop = asyncio.get_running_loop()
    window = Window(3, 100)
    assert window.take(60)
    assert not window.take(50)
    large = asyncio.create_task(window.enter(50, loop.time() + 60))
    small = asyncio.create_task(window.enter(10, loop.time() + 60))
    await asyncio.sleep(0.05)
    assert not large.done()
    assert not small.done()
    window.leave(60)
    assert await large
    assert await small
    assert window.take(10)
    assert not window.take(0)


async def test_one_message_may_be_larger_than_the_window() -> None:
    """Alone."""
    window = Window(3, 100)
    assert window.take(1000)
    assert not window.take(1)
    window.leave(1000)
    assert window.take(1)
    assert not window.take(1000)


async def test_who_gives_up_waiting_leaves_no_hole() -> None:
    """By time or by being cancelled, even when it was its turn."""
    loop = asyncio.get_running_loop()
    window = Window(1, 100)
    assert window.take(1)
    assert not await window.enter(1, loop.time() + 0.05)
    cancelled = asyncio.create_task(window.enter(1, loop.time() + 60))
    patient = asyncio.create_task(window.enter(1, loop.time() + 60))
    await asyncio.sleep(0.05)
    window.leave(1)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    async with asyncio.timeout(PATIENCE):
        assert await patient
    window.leave(1)
    assert window.take(1)


async def test_no_more_is_under_way_than_the_window_allows(connect: Open) -> None:
    """Whoever publishes more waits."""
    broker = await connect(window=3)
    await broker.declare_queue("q")
    opened = broker._open
    assert opened is not None
    most = 0
    tasks = [asyncio.create_task(broker.publish(to("q"), within=60)) for _ in range(200)]
    while not all(task.done() for task in tasks):
        most = max(most, opened.publisher._window._in)
        await asyncio.sleep(0)
    assert {task.result() for task in tasks} == {Published.CONFIRMED}
    assert most == 3
    assert opened.publisher._window._in == 0
    assert opened.publisher._window._bytes == 0


async def test_a_batch_makes_no_tasks(connect: Open) -> None:
    """However many messages are in it: it is sent in one go, and what is confirmed by then is not waited for."""
    broker = await connect()
    await broker.declare_queue("q")
    assert await broker.publish(to("q"), within=60) is Published.CONFIRMED
    loop, made = asyncio.get_running_loop(), []

    def counting(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> "asyncio.Task[Any]":
        made.append(work)
        return asyncio.Task(work, loop=loop, **given)

    loop.set_task_factory(counting)
    try:
        assert await broker.publish_all([to("q")] * 200, within=60) == [Published.CONFIRMED] * 200
    finally:
        loop.set_task_factory(None)
    assert made == []


async def test_a_broker_with_a_smaller_limit_refuses_the_large_one_alone(connect: Open, rabbit: Rabbit) -> None:
    """Its neighbours are indeterminate at worst."""
    rabbit.eval("persistent_term:put(max_message_size, 1000).")
    try:
        broker = await connect()
        await broker.declare_queue("q")
        large = asyncio.create_task(broker.publish(to("q", bytes(2000)), within=60))
        results = await asyncio.gather(*(broker.publish(to("q"), within=60) for _ in range(10)))
        assert await large is Published.UNFIT
        assert Published.UNFIT not in results
        assert await broker.publish(to("q"), within=60) is Published.CONFIRMED
    finally:
        rabbit.eval("persistent_term:put(max_message_size, 16777216).")


async def test_a_missing_right_refuses(connect: Open, rabbit: Rabbit, vhost: Vhost) -> None:
    """To publish, to declare, and to consume."""
    owner = await connect()
    await owner.declare_exchange("closed", "fanout")
    await owner.declare_queue("q")
    rabbit.user("reader", "guest")
    rabbit.permit("reader", vhost.name, configure="", write="", read="other")
    broker = await connect(user="reader")
    assert await broker.publish(Message(b"x", exchange="closed"), within=60) is Published.REFUSED

    async def handle(_: object) -> None:
        pytest.fail("nothing may be consumed")

    consumer = await broker.consume("q", handle, prefetch=1)
    await until(lambda: consumer.trouble, "it is told")
    assert consumer.trouble == (LinkStatus.REFUSED, "q: we have no right to read q; give it to our user")
    with pytest.raises(BrokerUnreachable):
        await broker.request(Message(b"?", Properties(correlation_id="c"), routing_key="q"), within=1)
    assert broker.requests_trouble is not None
    assert broker.requests_trouble[1] == "replies: we have no right to configure amq.gen-; give it to our user"
