"""What makes a message a CloudEvent: attributes in its headers, by the AMQP binding of CloudEvents 1.0, binary mode."""

from datetime import UTC, datetime

from appealbus.connectors.broker.broker import Header

PREFIX = "cloudEvents:"
"""As the released binding 1.0.2 writes it. Later drafts prefer `cloudEvents_` and have receivers read both."""


def source_of(base: str, kind: str, name: str) -> str:
    """Return the `source` of a delivery's or an intake's events: `/appealbus/deliveries/registry`.

    Each has its own, for receivers with different masks get different data under one id.
    """
    return f"{base}/{kind}/{name}"


def type_of(schema: str) -> str:
    """Return the `type` for the name of a schema: `appealbus.dossier.v1` for `urn:appealbus:dossier:1`.

    CloudEvents would have a domain in front, turned around. The project has none, and takes nobody else's.
    """
    _, bus, document, version = schema.split(":")
    return f"{bus}.{document}.v{version}"


def attributes(event_id: str, source: str, schema: str, time: datetime, subject: str = "") -> dict[str, Header]:
    """Return the headers of an event; `datacontenttype` is the property `content_type`.

    Args:
        event_id: the same whenever the same event is sent again.
        source: where it comes from; with the id it names the event.
        schema: what its data is, by the name of the schema.
        time: when it happened.
        subject: whom it is about, masked; left out where it is empty.

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
