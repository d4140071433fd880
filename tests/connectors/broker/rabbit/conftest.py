"""RabbitMQ as it behaves when things go wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from appealbus.connectors.broker.rabbit import RabbitBroker
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Vhost
from tests.services.taking import settings_of

Open = Callable[..., Awaitable[RabbitBroker]]


@pytest.fixture
async def connect(vhost: Vhost) -> AsyncIterator[Open]:
    """Yield a function that starts a broker at the virtual host, with other settings where it is given some."""
    opened: list[RabbitBroker] = []

    async def open_(*, up: bool = True, **more: object) -> RabbitBroker:
        broker = RabbitBroker("main", settings_of(vhost, **more))
        await broker.start()
        opened.append(broker)
        if up:
            assert await broker.up(60)
        return broker

    yield open_
    for broker in opened:
        await broker.close()


@pytest.fixture
def proxy(vhost: Vhost) -> Iterator[FaultProxy]:
    """Yield a proxy before the private broker."""
    with FaultProxy(vhost.port) as made:
        yield made
