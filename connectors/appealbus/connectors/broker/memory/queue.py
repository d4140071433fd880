"""In-memory exchanges and queues: routing, order, limits, and distribution to consumers."""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from appealbus.connectors.broker.broker import Argument, Message
from appealbus.core.clocks import monotonic

LENGTH = 10_000
"""Default of `x-max-length`, in messages; what exceeds it is refused."""
BYTES = 64 * 1024 * 1024
"""Default of `x-max-length-bytes`, in bytes of bodies."""
DELIVERIES = 20
"""Default of `x-delivery-limit`, as in RabbitMQ."""


class MemoryExchange:
    def __init__(self, name: str, kind: str, arguments: Mapping[str, Argument]) -> None:
        self.name = name
        self.kind = kind
        self.arguments = dict(arguments)
        self._bindings: dict[tuple[str, str], None] = {}

    @property
    def alternate(self) -> str | None:
        """Name of the exchange for unroutable messages."""
        name = self.arguments.get("alternate-exchange")
        return None if name is None else str(name)

    def bind(self, queue: str, key: str) -> None:
        """Add a binding. Idempotent."""
        self._bindings[queue, key] = None

    def route(self, key: str) -> Sequence[str]:
        """Return the queues for a routing key, each once."""
        return list(dict.fromkeys(queue for queue, bound in self._bindings if self._wants(bound, key)))

    def _wants(self, bound: str, key: str) -> bool:
        if self.kind == "topic":
            return matches(_words(bound), _words(key))
        return self.kind == "fanout" or bound == key


def _words(key: str) -> Sequence[str]:
    return key.split(".") if key else []


def matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a routing key's words match a topic: `*` is one word, `#` any number of them."""
    # Which lengths of the beginning of `words` fit the part of the pattern that was read.
    fits = {0}
    for part in pattern:
        if part == "#":
            fits = set(range(min(fits), len(words) + 1))
        else:
            fits = {at + 1 for at in fits if at < len(words) and part in ("*", words[at])}
        if not fits:
            return False
    return len(words) in fits


@dataclass(slots=True)
class Stored:
    """A message in a queue. A smaller `rank` is nearer to the front."""

    message: Message
    rank: tuple[int, int]
    expires: float | None
    """Expiry on the event loop's clock; None: never."""
    passed: frozenset[str]
    """Queues whose limits dropped the message since it was published or rejected; none takes it again."""
    attempts: int = 0
    redelivered: bool = False

    def __lt__(self, other: "Stored") -> bool:
        return self.rank < other.rank


class Taker(Protocol):
    """A consumer, as the queue sees it."""

    @property
    def room(self) -> bool:
        """Whether it can take another message now."""

    def take(self, queue: "MemoryQueue", stored: Stored) -> None:
        """Take a message."""


class MemoryQueue:
    """Messages by priority, then by age."""

    def __init__(
        self, name: str, arguments: Mapping[str, Argument], give_up: Callable[["MemoryQueue", Stored, str], None]
    ) -> None:
        """Create an empty queue with RabbitMQ's arguments.

        `give_up` is called for each dropped message, with the reason: rejected, expired, maxlen or delivery_limit.
        """
        self.name = name
        self.arguments = dict(arguments)
        self.takers: list[Taker] = []
        self._give_up = give_up
        self._length = int(arguments.get("x-max-length", LENGTH))
        self._bytes = int(arguments.get("x-max-length-bytes", BYTES))
        limited = "x-max-length" in arguments or "x-max-length-bytes" in arguments
        # A queue whose owner set no limit loses nothing: it is full.
        self._drops = limited and arguments.get("x-overflow", "drop-head") == "drop-head"
        self._limit = int(arguments.get("x-delivery-limit", DELIVERIES))
        ttl = arguments.get("x-message-ttl")
        self._ttl = None if ttl is None else int(ttl) / 1000
        self._ready: list[Stored] = []
        self._held = 0
        self._serial = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def messages(self) -> int:
        """Number of messages ready for delivery."""
        self._expire()
        return len(self._ready)

    def put(self, message: Message, passed: frozenset[str]) -> bool:
        """Add a message; False if the queue is full."""
        self._expire()
        size = len(message.body)
        if not self._drops and self._over(1, size):
            return False
        self._serial += 1
        lives = [life for life in (message.properties.expiration, self._ttl) if life is not None]
        expires = monotonic() + min(lives) if lives else None
        self._push(Stored(message, (-(message.properties.priority or 0), self._serial), expires, passed))
        self.pump()
        while self._ready and self._over(0, 0):
            self._give_up(self, self._pop(), "maxlen")
        return True

    def put_back(self, stored: Stored) -> None:
        """Put an unsettled message back to its old position."""
        stored.attempts += 1
        stored.redelivered = True
        if 0 <= self._limit < stored.attempts:
            self._give_up(self, stored, "delivery_limit")
            return
        self._push(stored)
        self.pump()

    def reject(self, stored: Stored) -> None:
        self._give_up(self, stored, "rejected")

    def pump(self) -> None:
        """Deliver what is ready, to consumers with room in turn."""
        self._expire()
        while self._ready and (taker := next((one for one in self.takers if one.room), None)):
            self.takers.remove(taker)
            self.takers.append(taker)
            taker.take(self, self._pop())
            self._expire()

    def rest(self) -> None:
        """Stop the timer, so that the loop may end; `pump` starts it again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self, more: int, size: int) -> bool:
        return len(self._ready) + more > self._length or self._held + size > self._bytes

    def _push(self, stored: Stored) -> None:
        heapq.heappush(self._ready, stored)
        self._held += len(stored.message.body)

    def _pop(self) -> Stored:
        stored = heapq.heappop(self._ready)
        self._held -= len(stored.message.body)
        return stored

    def _expire(self) -> None:
        # As in RabbitMQ, a message expires when it is at the front.
        self.rest()
        loop = asyncio.get_running_loop()
        while self._ready and (expires := self._ready[0].expires) is not None:
            if expires > monotonic():
                self._timer = loop.call_at(expires, self._expire)
                return
            self._give_up(self, self._pop(), "expired")
