"""Plugin for RabbitMQ or the in-memory broker: intakes, deliveries, work queues and the agency connector."""

from functools import partial
from typing import Any

import typer

from appealbus.connectors.amqp.agency import AgencySettings, AgencyWire
from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.command import add_to
from appealbus.connectors.amqp.delivery import AmqpDelivery
from appealbus.connectors.amqp.intake import AmqpIntake
from appealbus.connectors.amqp.settings import AmqpSettings, IntakeSettings, PublishSettings, WorkSettings
from appealbus.connectors.amqp.work import AmqpWorkQueue
from appealbus.core import Delivery, Factory, Intake, Settings, Wire, WorkQueue, hookimpl


@hookimpl
def register_settings() -> type[Settings]:
    return AmqpSettings


@hookimpl
def register_shared(settings: AmqpSettings) -> Brokers:
    """Create the connection pairs, one for each broker, that all parts share."""
    return Brokers(settings)


@hookimpl
def register_connectors(shared: Brokers) -> list[Factory[Wire]]:
    return [Factory("amqp", AgencySettings, partial(AgencyWire, brokers=shared))]


@hookimpl
def register_intakes(shared: Brokers) -> list[Factory[Intake[Any]]]:
    return [Factory("amqp", IntakeSettings, partial(AmqpIntake, brokers=shared))]


@hookimpl
def register_deliveries(shared: Brokers) -> list[Factory[Delivery[Any]]]:
    return [Factory("amqp", PublishSettings, partial(AmqpDelivery, brokers=shared))]


@hookimpl
def register_work_queues(shared: Brokers) -> list[Factory[WorkQueue[Any]]]:
    return [Factory("amqp", WorkSettings, partial(AmqpWorkQueue, brokers=shared))]


@hookimpl
def register_commands(app: typer.Typer, settings: AmqpSettings) -> None:
    add_to(app, settings)
