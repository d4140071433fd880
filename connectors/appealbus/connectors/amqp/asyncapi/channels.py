"""Channels and operations: a queue for each intake, an exchange for each delivery, and the receipt addresses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appealbus.connectors.amqp.asyncapi.messages import ALARMS, IN, OUT, RECEIPTS
from appealbus.connectors.amqp.names import Names
from appealbus.connectors.amqp.settings import IntakeSettings, PublishSettings

_BINDING = "0.3.0"
"""Version of the AMQP bindings of AsyncAPI."""


@dataclass(frozen=True, slots=True)
class Parts:
    channels: Mapping[str, Any] = field(default_factory=dict)
    operations: Mapping[str, Any] = field(default_factory=dict)
    brokers: tuple[str, ...] = ()

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            {**self.channels, **other.channels},
            {**self.operations, **other.operations},
            tuple(dict.fromkeys((*self.brokers, *other.brokers))),
        )


def intake(name: str, settings: IntakeSettings, names: Names, *, hosts: bool) -> Parts:
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
            "bindings": {"amqp": {"is": "queue", "queue": _queue(queue), "bindingVersion": _BINDING}},
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
    return _at(settings.broker, Parts(channels, operations), hosts=hosts)


def outlet(name: str, settings: PublishSettings, names: Names, *, hosts: bool) -> Parts:
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
    published = _published(exchange, channel, said, OUT, operation=operation, title=title)
    return _at(settings.broker, published, hosts=hosts)


def alarms(exchange: str, broker: str, *, hosts: bool) -> Parts:
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
    published = _published(exchange, "surges", said, ALARMS, operation="alarm", title=title)
    return _at(broker, published, hosts=hosts)


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
    return Parts({channel: {**said, "messages": _messages(messages), "bindings": {"amqp": key}}}, {operation: sent})


def _region(otherwise: str) -> dict[str, Any]:
    return {"description": f"Two digits of the oblast in КАТО; {otherwise}.", "examples": ["27", "00"]}


def _at(broker: str, parts: Parts, *, hosts: bool) -> Parts:
    return Parts(parts.channels, parts.operations, (broker,) if hosts else ())


def _queue(name: str) -> dict[str, Any]:
    return {"name": name, "durable": True, "exclusive": False, "autoDelete": False}


def _messages(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _to("components", "messages", name) for name in names}


def _of(channel: str, names: tuple[str, ...]) -> list[dict[str, str]]:
    return [_to("channels", channel, "messages", name) for name in names]


def _to(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in path)}
