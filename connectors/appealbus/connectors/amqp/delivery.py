"""The delivery `amqp`: dossiers published to an exchange, each confirmed by the broker."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from appealbus.connectors.amqp.broker import Message, Properties, Published
from appealbus.connectors.amqp.brokers import MAIN, Brokers
from appealbus.core import Delivery, Health, LinkState, Outgoing, Settings
from appealbus.core.clocks import wall
from appealbus.core.config.types import Seconds
from appealbus.core.masking import masked
from appealbus.schemas import Dossier

SCHEMA = str(Dossier.model_fields["schema_version"].default)


class PublishSettings(Settings):
    """A table `[deliveries.NAME]` with `kind = "amqp"`."""

    broker: str = MAIN
    """The broker, of those in `[plugins.amqp.brokers]`."""
    exchange: str | None = None
    """The topic exchange; none: `PREFIX.out`."""
    confirm_within: Seconds = Field(default=20.0, gt=0, le=50)
    """How long the broker may take to confirm a dossier; after that it is sent again, under the same message id."""


class AmqpDelivery(Delivery[PublishSettings]):
    """Publishes a batch at once. A version counts as delivered when the broker has confirmed it."""

    kind = "amqp"
    settings = PublishSettings
    brokers: ClassVar[Brokers]

    def __init__(self, name: str, settings: PublishSettings) -> None:
        super().__init__(name, settings)
        self._broker = self.brokers.get(settings.broker)
        self._exchange = settings.exchange or self.brokers.names.out
        self._started = False

    async def start(self) -> None:
        """Begin to connect."""
        self._started = True
        await self.brokers.start(self._broker)

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        """Publish the versions; of one appeal there is never more than one in a batch."""
        within = self.config.confirm_within
        if not await self._broker.up(min(within, 5.0)):
            return ["unreachable"] * len(batch)
        results = await asyncio.gather(
            *(self._broker.publish(message_of(item, self._exchange), within=within) for item in batch)
        )
        return [None if result is Published.CONFIRMED else result.value for result in results]

    async def health(self) -> Health:
        """Say whether the broker can be reached."""
        return await self.brokers.health(self._broker)

    def links(self) -> Sequence[LinkState]:
        """Say how the connections to the broker stand."""
        return self.brokers.links(self._broker)

    async def close(self) -> None:
        """Let the broker go."""
        if self._started:
            self._started = False
            await self.brokers.close(self._broker)


def message_of(item: Outgoing, exchange: str) -> Message:
    """Return a dossier version as receivers get it: what it is stands in properties and headers, too."""
    region = item.region or "00"
    properties = Properties(
        message_id=item.message_id,
        content_type="application/json",
        type="dossier",
        app_id="appealbus",
        timestamp=wall(),
        headers={
            "number": masked(item.number),
            "version": item.version,
            "completeness": item.completeness,
            "region": region,
            "schema_version": SCHEMA,
        },
    )
    return Message(item.dossier, properties, exchange, f"dossier.{item.completeness}.{region}")
