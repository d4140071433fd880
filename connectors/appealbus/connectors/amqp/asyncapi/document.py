"""The whole AsyncAPI document of a configuration."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from appealbus.connectors.amqp.asyncapi.messages import ALARMS, IN, OUT, RECEIPTS, messages, payloads
from appealbus.connectors.amqp.settings import MAIN, AmqpSettings, IntakeSettings, Names, PublishSettings
from appealbus.core import Settings, __version__
from appealbus.core.serving import Loaded

Parts: TypeAlias = tuple[dict[str, Any], dict[str, Any]]
"""Channels and operations: a queue for each intake, an exchange for each delivery, and the receipt addresses."""

_BINDING = "0.3.0"
"""Version of the AMQP bindings of AsyncAPI."""
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
    parts: list[Parts] = []
    brokers: list[str] = []
    for name, taking in _tables(configuration, "intakes", IntakeSettings):
        parts.append(_intake(name, taking, names))
        brokers.append(taking.broker)
    for name, giving in _tables(configuration, "deliveries", PublishSettings):
        parts.append(_outlet(name, giving, names))
        brokers.append(giving.broker)
    watched = (configuration.document.get("plugins") or {}).get("surges")
    if isinstance(watched, dict) and isinstance(watched.get("broker"), str):
        parts.append(_alarms(str(watched.get("exchange") or names.alarms)))
        brokers.append(watched["broker"])
    document = {
        "asyncapi": VERSION,
        "info": {
            "title": configuration.settings.bus.name,
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: channel for channels, _ in parts for name, channel in channels.items()},
        "operations": {name: operation for _, operations in parts for name, operation in operations.items()},
        "components": {"messages": messages(), "schemas": payloads()},
    }
    if hosts:
        document["servers"] = {
            key: value for broker in dict.fromkeys(brokers) for key, value in _servers(broker, settings)
        }
    return document


def _tables(configuration: Loaded, kind: str, model: type[Settings]) -> Iterator[tuple[str, Any]]:
    tables: Mapping[str, Any] = configuration.document.get(kind) or {}
    for name, table in tables.items():
        if isinstance(table, dict) and table.get("kind") == "amqp":
            yield name, configuration.validate(model, kind, name)


def _servers(name: str, settings: AmqpSettings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the hosts of a broker; an in-memory broker has none."""
    broker = settings.brokers.get(name)
    if broker is None:
        return
    about = f"The broker {name}, as all parts have it that name none." if name == MAIN else f"The broker {name}."
    for number, host in enumerate(broker.hosts, start=1):
        yield (
            f"{name}-{number}",
            {
                "host": host,
                "protocol": "amqp" if broker.tls is None else "amqps",
                "protocolVersion": "0.9.1",
                "pathname": f"/{broker.virtual_host}",
                "description": about,
            },
        )


def _intake(name: str, settings: IntakeSettings, names: Names) -> Parts:
    """Return the queue of an intake with its messages and their replies."""
    queue = settings.queue or names.intake
    channel, replies = f"intakes.{name}", f"intakes.{name}.receipts"
    how = f"Publish to the topic exchange {names.incoming}, with any routing key; it leads here. " * (
        queue == names.intake
    )
    channels = {
        channel: {
            "address": queue,
            "title": f"Appeals and changes, by the channel {name}",
            "description": f"{how}Persistent, with confirms. Send again whenever in doubt: a message id counts once.",
            "messages": _messages(IN),
            "bindings": {
                "amqp": {
                    "is": "queue",
                    "queue": {"name": queue, "durable": True, "exclusive": False, "autoDelete": False},
                    "bindingVersion": _BINDING,
                }
            },
        },
        replies: {
            "address": None,
            "title": f"Receipts and refusals of the channel {name}",
            "description": "The queue that the property reply_to of a message names, through the default exchange.",
            "messages": _messages(RECEIPTS),
        },
    }
    operations = {
        f"take.{name}": {
            "action": "receive",
            "title": f"Take appeals and changes from {queue}",
            "channel": _to("channels", channel),
            "messages": _of(channel, IN),
            "reply": {
                "address": {
                    "location": "$message.header#/reply_to",
                    "description": "The message's property reply_to; without it there is no answer.",
                },
                "channel": _to("channels", replies),
                "messages": _of(replies, RECEIPTS),
            },
            "bindings": {"amqp": {"ack": True, "bindingVersion": _BINDING}},
        }
    }
    return channels, operations


def _outlet(name: str, settings: PublishSettings, names: Names) -> Parts:
    """Return the exchange of a delivery and its messages."""
    exchange, channel = settings.exchange or names.out, f"deliveries.{name}"
    said = {
        "address": "dossier.{completeness}.{region}",
        "title": f"Dossiers for {name}",
        "description": f"Routing keys of the topic exchange {exchange}. Bind a queue to it: dossier.# is all.",
        "parameters": {
            "completeness": {
                "enum": ["partial", "complete", "settled", "hidden"],
                "description": "Whether all that is needed is told; `hidden` where the receiver's mask hides it.",
            },
            "region": _region("00 where the appeal does not tell"),
        },
    }
    title, operation = f"Publish each version of a dossier to {exchange}", f"deliver.{name}"
    return _published(exchange, channel, said, OUT, operation=operation, title=title)


def _alarms(exchange: str) -> Parts:
    said = {
        "address": "surge.{kind}.{region}",
        "title": "Alarms of surges",
        "description": f"Routing keys of the topic exchange {exchange}. Bind a queue to it: surge.alarm.# is all.",
        "parameters": {
            "kind": {"enum": ["alarm", "possible"], "description": "Whether the week is over."},
            "region": _region("00 for what is of no one oblast"),
        },
    }
    title = f"Publish each alarm, and what is possible, to {exchange}"
    return _published(exchange, "surges", said, ALARMS, operation="alarm", title=title)


def _published(
    exchange: str, channel: str, said: dict[str, Any], messages: tuple[str, ...], *, operation: str, title: str
) -> Parts:
    key = {
        "is": "routingKey",
        "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False},
        "bindingVersion": _BINDING,
    }
    sent = {
        "action": "send",
        "title": title,
        "channel": _to("channels", channel),
        "messages": _of(channel, messages),
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}},
    }
    return {channel: {**said, "messages": _messages(messages), "bindings": {"amqp": key}}}, {operation: sent}


def _region(otherwise: str) -> dict[str, Any]:
    return {"description": f"Two digits of the oblast in КАТО; {otherwise}.", "examples": ["27", "00"]}


def _messages(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _to("components", "messages", name) for name in names}


def _of(channel: str, names: tuple[str, ...]) -> list[dict[str, str]]:
    return [_to("channels", channel, "messages", name) for name in names]


def _to(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in path)}
