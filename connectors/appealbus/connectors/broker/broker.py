"""A message broker as the rest of this package sees it: RabbitMQ behind pika, or its twin in memory.

Both pass the behaviour suite in tests/connectors/broker.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from appealbus.core import AppealBusError, LinkState, LinkStatus

Header: TypeAlias = str | int | bool | None
Argument: TypeAlias = str | int | bool


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
    """What a message says about itself. Empty texts are not sent."""

    message_id: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    content_type: str = ""
    type: str = ""
    app_id: str = ""
    expiration: float | None = None
    """Seconds after which the broker drops it."""
    priority: int | None = None
    timestamp: datetime | None = None
    persistent: bool = True
    headers: Mapping[str, Header] = field(default_factory=dict)
    """No fractions: pika reads them as whole numbers. What others send beside these types is left out."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way: to an exchange, or from one."""

    body: bytes
    properties: Properties = Properties()
    exchange: str = ""
    """`""` is the default exchange: the routing key names a queue."""
    routing_key: str = ""


class Delivered(ABC):
    """A message that a consumer holds. Settle it once; later calls, or calls after its channel is gone, do nothing."""

    message: Message
    redelivered: bool
    attempts: int
    """How often it was delivered before without being settled, where the broker says so."""

    @abstractmethod
    def ack(self) -> bool:
        """Say that the message is dealt with. False where the channel is gone: the message will come again."""

    @abstractmethod
    def reject(self) -> bool:
        """Say that nobody can deal with the message: it goes to the queue's dead-letter exchange, or is dropped."""

    @abstractmethod
    def requeue(self) -> bool:
        """Give the message back unharmed, for another consumer."""


Trouble: TypeAlias = tuple[LinkStatus, str]
"""How a part stands that is not up, and in a line why."""

Handler: TypeAlias = Callable[[Delivered], Awaitable[None]]
"""Deals with one message, and settles it.

What it raises is logged, and the message goes back to the queue after a pause, as one that failed; so does one that it
has not settled when it returns.
"""


class Consumer(ABC):
    """A subscription to a queue. It subscribes again by itself after every loss."""

    queue: str

    @abstractmethod
    async def stop(self, grace: float = 10.0) -> None:
        """Take no more messages, let handlers end for `grace` seconds, give the rest back. Idempotent."""

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether the subscription stands, and no handler is at work."""

    @property
    @abstractmethod
    def trouble(self) -> Trouble | None:
        """Why the subscription does not stand although there is a connection; it is tried again meanwhile."""


class BrokerError(AppealBusError):
    """The broker could not do what was asked. The text is ours and holds no message."""


class BrokerUnreachable(BrokerError):
    """There is no connection, or it was lost while we waited."""


class BrokerRefused(BrokerError):
    """The broker said no.

    `code` is that of AMQP: 311 too large, 403 no right, 404 no such thing, 406 declared otherwise, 501 a name too long,
    506 no room.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RequestUnroutable(BrokerError):
    """Nobody serves the queue that a request was for."""


class RequestTimedOut(BrokerError):
    """No reply came in time. The request has expired in the broker, or its reply will be counted as late."""


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """What a declaration tells of a queue."""

    name: str
    messages: int
    consumers: int


class Broker(ABC):
    """One broker, shared by all parts of a process that name it. All methods may be called concurrently.

    Consuming and publishing use connections of their own: a broker that is short of memory blocks publishers, and
    must still get acknowledgements.
    """

    name: str

    @abstractmethod
    async def start(self) -> None:
        """Begin to connect, and go on trying; returns at once. Call once for each `close`.

        Raises:
            ConfigError: a file or a secret of the settings cannot be read.

        """

    @abstractmethod
    async def close(self) -> None:
        """Let the broker go. The last of as many calls as there were of `start` closes the connections."""

    @abstractmethod
    def links(self) -> tuple[LinkState, ...]:
        """Say how the connections stand.

        Their counts are of messages: published (tried), confirmed, unroutable, refused, unfit, unreachable,
        indeterminate, returned; delivered, acked, rejected, requeued, failed; late_replies, unknown_replies.
        """

    @property
    @abstractmethod
    def requests_trouble(self) -> Trouble | None:
        """Why no replies can come although there is a connection."""

    @abstractmethod
    async def up(self, within: float) -> bool:
        """Wait until both connections are up, for `within` seconds; say whether they are."""

    async def publish(self, message: Message, *, mandatory: bool = True, within: float = 10.0) -> Published:
        """Publish one message, as `publish_all` does several."""
        return (await self.publish_all([message], mandatory=mandatory, within=within))[0]

    @abstractmethod
    async def publish_all(
        self, messages: Sequence[Message], *, mandatory: bool = True, within: float = 10.0
    ) -> list[Published]:
        """Publish messages in their order, and wait for the broker's word on each. Never raises.

        None waits for the word on another; all wait while the window is full.

        Args:
            messages: what to send.
            mandatory: whether to learn that no queue wants one; else that counts as confirmed.
            within: seconds until the result is `indeterminate`, or `unreachable` for what has not left by then; less
                than it takes to notice a dead broker.

        """

    @abstractmethod
    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> Consumer:
        """Have each message of a queue handled, at most `prefetch` at once. Returns before the first comes.

        The subscription outlives lost connections, a queue that is deleted and made anew, and a broker that cancels
        it; its `trouble` tells while it does not stand.
        """

    @abstractmethod
    async def request(self, message: Message, within: float) -> Message:
        """Send a request and return its reply.

        `correlation_id` must be set, and no other request that waits may have it; `reply_to` and `expiration` are ours.

        Raises:
            RequestUnroutable: nobody serves that queue.
            RequestTimedOut: no reply within so many seconds.
            BrokerUnreachable: there is no connection, or it was lost before the reply came.
            BrokerRefused: the broker did not take the request.
            ValueError: the correlation id is missing, or another request waits with it.

        """

    @abstractmethod
    async def declare_exchange(
        self, name: str, kind: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> None:
        """Make a durable exchange; `kind` is topic, direct or fanout. Nothing happens where it is there already.

        With `passive` only look whether it is there, of whatever kind.

        Raises:
            BrokerRefused: 404 where it is not there (passive), 406 where it differs, 403 where we may not.
            BrokerUnreachable: there is no connection, or it was lost.

        """

    @abstractmethod
    async def declare_queue(
        self, name: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> QueueInfo:
        """Make a durable queue; with `passive` only look whether it is there.

        Raises:
            BrokerRefused: 404 where it is not there (passive), 406 where it differs, 403 where we may not.
            BrokerUnreachable: there is no connection, or it was lost.

        """

    @abstractmethod
    async def bind_queue(self, queue: str, exchange: str, routing_key: str) -> None:
        """Have an exchange put messages into a queue. Raises as `declare_exchange`, and 404."""
