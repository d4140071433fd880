"""A message that we hold."""

from collections import Counter
from typing import Any

from pika import BasicProperties
from pika.exceptions import AMQPError

from appealbus.connectors.broker.broker import Delivered
from appealbus.connectors.broker.rabbit.channel import Channel
from appealbus.connectors.broker.rabbit.convert import attempts, from_pika


class RabbitDelivered(Delivered):
    """Bound to its channel: the tag means another message on the next one."""

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
        """See `Delivered`."""
        return self._settle("acked", self._channel.raw.basic_ack)

    def reject(self) -> bool:
        """See `Delivered`."""
        return self._settle("rejected", self._channel.raw.basic_reject, requeue=False)

    def requeue(self) -> bool:
        """See `Delivered`. A nack does not count as a failed delivery, from 4.3 on."""
        return self._settle("requeued", self._channel.raw.basic_nack, requeue=True)

    def fail(self) -> bool:
        """Give it back as one that failed: it counts, and the queue's delivery limit ends it one day."""
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
