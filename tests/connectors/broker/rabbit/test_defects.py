"""Defects of our own: what keeps connections, consumers and publishers up survives whatever it meets."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from appealbus.connectors.broker.broker import Published
from appealbus.connectors.broker.rabbit import link as links
from appealbus.connectors.broker.rabbit.confirms import Confirms
from appealbus.connectors.broker.rabbit.consumer import RabbitConsumer
from appealbus.core import LinkStatus

from .conftest import Open
from .helpers import Taker, to, until


def failing_once(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that raises what nobody expects, and after that does what it should."""
    failed = False

    def call(*args: Any, **more: Any) -> Any:
        nonlocal failed
        if not failed:
            failed = True
            raise RuntimeError("a defect")
        return original(*args, **more)

    return call


async def test_a_connection_is_tried_again_after_a_defect(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that makes connections has not ended."""
    monkeypatch.setattr(links, "PikaConnection", failing_once(links.PikaConnection))
    with capture_logs() as logs:
        broker = await connect()
    assert len([line["link"] for line in logs if line["event"] == "amqp.task_failed"]) == 1
    assert {each.status for each in broker.links()} == {LinkStatus.UP}


async def test_a_consumer_subscribes_again_after_a_defect(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the queue is taken by the next subscription."""
    monkeypatch.setattr(RabbitConsumer, "_subscribe", failing_once(RabbitConsumer._subscribe))
    broker = await connect()
    await broker.declare_queue("q")
    taker = Taker()
    with capture_logs() as logs:
        await broker.consume("q", taker, prefetch=1)
        assert await broker.publish(to("q", b"one"), within=60) is Published.CONFIRMED
        await until(lambda: taker.bodies == [b"one"], "it is taken")
    assert [line["link"] for line in logs if line["event"] == "amqp.task_failed"] == ["main.consume"]


async def test_a_publisher_opens_another_channel_after_a_defect(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits to publish waits on, and is served."""
    monkeypatch.setattr(Confirms, "begin", failing_once(Confirms.begin))
    broker = await connect()
    await broker.declare_queue("q")
    with capture_logs() as logs:
        assert await broker.publish(to("q"), within=60) is Published.CONFIRMED
    assert [line["link"] for line in logs if line["event"] == "amqp.task_failed"] == ["main.publish"]
