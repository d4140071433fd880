"""RabbitMQ, or its twin in memory: appeals in, dossiers out, hints for workers, questions to agencies."""

from typing import Any

import typer

from appealbus.connectors.amqp.agency import AmqpConnector
from appealbus.connectors.amqp.brokers import brokers_of, with_brokers
from appealbus.connectors.amqp.delivery import AmqpDelivery
from appealbus.connectors.amqp.intake import AmqpIntake
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.connectors.amqp.topology_command import add_to
from appealbus.connectors.amqp.work import AmqpWorkQueue
from appealbus.core import Connector, Delivery, Intake, Settings, WorkQueue, hookimpl


@hookimpl
def register_settings() -> type[Settings]:
    """Brokers, and what the names of exchanges and queues begin with."""
    return AmqpSettings


@hookimpl
def register_connectors(settings: AmqpSettings) -> list[Connector[Any]]:
    """Ask agencies by their queues."""
    return [AmqpConnector(brokers_of(settings))]


@hookimpl
def register_intakes(settings: AmqpSettings) -> list[type[Intake[Any]]]:
    """Take appeals from a queue."""
    return [with_brokers(AmqpIntake, brokers_of(settings))]


@hookimpl
def register_deliveries(settings: AmqpSettings) -> list[type[Delivery[Any]]]:
    """Publish dossiers."""
    return [with_brokers(AmqpDelivery, brokers_of(settings))]


@hookimpl
def register_work_queues(settings: AmqpSettings) -> list[type[WorkQueue[Any]]]:
    """Tell other workers of appeals that wait."""
    return [with_brokers(AmqpWorkQueue, brokers_of(settings))]


@hookimpl
def register_commands(app: typer.Typer, settings: AmqpSettings) -> None:
    """Compare the broker with what the bus needs, and make it so."""
    add_to(app, settings)
