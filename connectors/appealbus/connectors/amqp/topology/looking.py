"""Comparing by the most informative way available."""

import asyncio
from dataclasses import dataclass, field

from appealbus.connectors.amqp.topology import by_amqp, by_api, contents
from appealbus.connectors.amqp.topology.finding import Finding
from appealbus.connectors.amqp.topology.management import Management
from appealbus.connectors.amqp.topology.wanted import Wanted
from appealbus.connectors.broker.broker import Broker
from appealbus.connectors.broker.settings import BrokerSettings


@dataclass(frozen=True, slots=True)
class Looked:
    found: list[Finding]
    messages: dict[str, int] = field(default_factory=dict)
    """Number of messages in each watched queue."""

    @property
    def problems(self) -> list[Finding]:
        return [finding for finding in self.found if finding.is_problem]


async def look(broker: Broker, settings: BrokerSettings, wanted: Wanted) -> Looked:
    """Compare through the management API if configured, else over AMQP, and inspect the contents of queues.

    Creates nothing. The broker must be started. Raises ManagementFailed, BrokerUnreachable and ConfigError.
    """
    if settings.management is None:
        findings = await by_amqp.look(broker, wanted)
    else:
        async with await asyncio.to_thread(Management, broker.name, settings) as api:
            findings = await by_api.look(api, wanted)
    lies = await contents.contents_of(broker, wanted)
    messages = {name: info.messages for name, info in lies.items()}
    return Looked([*findings, *contents.look(wanted, lies)], messages)
