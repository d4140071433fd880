"""CloudEvents attributes in message headers, by the AMQP binding of CloudEvents 1.0, binary mode."""

from datetime import UTC, datetime

from appealbus.connectors.broker.broker import Header

PREFIX = "cloudEvents:"
"""As in the released binding 1.0.2. Later drafts prefer `cloudEvents_` and require receivers to read both."""


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
