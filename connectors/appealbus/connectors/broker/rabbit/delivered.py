"""A message delivered by RabbitMQ and not settled yet."""

from collections import Counter
from typing import Any

from pika import BasicProperties
from pika.exceptions import AMQPError

from appealbus.connectors.broker.handling import Handled
from appealbus.connectors.broker.rabbit.channel import Channel
from appealbus.connectors.broker.rabbit.convert import attempts, from_pika


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
