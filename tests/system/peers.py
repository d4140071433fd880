"""Who is at the other ends of the broker: a sender and a receiver, on pika, with all that they must do themselves."""

import logging
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import pika
from pika.exceptions import AMQPError, NackError, UnroutableError

from tests.services.rabbitmq import Vhost
from tests.system.program import PATIENCE

QUORUM = {"x-queue-type": "quorum"}
_PAUSE = 0.3
# A broker that is away is what these tests are about, not worth a page each time.
logging.getLogger("pika").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as a sender makes it."""

    message_id: str
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Got:
    """A message as a receiver has it."""

    properties: pika.BasicProperties
    routing_key: str
    body: bytes


class Sender:
    """Publishes in a thread, each message until the broker has confirmed it; asks for receipts."""

    def __init__(self, vhost: Vhost, reply_to: str = "") -> None:
        self._vhost = vhost
        self._reply_to = reply_to
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None
        self.confirmed = 0
        self.repeated = 0
        """How often the broker did not say whether it had a message, so that it was sent again."""

    def send(self, mail: Iterable[Mail], pause: float = 0.0) -> None:
        """Send, with so many seconds between two; returns when all are confirmed."""
        left = list(mail)[::-1]
        while left and not self._halt.is_set():
            try:
                self._send(left, pause)
            except (AMQPError, OSError):
                self.repeated += 1
                self._halt.wait(_PAUSE)

    def start(self, mail: Sequence[Mail], pause: float = 0.0) -> Self:
        """Send in the background."""
        self._thread = threading.Thread(target=self.send, args=(mail, pause), name="sender", daemon=True)
        self._thread.start()
        return self

    @property
    def sending(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Give up what is left."""
        self._halt.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _send(self, left: list[Mail], pause: float) -> None:
        with self._vhost.channel() as channel:
            channel.confirm_delivery()
            while left and not self._halt.wait(pause):
                mail = left[-1]
                properties = pika.BasicProperties(
                    message_id=mail.message_id,
                    content_type=mail.content_type,
                    delivery_mode=2,
                    reply_to=self._reply_to or None,
                )
                try:
                    channel.basic_publish("appealbus.in", "appeal", mail.body, properties, mandatory=True)
                except (NackError, UnroutableError):
                    self._halt.wait(_PAUSE)
                else:
                    left.pop()
                    self.confirmed += 1


class Receiver:
    """Consumes a queue of its own in a thread, notes each message, then acknowledges it."""

    def __init__(self, vhost: Vhost, queue: str, exchange: str = "", routing_key: str = "#") -> None:
        """Declare the queue, and bind it to the exchange if one is given."""
        self._vhost = vhost
        self._queue = queue
        self.got: list[Got] = []
        self._halt = threading.Event()
        with vhost.channel() as channel:
            channel.queue_declare(queue, durable=True, arguments=QUORUM)
            if exchange:
                channel.queue_bind(queue, exchange, routing_key)
        self._thread = threading.Thread(target=self._run, name=f"receiver-{queue}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Consume no more."""
        self._halt.set()
        self._thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._halt.is_set():
            with suppress(AMQPError, OSError):
                self._consume()
            self._halt.wait(_PAUSE)

    def _consume(self) -> None:
        with self._vhost.channel() as channel:
            channel.basic_qos(prefetch_count=50)
            for method, properties, body in channel.consume(self._queue, inactivity_timeout=_PAUSE):
                if method is not None:
                    self.got.append(Got(properties, method.routing_key, body))
                    channel.basic_ack(method.delivery_tag)
                if self._halt.is_set():
                    return
