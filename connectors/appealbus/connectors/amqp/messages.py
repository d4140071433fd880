"""Messages of senders and of the bus: media types, CloudEvents headers, and what becomes of a dead letter."""

from collections.abc import Mapping
from datetime import UTC, datetime

from appealbus.connectors.amqp.settings import Names
from appealbus.connectors.broker.broker import Delivered, Header, Message, Properties
from appealbus.core import Inbound
from appealbus.schemas.base import printable

PREFIX = "cloudEvents:"
"""As in the released binding 1.0.2. Later drafts prefer `cloudEvents_` and require receivers to read both."""

JSON = "application/json"
XML = "application/xml"
_BOM = b"\xef\xbb\xbf"
_SHOWN = 100
"""Characters kept of a name from a sender. Ours have some twenty, and AMQP allows 255."""

_DEATHS = {
    "delivery_limit": "it was given back too often, as if each worker that took it had died",
    "expired": "it waited for longer than the queue allows",
    "maxlen": "the queue was full",
    "rejected": "a consumer rejected it",
}


def source_of(base: str, kind: str, name: str) -> str:
    """Return the `source` of a delivery's or an intake's events: `/appealbus/deliveries/registry`.

    Each has its own: receivers with different masks get different data under one id.
    """
    return f"{base}/{kind}/{name}"


def type_of(schema: str) -> str:
    """Return the `type` for a schema name: `appealbus.dossier.v1` for `urn:appealbus:dossier:1`.

    CloudEvents recommends a reversed domain name as prefix; the project has none.
    """
    _, bus, document, version = schema.split(":")
    return f"{bus}.{document}.v{version}"


def attributes(event_id: str, source: str, schema: str, time: datetime, subject: str = "") -> dict[str, Header]:
    """Return the headers of an event; `datacontenttype` is the property `content_type`.

    Args:
        event_id: the same each time the event is sent; with `source` it identifies the event.
        schema: name of the schema of the data.
        subject: the applicant, masked; omitted if empty.
    """
    said = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": type_of(schema),
        "dataschema": schema,
        "time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "subject": subject,
    }
    return {f"{PREFIX}{name}": value for name, value in said.items() if value}


def inbound_of(delivered: Delivered, channel: str, queue: str) -> Inbound:
    """Return the inbound message of a channel. The bus decides whether it is an appeal."""
    message = delivered.message
    media_type = media_type_of(message)
    body = message.body.removeprefix(_BOM) if media_type == JSON else message.body
    return Inbound(channel, _position(message, queue), body, media_type, again=delivered.redelivered)


def dead_letter(message: Message, channels: Mapping[str, str], queue: str, names: Names) -> Inbound | None:
    """Return a dead-lettered message, undecoded and with its reason; None for a hint of the work queue.

    `channels` are the channels whose dead letters come to this queue, by their queues of appeals.
    """
    headers = message.properties.headers
    died_in = printable(str(headers.get("x-last-death-queue") or "a queue"))[:_SHOWN]
    if died_in == names.work:
        return None
    why = _DEATHS.get(str(headers.get("x-last-death-reason")), "it does not say why")
    text = f"the broker gave up on it in {died_in}: {why}"
    # A queue that leads to the only intake is that intake's.
    channel = next(iter(channels.values())) if len(channels) == 1 else channels.get(died_in)
    if channel is None:
        channel, text = died_in, f"{text}; which channel it is of, that queue does not tell"
    return Inbound(channel, _position(message, queue), message.body, media_type_of(message), text)


def media_type_of(message: Message) -> str:
    """Return `application/xml` or `application/json`: as declared, else guessed from the first character."""
    said = message.properties.content_type.partition(";")[0].strip().lower()
    if said in {XML, "text/xml"} or said.endswith("+xml"):
        return XML
    if said in {JSON, "text/json"} or said.endswith("+json"):
        return JSON
    start = message.body[:100].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return XML if start.startswith(b"<") else JSON


def _position(message: Message, queue: str) -> str:
    properties: Properties = message.properties
    return f"{queue}#{properties.message_id}" if properties.message_id else queue
