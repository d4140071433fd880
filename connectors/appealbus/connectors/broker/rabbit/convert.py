"""Conversion between pika's messages and ours, and a message delivered but not settled yet."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from pika import BasicProperties
from pika.exceptions import AMQPError

from appealbus.connectors.broker.broker import Handled, Header, Message, Properties
from appealbus.connectors.broker.rabbit.channel import Channel

_PERSISTENT = 2
"""AMQP's delivery mode for a message that survives a restart of the broker."""
_TRANSIENT = 1
"""AMQP's delivery mode for one that need not."""
_ATTEMPTS = "x-delivery-count"


def to_pika(properties: Properties) -> BasicProperties:
    """Convert properties for pika. Empty strings are left out."""
    return BasicProperties(
        content_type=properties.content_type or None,
        headers=dict(properties.headers) or None,
        delivery_mode=_PERSISTENT if properties.persistent else _TRANSIENT,
        priority=properties.priority,
        correlation_id=properties.correlation_id or None,
        reply_to=properties.reply_to or None,
        expiration=None if properties.expiration is None else str(max(0, round(properties.expiration * 1000))),
        message_id=properties.message_id or None,
        timestamp=None if properties.timestamp is None else int(properties.timestamp.timestamp()),
        type=properties.type or None,
        app_id=properties.app_id or None,
    )


def from_pika(method: Any, properties: BasicProperties, body: bytes) -> Message:
    """Convert a received message. Unusable property values of other programs are dropped."""
    given = properties
    return Message(
        body,
        Properties(
            message_id=_text(given.message_id),
            correlation_id=_text(given.correlation_id),
            reply_to=_text(given.reply_to),
            content_type=_text(given.content_type),
            type=_text(given.type),
            app_id=_text(given.app_id),
            expiration=_seconds(_text(given.expiration)),
            priority=given.priority,
            timestamp=_moment(given.timestamp),
            persistent=given.delivery_mode == _PERSISTENT,
            headers=_headers(given.headers) if given.headers else {},
        ),
        _text(method.exchange),
        _text(method.routing_key),
    )


def attempts(properties: BasicProperties) -> int:
    """Return the number of earlier unsettled deliveries, as quorum queues count them.

    `x-acquired-count`, from 4.3 on, also counts messages returned without failure, so it is not used.
    """
    given = properties.headers.get(_ATTEMPTS) if properties.headers else None
    return given if isinstance(given, int) and given > 0 else 0


def _text(value: str | bytes | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _seconds(value: str) -> float | None:
    return int(value) / 1000 if value.isascii() and value.isdigit() and len(value) < 20 else None


def _moment(value: int | None) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _headers(given: dict[Any, Any]) -> dict[str, Header]:
    return {
        _text(name): int(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in given.items()
        if value is None or isinstance(value, str | int | bool)
    }


class RabbitDelivered(Handled):
    """A delivered message, bound to its channel: on another channel the same tag means another message."""

    __slots__ = ("_channel", "_counts", "_tag", "attempts", "is_settled", "message", "redelivered")

    def __init__(
        self, channel: Channel, counts: Counter[str], method: Any, properties: BasicProperties, body: bytes
    ) -> None:
        self._channel = channel
        self._counts = counts
        self._tag: int = method.delivery_tag
        self.is_settled = False
        self.message = from_pika(method, properties, body)
        self.redelivered = bool(method.redelivered)
        self.attempts = attempts(properties)

    def ack(self) -> bool:
        return self._settle("acked", self._channel.raw.basic_ack)

    def reject(self) -> bool:
        return self._settle("rejected", self._channel.raw.basic_reject, requeue=False)

    def requeue(self) -> bool:
        """Return the message without failure. From RabbitMQ 4.3 on a nack does not count as a failed delivery."""
        return self._settle("requeued", self._channel.raw.basic_nack, requeue=True)

    def fail(self) -> bool:
        """Return the message as failed; the queue's delivery limit counts it."""
        return self._settle("failed", self._channel.raw.basic_reject, requeue=True)

    def _settle(self, what: str, send: Any, **arguments: Any) -> bool:
        if self.is_settled:
            return False
        # On a lost channel too: the broker has taken the message back by itself, and there is no more to be done.
        self.is_settled = True
        if not self._channel.is_open:
            return False
        try:
            send(self._tag, **arguments)
        except AMQPError:
            return False
        self._counts[what] += 1
        return True
