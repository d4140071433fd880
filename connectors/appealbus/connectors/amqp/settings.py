"""What can be set about brokers: the table `[plugins.amqp]`."""

from typing import Annotated

from pydantic import StringConstraints

from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Settings


class AmqpSettings(Settings):
    """The table `[plugins.amqp]`."""

    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,60}$")] = "appealbus"
    """What the names of all exchanges and queues of this bus begin with."""
    brokers: dict[str, BrokerSettings] = {}
    """Brokers by name. `main` is the one that is meant where none is named; left out, it lives in memory."""
