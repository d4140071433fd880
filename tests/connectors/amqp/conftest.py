"""A broker for the behaviour suite: each test runs against the twin in memory and against RabbitMQ."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# Makes taking.py of this folder importable, from the folders below too.
sys.path.insert(0, str(Path(__file__).parent))

from taking import settings_of

from appealbus.connectors.amqp.broker import Broker
from appealbus.connectors.amqp.settings import BrokerSettings


@pytest.fixture(params=["memory", "rabbit"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """A started broker with nothing in it."""
    made: Broker
    if request.param == "memory":
        from appealbus.connectors.amqp.memory import MemoryBroker

        made = MemoryBroker("main", BrokerSettings())
    else:
        from appealbus.connectors.amqp.rabbit import RabbitBroker

        made = RabbitBroker("main", settings_of(request.getfixturevalue("vhost")))
    await made.start()
    assert await made.up(60)
    yield made
    await made.close()
