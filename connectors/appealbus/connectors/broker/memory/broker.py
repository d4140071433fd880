"""In-memory broker. It keeps its messages as long as the process lives."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from appealbus.connectors.broker.broker import (
    Argument,
    Broker,
    BrokerRefused,
    BrokerUnreachable,
    Consumer,
    Handler,
    Message,
    Published,
    QueueInfo,
    Replies,
    RequestUnroutable,
    Trouble,
)
from appealbus.connectors.broker.memory.consumer import MemoryConsumer
from appealbus.connectors.broker.memory.queue import MemoryExchange, MemoryQueue, Stored
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import LinkState, LinkStatus
from appealbus.core.clocks import wall

_KINDS = ("direct", "topic", "fanout")
_SHORT = 255
"""Bytes of a name or of a property, as in AMQP."""


class MemoryBroker(Broker):
    """Exchanges and queues of one process, by RabbitMQ's rules."""

    def __init__(self, name: str, settings: BrokerSettings) -> None:
        self.name = name
        self._largest = settings.largest_message
        self._exchanges: dict[str, MemoryExchange] = {}
        self._queues: dict[str, MemoryQueue] = {}
        self._consumers: list[MemoryConsumer] = []
        self._counts: Counter[str] = Counter()
        self._replies = Replies(self._counts)
        self._reply_queue = ""
        self._starts = 0
        self._since = wall()
        self._serial = itertools.count(1)

    async def start(self) -> None:
        self._starts += 1
        if self._starts == 1:
            self._since = wall()
            self._reply_queue = f"replies.{next(self._serial)}"
            for queue in list(self._queues.values()):
                queue.pump()

    async def close(self) -> None:
        """Stop publishing and consuming; the queues keep their messages."""
        if self._starts == 0:
            return
        self._starts -= 1
        if self._starts == 0:
            self._reply_queue = ""
            self._replies.fail("the broker was closed while a request waited for its reply")
            for consumer in list(self._consumers):
                await consumer.stop(0)
            for queue in self._queues.values():
                queue.rest()

    def links(self) -> tuple[LinkState, ...]:
        """Always up: there is no connection to lose."""
        if not self._starts:
            return ()
        return (LinkState(self.name, LinkStatus.UP, "in memory", self._since, counts=dict(self._counts)),)

    @property
    def requests_trouble(self) -> Trouble | None:
        return None

    async def up(self, within: float) -> bool:
        return self._starts > 0

    async def publish_all(
        self, messages: Sequence[Message], *, mandatory: bool = True, within: float = 10.0
    ) -> list[Published]:
        # A confirmation of a real broker lets others run, too.
        await asyncio.sleep(0)
        return [self._publish_one(message, mandatory=mandatory) for message in messages]

    def _publish_one(self, message: Message, *, mandatory: bool) -> Published:
        if not self._starts:
            return Published.UNREACHABLE
        result = self._publish(message, frozenset())
        if result is Published.UNROUTABLE and not mandatory:
            result = Published.CONFIRMED
        self._counts["published"] += 1
        self._counts[result.value] += 1
        return result

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> Consumer:
        self._check_started()
        consumer = MemoryConsumer(queue, handler, prefetch, self._counts, self._forget)
        self._consumers.append(consumer)
        self._attach(consumer)
        return consumer

    def _forget(self, consumer: MemoryConsumer) -> None:
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    async def request(self, message: Message, within: float) -> Message:
        self._check_started()
        properties = replace(message.properties, reply_to=self._reply_queue, expiration=within)
        with self._replies.waiting(message) as reply:
            async with asyncio.timeout(within):
                match await self.publish(replace(message, properties=properties)):
                    case Published.UNROUTABLE:
                        raise RequestUnroutable("nobody serves the queue of this request")
                    case Published.REFUSED | Published.UNFIT:
                        raise BrokerRefused(406, "the broker did not take the request")
                    case Published.UNREACHABLE:
                        raise BrokerUnreachable("the broker is not started")
                return await reply

    async def declare_exchange(
        self, name: str, kind: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> None:
        self._check(name)
        if kind not in _KINDS:
            raise BrokerRefused(503, f"there is no kind of exchange {kind!r}; write one of {', '.join(_KINDS)}")
        there = self._exchanges.get(name)
        if passive:
            if there is None:
                raise BrokerRefused(404, f"there is no exchange {name}")
        elif there is None:
            self._exchanges[name] = MemoryExchange(name, kind, arguments or {})
        elif there.kind != kind or there.arguments != dict(arguments or {}):
            raise BrokerRefused(406, f"the exchange {name} is there already, and is declared otherwise")

    async def declare_queue(
        self, name: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> QueueInfo:
        self._check(name)
        given = {key: value for key, value in (arguments or {}).items() if (key, value) != ("x-queue-type", "classic")}
        queue = self._queues.get(name)
        if queue is None:
            if passive:
                raise BrokerRefused(404, f"there is no queue {name}")
            if given.get("x-queue-type") == "quorum" and "x-max-priority" in given:
                raise BrokerRefused(406, f"the quorum queue {name} cannot have x-max-priority")
            queue = self._queues[name] = MemoryQueue(name, given, self._give_up)
            for consumer in self._consumers:
                if consumer.queue == name:
                    self._attach(consumer)
        elif not passive and queue.arguments != given:
            raise BrokerRefused(406, f"the queue {name} is there already, and is declared otherwise")
        return QueueInfo(name, queue.messages, len(queue.takers))

    async def bind_queue(self, queue: str, exchange: str, routing_key: str) -> None:
        self._check(exchange)
        if queue not in self._queues:
            raise BrokerRefused(404, f"there is no queue {queue}")
        if exchange not in self._exchanges:
            raise BrokerRefused(404, f"there is no exchange {exchange}")
        self._exchanges[exchange].bind(queue, routing_key)

    def _check_started(self) -> None:
        if not self._starts:
            raise BrokerUnreachable(f"the broker {self.name} is not started")

    def _check(self, name: str) -> None:
        self._check_started()
        if not name or name.startswith("amq."):
            raise BrokerRefused(403, f"the name {name!r} belongs to the broker")
        if len(name.encode()) > _SHORT:
            raise BrokerRefused(501, f"a name may have {_SHORT} bytes at most")

    def _attach(self, consumer: MemoryConsumer) -> None:
        queue = self._queues.get(consumer.queue)
        if queue is not None:
            consumer.attach(queue)

    def _publish(self, message: Message, passed: frozenset[str]) -> Published:
        if len(message.body) > self._largest or not _fits(message):
            return Published.UNFIT
        if not message.exchange and self._reply_queue and message.routing_key == self._reply_queue:
            self._replies.take(message)
            return Published.CONFIRMED
        if message.exchange and message.exchange not in self._exchanges:
            return Published.REFUSED
        # Whoever published may go on to use its mapping of headers.
        kept = replace(message, properties=replace(message.properties, headers=dict(message.properties.headers)))
        queues = [self._queues[name] for name in self._route(message) if name not in passed]
        if not queues:
            return Published.UNROUTABLE
        took = [queue.put(kept, passed) for queue in queues]
        return Published.CONFIRMED if all(took) else Published.REFUSED

    def _route(self, message: Message) -> list[str]:
        if not message.exchange:
            return [message.routing_key] if message.routing_key in self._queues else []
        seen: set[str] = set()
        name: str | None = message.exchange
        while name is not None and name not in seen and (exchange := self._exchanges.get(name)):
            if queues := exchange.route(message.routing_key):
                return list(queues)
            seen.add(name)
            name = exchange.alternate
        return []

    def _give_up(self, queue: MemoryQueue, stored: Stored, reason: str) -> None:
        exchange = queue.arguments.get("x-dead-letter-exchange")
        message = stored.message
        if exchange is not None:
            death = {"reason": reason, "queue": queue.name, "exchange": message.exchange}
            headers = dict(message.properties.headers)
            headers.update({f"x-last-death-{key}": value for key, value in death.items()})
            for key, value in death.items():
                headers.setdefault(f"x-first-death-{key}", value)
            key = str(queue.arguments.get("x-dead-letter-routing-key", message.routing_key))
            properties = replace(message.properties, headers=headers, expiration=None)
            # What nobody rejected must not go round for ever.
            passed = frozenset() if reason == "rejected" else stored.passed | {queue.name}
            if self._publish(Message(message.body, properties, str(exchange), key), passed) is Published.CONFIRMED:
                self._counts["dead_lettered"] += 1
                return
        self._counts["dropped"] += 1


def _fits(message: Message) -> bool:
    given = message.properties
    texts = (
        given.message_id, given.correlation_id, given.reply_to, given.content_type, given.type, given.app_id,
        message.routing_key, *given.headers,
    )  # fmt: skip
    # A character has at most four bytes: most texts need not be encoded to know.
    return all(4 * len(text) <= _SHORT or len(text.encode()) <= _SHORT for text in texts)
