"""Reaching a broker and taking messages from a queue, in tests."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from appealbus.connectors.broker.broker import Broker, Delivered, Message
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Secret
from tests.services.rabbitmq import Vhost

PATIENCE = 60.0


def settings_of(vhost: Vhost, **more: object) -> BrokerSettings:
    """Return the settings with which `guest` reaches a virtual host of the private broker."""
    given = {"hosts": [f"127.0.0.1:{vhost.port}"], "virtual_host": vhost.name, "reconnect_max": 1.0}
    return BrokerSettings.model_validate(
        {**given, "password": Secret(env="PASSWORD", environ={"PASSWORD": "guest"}), **more}
    )


async def until(met: Callable[[], Any], what: str) -> None:
    """Wait until a condition is met."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, f"not in {PATIENCE:.0f} s: {what}"
        await asyncio.sleep(0.01)


async def take(broker: Broker, queue: str, count: int) -> list[Message]:
    """Take so many messages from a queue, in their order, and acknowledge them."""
    taken: list[Message] = []

    async def handle(delivered: Delivered) -> None:
        if len(taken) < count:
            taken.append(delivered.message)
            delivered.ack()
        else:
            delivered.requeue()
            await asyncio.sleep(0.05)

    consumer = await broker.consume(queue, handle, prefetch=1)
    await until(lambda: len(taken) == count, f"{count} messages in {queue}")
    await consumer.stop()
    return taken
