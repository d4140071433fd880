"""The AMQP connector."""

from appealbus.connectors.amqp.agency.settings import AgencySettings
from appealbus.connectors.amqp.agency.wire import AgencyWire
from appealbus.connectors.amqp.brokers import Brokers
from appealbus.core.interfaces.wire import Connector


class AmqpConnector(Connector[AgencySettings]):
    """`connector = "amqp"`: an agency behind a queue."""

    name = "amqp"
    settings = AgencySettings

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers

    def wire(self, source: str, settings: AgencySettings) -> AgencyWire:
        """Bind to one source; raise ConfigError where its broker is not configured."""
        return AgencyWire(source, settings, self.brokers)
