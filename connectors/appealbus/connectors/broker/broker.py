"""The broker interface. Both implementations, RabbitMQ and in memory, pass the tests in tests/connectors/broker."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import structlog

from appealbus.core import AppealBusError, LinkState, LinkStatus

log = structlog.get_logger(__name__)

Header: TypeAlias = str | int | bool | None
Argument: TypeAlias = str | int | bool

_PAUSE = 1.0
"""Seconds before a failed message goes back: long for a processor, short for a queue with a limit of 20 returns."""
_REMEMBERED = 10_000
"""Finished requests remembered, so that their replies count as late and not as unknown."""


class Published(StrEnum):
    """What became of a message. Only `confirmed` means that the broker has it."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    """No queue wants the message."""
    REFUSED = "refused"
    """The broker said no: a full queue, a missing exchange, a missing right."""
    UNFIT = "unfit"
    """The message itself cannot be taken: it is too large, or a name or a property of it is too long."""
    UNREACHABLE = "unreachable"
    """The message never left: there was no connection in time, or the broker took nothing."""
    INDETERMINATE = "indeterminate"
    """The connection was lost, or the time was up, before the broker answered: it may have the message or not."""


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties of a message. Empty strings are not sent."""

    message_id: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    content_type: str = ""
    type: str = ""
    app_id: str = ""
    expiration: float | None = None
    """Seconds until the broker drops it."""
    priority: int | None = None
    timestamp: datetime | None = None
    persistent: bool = True
    headers: Mapping[str, Header] = field(default_factory=dict)
    """No fractions: pika reads them as whole numbers. Received values of other types are left out."""


@dataclass(frozen=True, slots=True)
class Message:
    """An outgoing or received message."""

    body: bytes
    properties: Properties = Properties()
    exchange: str = ""
    """`""` is the default exchange, where the routing key names a queue."""
    routing_key: str = ""


class Delivered(ABC):
    """A message held by a consumer. Settle it once; later calls, or calls after its channel is gone, do nothing."""

    message: Message
    redelivered: bool
    attempts: int
    """Number of earlier unsettled deliveries, if the broker counts them."""

    @abstractmethod
    def ack(self) -> bool:
        """Acknowledge. False if the channel is gone: the message will come again."""

    @abstractmethod
    def reject(self) -> bool:
        """Reject for good: the message goes to the queue's dead-letter exchange, or is dropped."""

    @abstractmethod
    def requeue(self) -> bool:
        """Return the message for another consumer, without counting a failure."""


Trouble: TypeAlias = tuple[LinkStatus, str]
"""State of a part that is not up, and the reason in one line."""

Handler: TypeAlias = Callable[[Delivered], Awaitable[None]]
"""Handles and settles one message.

If it raises, the error is logged and the message goes back to the queue after a pause, counted as failed. The same
happens if it returns without settling the message.
"""


class Consumer(ABC):
    """A subscription to a queue. It is renewed after every loss."""

    queue: str

    @abstractmethod
    async def stop(self, grace: float = 10.0) -> None:
        """Take no more messages, let handlers end for `grace` seconds, return the rest. Idempotent."""

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether it is subscribed, and no handler runs."""

    @property
    @abstractmethod
    def trouble(self) -> Trouble | None:
        """Why it is not subscribed although connected; it keeps trying."""


class BrokerError(AppealBusError):
    """An operation of the broker failed. The text is ours and holds no message content."""


class BrokerUnreachable(BrokerError):
    """There is no connection, or it was lost during the operation."""


class BrokerRefused(BrokerError):
    """The broker refused.

    `code` is AMQP's: 311 too large, 403 no permission, 404 not found, 406 declared differently, 501 name too long,
    506 no room.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RequestUnroutable(BrokerError):
    """The queue of a request has no consumer."""


class RequestTimedOut(BrokerError):
    """No reply in time. The request has expired in the broker, or its reply will count as late."""


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """The result of a declaration."""

    name: str
    messages: int
    consumers: int


class Replies:
    """Requests that wait for their replies, by correlation id."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._given_up: OrderedDict[str, None] = OrderedDict()

    @contextmanager
    def waiting(self, message: Message) -> Iterator["asyncio.Future[Message]"]:
        """Wait for the reply to a request. Raises ValueError if its id is missing, or another request has it."""
        number = message.properties.correlation_id
        if not number or number in self._waiting:
            raise ValueError("a request needs a correlation_id of its own")
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            yield future
        except TimeoutError:
            raise RequestTimedOut("no reply came in time") from None
        finally:
            del self._waiting[number]
            if future.cancel() or future.cancelled():
                self._given_up[number] = None
                if len(self._given_up) > _REMEMBERED:
                    self._given_up.popitem(last=False)
            else:
                future.exception()  # nobody else will look at it

    def take(self, message: Message) -> None:
        """Pass a reply to its request."""
        number = message.properties.correlation_id
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result(message)
        elif number in self._given_up:
            del self._given_up[number]
            self._counts["late_replies"] += 1
        else:
            self._counts["unknown_replies"] += 1

    def fail(self, reason: str) -> None:
        """Fail all waiting requests as unreachable."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BrokerUnreachable(reason))


class Broker(ABC):
    """One broker, shared by all parts of a process that name it. All methods may be called concurrently.

    Consumers and publishers use separate connections: a broker short of memory blocks publishers, but must still
    receive acknowledgements.
    """

    name: str

    @abstractmethod
    async def start(self) -> None:
        """Begin to connect and keep trying; returns at once. Call once for each `close`. Raises ConfigError."""

    @abstractmethod
    async def close(self) -> None:
        """Release the broker. The last of as many calls as of `start` closes the connections."""

    @abstractmethod
    def links(self) -> tuple[LinkState, ...]:
        """Return the state of the connections.

        Their counts are of messages: published (tried), confirmed, unroutable, refused, unfit, unreachable,
        indeterminate, returned; delivered, acked, rejected, requeued, failed; late_replies, unknown_replies.
        """

    @property
    @abstractmethod
    def requests_trouble(self) -> Trouble | None:
        """Why no replies can come although connected."""

    @abstractmethod
    async def up(self, within: float) -> bool:
        """Wait up to `within` seconds for both connections; return whether they are up."""

    async def publish(self, message: Message, *, mandatory: bool = True, within: float = 10.0) -> Published:
        """Publish one message; see `publish_all`."""
        return (await self.publish_all([message], mandatory=mandatory, within=within))[0]

    @abstractmethod
    async def publish_all(
        self, messages: Sequence[Message], *, mandatory: bool = True, within: float = 10.0
    ) -> list[Published]:
        """Publish messages in order, and wait for the result of each. Never raises.

        Messages do not wait for each other, but all wait while the window is full.

        Args:
            mandatory: whether a message without a queue is reported; else it counts as confirmed.
            within: seconds until the result is `indeterminate`, or `unreachable` for what has not left by then; less
                than it takes to notice a dead broker.
        """

    @abstractmethod
    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> Consumer:
        """Start handling the messages of a queue, at most `prefetch` at once. Returns before the first comes.

        The subscription survives lost connections, a queue deleted and recreated, and cancellation by the broker. Its
        `trouble` reports an interruption.
        """

    @abstractmethod
    async def request(self, message: Message, within: float) -> Message:
        """Send a request and return its reply.

        `correlation_id` must be set and unique among waiting requests; `reply_to` and `expiration` are set here.

        Raises:
            RequestUnroutable: the queue has no consumer.
            RequestTimedOut: no reply within that many seconds.
            BrokerUnreachable: there is no connection, or it was lost before the reply came.
            BrokerRefused: the broker did not accept the request.
            ValueError: the correlation id is missing, or another waiting request has it.
        """

    @abstractmethod
    async def declare_exchange(
        self, name: str, kind: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> None:
        """Create a durable exchange, unless it exists; `kind` is topic, direct or fanout.

        With `passive` only check that it exists, with any kind.

        Raises:
            BrokerRefused: 404 if missing (passive), 406 if different, 403 if forbidden.
            BrokerUnreachable: there is no connection, or it was lost.
        """

    @abstractmethod
    async def declare_queue(
        self, name: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> QueueInfo:
        """Create a durable queue; with `passive` only check that it exists.

        Raises:
            BrokerRefused: 404 if missing (passive), 406 if different, 403 if forbidden.
            BrokerUnreachable: there is no connection, or it was lost.
        """

    @abstractmethod
    async def bind_queue(self, queue: str, exchange: str, routing_key: str) -> None:
        """Bind a queue to an exchange. Raises as `declare_exchange`, and 404."""


class Handled(Delivered):
    """A message that its consumer passes to a handler."""

    is_settled: bool
    """Whether the message was acknowledged, rejected or returned."""

    @abstractmethod
    def fail(self) -> bool:
        """Return the message as failed: the queue's delivery limit counts it."""


async def handle(delivered: Handled, handler: Handler, queue: str, stopping: asyncio.Event) -> None:
    """Run the handler; return the message if it fails or does not settle the message.

    A pause comes before that, unless `stopping` is set. `queue` is for the log.
    """
    try:
        await handler(delivered)
    except asyncio.CancelledError:
        delivered.requeue()
        raise
    except Exception:
        log.exception("amqp.handler_failed", queue=queue)
    else:
        if delivered.is_settled:
            return
        log.error("amqp.not_settled", queue=queue)
    # Otherwise a message that nobody can handle would keep us and the broker busy.
    with suppress(TimeoutError):
        async with asyncio.timeout(_PAUSE):
            await stopping.wait()
    delivered.fail()
