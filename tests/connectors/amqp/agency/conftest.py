"""An agency on a broker, in memory and on RabbitMQ, that answers as a test says."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appealbus.connectors.amqp.agency import AgencySettings, AgencyWire
from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.connectors.amqp.topology import WantedTopology
from appealbus.core.interfaces.wire import Call
from tests.connectors.amqp.agency.queue_agency import QUEUE, Agency, settings_of


@pytest.fixture(params=["memory", pytest.param("rabbit", marks=pytest.mark.proof)])
async def agency(request: pytest.FixtureRequest) -> AsyncIterator[Agency]:
    """An agency that is open for questions."""
    table = {"main": settings_of(request.getfixturevalue("vhost"))} if request.param == "rabbit" else {}
    made = Agency(Brokers(AmqpSettings(brokers=table)))
    await made.brokers.start(made.broker, WantedTopology())
    assert await made.broker.up(60)
    await made.open()
    yield made
    await made.consumer.stop(0)
    await made.brokers.close(made.broker)


@pytest.fixture
async def wires(agency: Agency, tmp_path: Path) -> AsyncIterator[Any]:
    """Make started wires to the agency."""
    made: list[AgencyWire] = []

    async def make(**settings: Any) -> AgencyWire:
        given = {} if "exchange" in settings else {"queue": QUEUE}
        wire = AgencyWire("register", AgencySettings(**given, **settings), agency.brokers)
        await wire.start()
        made.append(wire)
        return wire

    yield make
    for wire in made:
        await wire.close()


@pytest.fixture
def call() -> Call:
    return Call("7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", "TEST-1", 20.0)
