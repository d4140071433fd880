"""What a sender is told: the receipt, or why there is none."""

from appealbus.connectors.amqp.broker import Message, Properties
from appealbus.connectors.amqp.inbound import JSON, XML, media_type_of
from appealbus.core import Quarantined, Taken
from appealbus.core.clocks import wall
from appealbus.schemas import Receipt, Refusal
from appealbus.schemas.xml import to_xml


def reply_to(request: Message, result: Taken | Quarantined, channel: str) -> Message | None:
    """Return the message for whoever sent the request, in the request's own format; None where nobody asked for one."""
    asked = request.properties
    if not asked.reply_to:
        return None
    told: Receipt | Refusal
    if isinstance(result, Taken):
        told = result.receipt
    else:
        told = Refusal(code=result.code, reason=result.reason, quarantine_id=result.quarantine_id, channel=channel)
    in_xml = media_type_of(request) == XML
    properties = Properties(
        correlation_id=asked.correlation_id or asked.message_id,
        content_type=XML if in_xml else JSON,
        type=type(told).__name__.lower(),
        app_id="appealbus",
        timestamp=wall(),
    )
    body = to_xml(told) if in_xml else told.model_dump_json().encode()
    return Message(body, properties, routing_key=asked.reply_to)
