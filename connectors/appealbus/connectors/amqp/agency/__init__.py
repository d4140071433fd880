"""The connector `amqp`: an agency takes questions from a queue and answers at once or hours later."""

from appealbus.connectors.amqp.agency.settings import AgencySettings
from appealbus.connectors.amqp.agency.wire import AgencyWire

__all__ = ["AgencySettings", "AgencyWire"]
