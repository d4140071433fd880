"""Brokers of a configuration: one connection pair for each, shared by all parts that name it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from appealbus.connectors.amqp.settings import MAIN, AmqpSettings, Names
from appealbus.connectors.amqp.topology import WantedTopology, bus_of
from appealbus.connectors.amqp.topology.by_amqp import declare_in_memory
from appealbus.connectors.amqp.topology.keeper import TopologyKeeper, look
from appealbus.connectors.amqp.topology.management import ManagementFailed
from appealbus.connectors.broker.broker import Broker, BrokerError, Trouble
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import ConfigError, Health, LinkState, LinkStatus

_LOOK = 10.0
"""Seconds for a first connection: the default length of one attempt."""


class Brokers:
    """Creates a broker at the first request, and returns the same one afterwards."""

    def __init__(self, settings: AmqpSettings) -> None:
        self.names = Names(settings.prefix)
        self.settings = settings
        self.source = settings.source or f"/{settings.prefix}"
        """Prefix of the `source` attribute of events."""
        self.channels: defaultdict[tuple[Broker, str], dict[str, str]] = defaultdict(dict)
        """By broker and dead-letter queue: the names of the intakes' channels, by their queues of appeals."""
        self.named: defaultdict[Broker, set[str]] = defaultdict(set)
        """By broker: queues named in the configuration. A sender must not direct receipts to them."""
        self.intakes: defaultdict[Broker, list[str]] = defaultdict(list)
        """By broker: the queues of appeals of all its intakes."""
        self._configured = {MAIN: BrokerSettings(), **settings.brokers}
        self._made: dict[str, Broker] = {}
        self._keepers: dict[str, TopologyKeeper] = {}

    def get(self, name: str = MAIN) -> Broker:
        """Return a broker by name. It connects at `start`. Raises ConfigError if there is no broker of this name."""
        if name not in self._configured:
            known = ", ".join(sorted(self._configured))
            raise ConfigError(
                f"there is no broker {name!r}; write one of {known}, or add a table [plugins.amqp.brokers.{name}]"
            )
        if name not in self._made:
            self._made[name] = self._make(name, self._configured[name])
        return self._made[name]

    def in_memory(self, broker: Broker) -> bool:
        """Whether the broker lives in this process, so that nobody else creates its queues."""
        return not self._configured[broker.name].hosts

    async def start(self, broker: Broker, wanted: WantedTopology | None = None) -> None:
        """Begin to connect and maintain the topology, by default that of a bus; an in-memory broker gets it at once."""
        await broker.start()
        wanted = bus_of(self.names) if wanted is None else wanted
        if self.in_memory(broker):
            await declare_in_memory(broker, wanted)
            return
        if broker.name not in self._keepers:
            self._keepers[broker.name] = TopologyKeeper(broker, self._configured[broker.name])
        self._keepers[broker.name].start(wanted)

    async def close(self, broker: Broker) -> None:
        """Release a broker; call once for each `start`."""
        if broker.name in self._keepers:
            await self._keepers[broker.name].stop()
        await broker.close()

    async def health(self, broker: Broker, wanted: WantedTopology | None = None) -> Health:
        """Check that a broker is reachable and has the topology. Creates nothing and leaves no connection open."""
        if self.in_memory(broker):
            return Health(True, f"the broker {broker.name} is in the memory of this process")
        await broker.start()
        try:
            if not await broker.up(_LOOK):
                return unreached(broker)
            return await self._seen(broker, bus_of(self.names) if wanted is None else wanted)
        finally:
            await broker.close()

    async def _seen(self, broker: Broker, wanted: WantedTopology) -> Health:
        settings = self._configured[broker.name]
        there = f"the broker {broker.name} is there"
        try:
            looked = await look(broker, settings, wanted)
        except (BrokerError, ManagementFailed, ConfigError) as error:
            return Health(False, f"{there}; {error}")
        # What is only missing is made by the bus when it starts, if it may.
        problems = [str(problem) for problem in looked.problems if not (problem.by_declaring and settings.declare)]
        return Health(not problems, "; ".join([there, *problems]))

    def links(self, broker: Broker) -> Sequence[LinkState]:
        """Return the state of a broker's connections and topology."""
        keeper = self._keepers.get(broker.name)
        return (*broker.links(), *(keeper.links() if keeper is not None else ()))

    def _make(self, name: str, settings: BrokerSettings) -> Broker:
        # Each is imported when it is needed: pika is no part of a bus that has no RabbitMQ.
        if settings.hosts:
            from appealbus.connectors.broker.rabbit import RabbitBroker

            return RabbitBroker(name, settings)
        from appealbus.connectors.broker.memory import MemoryBroker

        return MemoryBroker(name, settings)


def unreached(broker: Broker) -> Health:
    """Return the health of a started broker that is not connected."""
    wrong = next((f"{link.status}: {link.detail}" for link in broker.links() if link.detail), "")
    return Health(False, f"no connection to the broker {broker.name}; {wrong}".rstrip("; "))


def link_of(
    name: str, broker: Sequence[LinkState], counts: Mapping[str, int], troubles: Iterable[Trouble | None] = ()
) -> LinkState:
    """Return the state of a part that uses a broker: that of the worst connection, or the part's own trouble."""
    worst = next((link for link in broker if link.status is not LinkStatus.UP), None)
    if worst is not None:
        return LinkState(name, worst.status, f"see {worst.name}", worst.since, counts=dict(counts))
    states = [trouble for trouble in troubles if trouble is not None] or [(LinkStatus.UP, "")]
    return LinkState(name, states[0][0], "; ".join(detail for _, detail in states), counts=dict(counts))
