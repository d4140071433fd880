"""Published messages of one channel that wait for confirmation."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pika import BasicProperties

from appealbus.connectors.broker.broker import BrokerError, BrokerRefused, Message, Published
from appealbus.connectors.broker.rabbit.channel import Channel
from appealbus.connectors.broker.rabbit.connection import guarded
from appealbus.connectors.broker.rabbit.convert import to_pika

NO_ROOM = 506
"""AMQP's resource error: a broker that sends `nack` gives no reason."""
_SIZE = re.compile(r"message size (\d+) is larger")
_TOPIC = re.compile(r"access to topic '(.*)' in exchange")


class Settled(NamedTuple):
    """The result of a message; `code` is AMQP's reason of a refusal, `why` the same in words."""

    published: Published
    code: int = 0
    why: str = ""


CONFIRMED = Settled(Published.CONFIRMED)
UNROUTABLE = Settled(Published.UNROUTABLE)
UNSENT = Settled(Published.UNREACHABLE)
INDETERMINATE = Settled(Published.INDETERMINATE)
FULL = Settled(Published.REFUSED, NO_ROOM, "a queue is full, or could not keep the message")


@dataclass(slots=True, eq=False)
class _Pending:
    message: Message
    future: "asyncio.Future[Settled]"
    ends: float
    returned: bool = False


class Confirms:
    """A channel in confirm mode.

    `retired` is set once a message got no answer in time: use another channel. `empty` is set when a retired one has
    no more waiting messages.
    """

    def __init__(self, channel: Channel, leave: Callable[[int], None], counts: Counter[str]) -> None:
        self.channel = channel
        self.retired = asyncio.Event()
        self.empty = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._leave = leave
        self._counts = counts
        self._pending: dict[int, _Pending] = {}
        self._tag = 0
        self._lowest = 1
        self._confirmed = False
        # One for all messages, at the first end of any: nearly all have their word long before.
        self._timer: asyncio.TimerHandle | None = None
        self._publish = channel.raw.basic_publish
        channel.raw.add_on_return_callback(guarded(self._on_return))

    async def begin(self) -> None:
        await self.channel.call(self.channel.raw.confirm_delivery, ack_nack_callback=guarded(self._on_word))

    def send(self, message: Message, *, mandatory: bool, within: float) -> "asyncio.Future[Settled]":
        """Send a message and return a future of its result. Raises pika's errors: then nothing was sent."""
        self._publish(message.exchange, message.routing_key, message.body, to_pika(message.properties), mandatory)
        # Counted after pika took it: what raises there has no number.
        self._tag = tag = self._tag + 1
        future: asyncio.Future[Settled] = self._loop.create_future()
        ends = self._loop.time() + within
        self._pending[tag] = _Pending(message, future, ends)
        if self._timer is None or ends < self._timer.when():
            self._wake_at(ends)
        return future

    def lost(self, reason: BrokerError) -> None:
        """Settle all waiting messages after the channel is gone."""
        for tag, pending in list(self._pending.items()):
            if isinstance(reason, BrokerRefused) and self._refuses(reason, pending.message):
                said = Published.UNFIT if _SIZE.search(self.channel.words) else Published.REFUSED
                self._settle(tag, Settled(said, reason.code, str(reason)))
            else:
                self._settle(tag, INDETERMINATE)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_word(self, frame: Any) -> None:
        method = frame.method
        tag, settled = method.delivery_tag, CONFIRMED if method.NAME == "Basic.Ack" else FULL
        self._confirmed = True
        if method.multiple:
            for lower in range(self._lowest, tag + 1):
                self._settle(lower, settled)
            self._lowest = max(self._lowest, tag + 1)
        else:
            self._settle(tag, settled)

    def _on_return(self, _raw: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
        """Mark a returned message; its confirmation follows. Of several identical ones any is marked."""
        self._counts["returned"] += 1
        for pending in self._pending.values():
            message = pending.message
            if (
                not pending.returned
                and message.routing_key == method.routing_key
                and message.properties.message_id == (properties.message_id or "")
                and message.properties.correlation_id == (properties.correlation_id or "")
                and message.body == body
            ):
                pending.returned = True
                return

    def _wake_at(self, ends: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(ends, self._on_time_up)

    def _on_time_up(self) -> None:
        now = self._loop.time()
        self._timer = None
        for tag, pending in list(self._pending.items()):
            if pending.ends <= now:
                self.retired.set()
                self._settle(tag, INDETERMINATE)
        if self._pending:
            self._wake_at(min(pending.ends for pending in self._pending.values()))

    def _settle(self, tag: int, settled: Settled) -> None:
        pending = self._pending.pop(tag, None)
        if pending is None:
            return
        if pending.returned and settled is CONFIRMED:
            settled = UNROUTABLE
        if not self._pending and self.retired.is_set():
            self.empty.set()
        self._leave(len(pending.message.body))
        self._counts[settled.published.value] += 1
        if not pending.future.done():
            pending.future.set_result(settled)

    def _refuses(self, reason: BrokerRefused, message: Message) -> bool:
        """Whether this message made the broker close the channel. The results of the others are unknown."""
        words = self.channel.words
        if match := _TOPIC.search(words):
            return message.routing_key == match[1]
        if match := _SIZE.search(words):
            return len(message.body) == int(match[1])
        # An exchange that is gone refuses all; one that went away meanwhile may have taken some of them.
        return reason.code in {403, 404} and not self._confirmed
