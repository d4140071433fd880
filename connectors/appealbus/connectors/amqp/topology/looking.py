"""Comparing by whatever shows the most."""

import asyncio

from appealbus.connectors.amqp.broker import Broker
from appealbus.connectors.amqp.settings import BrokerSettings
from appealbus.connectors.amqp.topology import by_amqp, by_api
from appealbus.connectors.amqp.topology.finding import Finding
from appealbus.connectors.amqp.topology.management import Management
from appealbus.connectors.amqp.topology.wanted import Wanted


async def look(broker: Broker, settings: BrokerSettings, wanted: Wanted) -> list[Finding]:
    """Compare by the management API where the settings name it, else over AMQP. Makes nothing.

    Raises:
        ManagementFailed: the API does not say.
        BrokerUnreachable: there is no connection, or it was lost.
        ConfigError: a setting of the API is wrong.

    """
    if settings.management is None:
        return await by_amqp.look(broker, wanted)
    async with await asyncio.to_thread(Management, broker.name, settings) as api:
        return await by_api.look(api, wanted)
