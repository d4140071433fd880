"""Publishes alarms to a RabbitMQ exchange as CloudEvents, with publisher confirms."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from appealbus.connectors.amqp.brokers import Brokers, link_of
from appealbus.connectors.amqp.messages import attributes, source_of
from appealbus.connectors.amqp.topology import WantedTopology
from appealbus.connectors.amqp.topology.wanted import alarms_of
from appealbus.connectors.broker.broker import Message, Properties, Published
from appealbus.core import ConfigError, LinkState, LinkStatus
from appealbus.core.clocks import wall
from appealbus.plugins.surges.sending import UNREACHABLE, Event, Way
from appealbus.schemas.xml import POSSIBLE_SURGE_NS, SURGE_NS

SCHEMAS = {"alarm": SURGE_NS, "possible": POSSIBLE_SURGE_NS}
"""Data schema by kind."""
_AWAY = (Published.UNREACHABLE, Published.INDETERMINATE)
"""Results that mean the broker is or may be unavailable: stop sending."""


class Exchanged(Way):
    name: ClassVar[str] = "broker"

    def __init__(self, brokers: object, broker: str, exchange: str | None, timeout: float) -> None:
        """Find the broker, without a connection; raise ConfigError if the plugin `amqp` or the broker is missing."""
        if not isinstance(brokers, Brokers):
            raise ConfigError("plugins.surges.broker needs the plugin amqp, which is disabled or broken")
        self._brokers = brokers
        self._broker = brokers.get(broker)
        self._exchange = exchange or brokers.names.alarms
        # One that has another name is somebody else's, with kind and arguments that they have chosen.
        self._wanted = alarms_of(brokers.names) if exchange is None else WantedTopology()
        self._source = source_of(brokers.source, "services", "surges")
        self._timeout = timeout
        self._result: Published | None = None

    async def start(self) -> None:
        """Connect, and declare the exchange if it is the bus's own."""
        await self._brokers.start(self._broker, self._wanted)

    async def send(self, event: Event) -> str | None:
        """Publish; it counts as sent once the broker confirms it and a queue is bound."""
        result = await self._broker.publish(message_of(event, self._exchange, self._source), within=self._timeout)
        self._result = result
        if result is Published.CONFIRMED:
            return None
        return UNREACHABLE if result in _AWAY else result.value

    def links(self) -> Sequence[LinkState]:
        links = self._brokers.links(self._broker)
        state = link_of("service.surges", links, {})
        if state.status is LinkStatus.UP and self._result is Published.UNROUTABLE:
            detail = f"no queue is bound to the exchange {self._exchange} for an alarm; it waits"
            state = replace(state, detail=detail, warning=True)
        return (*links, state)

    async def close(self) -> None:
        await self._brokers.close(self._broker)


def message_of(event: Event, exchange: str, source: str) -> Message:
    """Build the message; its properties, headers and routing key repeat the event's metadata."""
    properties = Properties(
        message_id=event.key,
        content_type="application/json",
        type="surge",
        app_id="appealbus",
        timestamp=wall(),
        headers={
            **attributes(event.key, source, SCHEMAS[event.kind], event.at),
            "possible": event.kind == "possible",
            "region": event.region,
        },
    )
    return Message(event.body, properties, exchange, f"surge.{event.kind}.{event.region}")
