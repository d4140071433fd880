"""The delivery `amqp`: dossiers published to an exchange, each confirmed by the broker."""

from collections.abc import Sequence
from dataclasses import replace

from appealbus.connectors.amqp.brokers import Brokers, link_of
from appealbus.connectors.amqp.messages import attributes, source_of
from appealbus.connectors.amqp.settings import PublishSettings
from appealbus.connectors.amqp.topology import WantedTopology, bus_of
from appealbus.connectors.broker.broker import Message, Properties, Published
from appealbus.core import Delivery, Handed, Health, LinkState, LinkStatus, Outgoing, Refused
from appealbus.core.clocks import wall
from appealbus.core.masking import masked
from appealbus.schemas import Dossier
from appealbus.schemas.xml import DOSSIER_NS

SCHEMA = str(Dossier.model_fields["schema_version"].default)


_ALL = 128
"""More than a batch holds: no limit."""
_TOLD = 5
"""Routing keys listed in a message for people; the others have the same cause."""


class AmqpDelivery(Delivery[PublishSettings]):
    """Publishes a whole batch at once. A version counts as delivered when the broker has confirmed it."""

    def __init__(self, name: str, settings: PublishSettings, brokers: Brokers) -> None:
        super().__init__(name, settings)
        self._brokers = brokers
        self._broker = self._brokers.get(settings.broker)
        self._exchange = settings.exchange or self._brokers.names.out
        self._source = source_of(self._brokers.source, "deliveries", name)
        self._wanted = bus_of(self._brokers.names) + WantedTopology(outlets=(self._exchange,))
        self._started = False
        self._unroutable: set[str] = set()
        # By routing key: how many versions that were refused are sent again at once.
        self._again: dict[str, int] = {}

    async def start(self) -> None:
        self._started = True
        await self._brokers.start(self._broker, self._wanted)

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Publish the versions; a batch holds at most one of each appeal.

        If one of several queues behind the exchange is full, the broker refuses the message although the other queues
        accepted it, and each retry adds a copy there. So refused versions are retried in groups of one, two, four, as
        long as the broker confirms them.
        """
        within = self.config.confirm_within
        if not await self._broker.up(min(within, 5.0)):
            return ["unreachable"] * len(batch)
        messages = [message_of(item, self._exchange, self._source) for item in batch]
        sent = self._not_held_back(batch, messages)
        results = await self._broker.publish_all([messages[at] for at in sent], within=within)
        ended = dict(zip(sent, results, strict=True))
        for key in {messages[at].routing_key for at in sent}:
            by_key = {at: result for at, result in ended.items() if messages[at].routing_key == key}
            self._learn(key, set(by_key.values()), [result for at, result in by_key.items() if batch[at].attempts])
        return [_handed(ended.get(at, Published.REFUSED)) for at in range(len(batch))]

    def _not_held_back(self, batch: Sequence[Outgoing], messages: Sequence[Message]) -> list[int]:
        left = dict(self._again)
        sent = []
        for at, (item, message) in enumerate(zip(batch, messages, strict=True)):
            if item.attempts and message.routing_key in left:
                if not left[message.routing_key]:
                    continue
                left[message.routing_key] -= 1
            sent.append(at)
        return sent

    def _learn(self, key: str, results: set[Published], again: Sequence[Published]) -> None:
        if Published.REFUSED in results:
            self._again[key] = 1
        elif key in self._again and again and set(again) == {Published.CONFIRMED}:
            self._again[key] *= 2
            if self._again[key] > _ALL:
                del self._again[key]
        if Published.UNROUTABLE in results:
            self._unroutable.add(key)
        elif Published.CONFIRMED in results:
            self._unroutable.discard(key)

    async def health(self) -> Health:
        return await self._brokers.health(self._broker, self._wanted)

    def links(self) -> Sequence[LinkState]:
        """Return the state of the connections, and the dossiers that no receiver's queue is bound for."""
        links = self._brokers.links(self._broker)
        state = link_of(f"delivery.{self.name}", links, {})
        if state.status is LinkStatus.UP and self._unroutable:
            keys = ", ".join(sorted(self._unroutable)[:_TOLD])
            detail = f"no queue is bound to the exchange {self._exchange} for {keys}; these dossiers wait in the outbox"
            state = replace(state, detail=detail, warning=True)
        return (*links, state)

    async def close(self) -> None:
        if self._started:
            self._started = False
            await self._brokers.close(self._broker)


def _handed(result: Published) -> Handed:
    if result is Published.CONFIRMED:
        return None
    return Refused(result.value) if result is Published.UNFIT else result.value


def message_of(item: Outgoing, exchange: str, source: str) -> Message:
    """Return the message of a dossier version; properties and headers describe it, too."""
    region = item.region or "00"
    now = wall()
    subject = item.message_id.rpartition("/")[0]
    properties = Properties(
        message_id=item.message_id,
        content_type="application/json",
        type="dossier",
        app_id="appealbus",
        timestamp=now,
        headers={
            **attributes(item.message_id, source, DOSSIER_NS, item.created_at or now, subject),
            "number": masked(item.number),
            "version": item.version,
            "epoch": item.epoch,
            "completeness": item.completeness,
            "region": region,
            "schema_version": SCHEMA,
        },
    )
    return Message(item.dossier, properties, exchange, f"dossier.{item.completeness}.{region}")
