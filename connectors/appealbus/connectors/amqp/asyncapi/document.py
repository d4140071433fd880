"""The whole AsyncAPI document of a configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

from appealbus.connectors.amqp.asyncapi.channels import Parts, alarms, intake, outlet
from appealbus.connectors.amqp.asyncapi.messages import messages, payloads
from appealbus.connectors.amqp.names import Names
from appealbus.connectors.amqp.settings import MAIN, AmqpSettings, IntakeSettings, PublishSettings
from appealbus.core import Settings, __version__
from appealbus.core.serving import Loaded

VERSION = "3.0.0"
"""Version of AsyncAPI. 3.1 adds nothing that we need, and most tools read 3.0."""
_ABOUT = (
    "Appeals and changes in, receipts and refusals back, dossiers and alarms out. What the words mean, and what "
    "whoever sends or receives can rely on: docs/amqp.md. Not here is what nobody else may use: hints between the "
    "workers of one bus, and messages that a broker gave up on; nor questions to agencies, whose contract they are."
)


def asyncapi_document(configuration: Loaded, *, hosts: bool = False) -> dict[str, Any]:
    """Return the AsyncAPI 3 document of all messages of `amqp` intakes and deliveries, and of alarms.

    `hosts` adds the brokers' hosts, ports and virtual hosts, never users and passwords. Raises InvalidConfig.
    """
    settings = configuration.validate(AmqpSettings, "plugins", "amqp")
    names = Names(settings.prefix)
    parts = Parts()
    for name, taking in _tables(configuration, "intakes", IntakeSettings):
        parts += intake(name, taking, names, hosts=hosts)
    for name, giving in _tables(configuration, "deliveries", PublishSettings):
        parts += outlet(name, giving, names, hosts=hosts)
    watched = (configuration.document.get("plugins") or {}).get("surges")
    if isinstance(watched, dict) and isinstance(watched.get("broker"), str):
        parts += alarms(str(watched.get("exchange") or names.alarms), watched["broker"], hosts=hosts)
    document = {
        "asyncapi": VERSION,
        "info": {
            "title": configuration.settings.bus.name,
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": parts.channels,
        "operations": parts.operations,
        "components": {"messages": messages(), "schemas": payloads()},
    }
    if hosts:
        document["servers"] = {key: value for broker in parts.brokers for key, value in _servers(broker, settings)}
    return document


def _tables(configuration: Loaded, kind: str, model: type[Settings]) -> Iterator[tuple[str, Any]]:
    tables: Mapping[str, Any] = configuration.document.get(kind) or {}
    for name, table in tables.items():
        if isinstance(table, dict) and table.get("kind") == "amqp":
            yield name, configuration.validate(model, kind, name)


def _servers(name: str, settings: AmqpSettings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the hosts of a broker; an in-memory broker has none."""
    broker = settings.brokers.get(name)
    for number, host in enumerate(broker.hosts if broker is not None else [], start=1):
        yield (
            f"{name}-{number}",
            {
                "host": host,
                "protocol": "amqp" if broker is None or broker.tls is None else "amqps",
                "protocolVersion": "0.9.1",
                "pathname": f"/{broker.virtual_host}" if broker is not None else "/",
                "description": f"The broker {name}"
                + (", as all parts have it that name none." if name == MAIN else "."),
            },
        )
