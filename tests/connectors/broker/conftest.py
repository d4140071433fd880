"""A broker for the behaviour suite: each test runs against the twin in memory and against RabbitMQ."""

from collections.abc import AsyncIterator

import pytest

from appealbus.connectors.broker.broker import Broker
from appealbus.connectors.broker.settings import BrokerSettings
from tests.services.taking import settings_of


@pytest.fixture(params=["memory", "rabbit"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """A started broker with nothing in it."""
    made: Broker
    if request.param == "memory":
        from appealbus.connectors.broker.memory import MemoryBroker

        made = MemoryBroker("main", BrokerSettings())
    else:
        from appealbus.connectors.broker.rabbit import RabbitBroker

        made = RabbitBroker("main", settings_of(request.getfixturevalue("vhost")))
    await made.start()
    assert await made.up(60)
    yield made
    await made.close()
