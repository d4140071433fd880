"""Asynchronous answers: taken from their queue, stored by the bus, then acknowledged."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
import structlog

from appealbus.connectors.broker.broker import Broker, Consumer, Delivered, Header, Message, Properties, Trouble
from appealbus.core import Answer, Answers, JournalError, KeptAnswer
from appealbus.core.backoff import Backoff, no_jitter
from appealbus.core.serving import LogThrottle
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

_PREFETCH = 20
"""Answers held at once: enough for the journal to group its writes, few enough to receive again after a crash."""
_PAUSE, _LONGEST = 0.5, 30.0
"""First and longest pause, in seconds, while the journal is unavailable."""
_HEADERS = ("outcome", "code")
_SHORT = 100
"""Characters kept of a header that the agency sends. Known values are shorter; the limit bounds the stored size."""


@dataclass(frozen=True, slots=True)
class KeptMessage:
    body: bytes
    properties: Properties
    too_large: bool


def packed(message: Message, limit: int) -> Answer:
    """Return the stored form of a message. Of an oversized one only the fact that it was too large is kept."""
    properties = message.properties
    large = len(message.body) > limit
    head = {
        "message_id": printable(properties.message_id[:_SHORT]),
        "content_type": printable(properties.content_type[:_SHORT]),
        "headers": {name: _short(properties.headers.get(name)) for name in _HEADERS},
        "too_large": large,
    }
    return Answer(properties.correlation_id, b"" if large else message.body, orjson.dumps(head).decode())


def unpacked(kept: KeptAnswer) -> KeptMessage:
    head = orjson.loads(kept.head)
    headers: Mapping[str, Header] = head["headers"]
    properties = Properties(message_id=head["message_id"], content_type=head["content_type"], headers=headers)
    return KeptMessage(kept.body, properties, head["too_large"])


def _short(value: Header) -> Header:
    return printable(value[:_SHORT]) if isinstance(value, str) else value


class Listener:
    """Consumes the answers of one source until stopped, including those that the broker dead-lettered."""

    def __init__(self, source: str, queues: Sequence[str], limit: int) -> None:
        self.counts: Counter[str] = Counter()
        """Number of answers by result: `stored`, `again`, `unknown`."""
        self._source = source
        self._queues = queues
        self._limit = limit
        self._consumers: list[Consumer] = []
        self._trouble = LogThrottle()

    async def start(self, broker: Broker, answers: Answers) -> None:
        """Start consuming from the source's queues."""

        async def take(delivered: Delivered) -> None:
            await self._take(delivered, answers)

        for queue in self._queues:
            self._consumers.append(await broker.consume(queue, take, prefetch=_PREFETCH))

    @property
    def troubles(self) -> list[Trouble]:
        return [consumer.trouble for consumer in self._consumers if consumer.trouble is not None]

    async def stop(self) -> None:
        """Stop consuming and wait until the answers in progress are written. Idempotent."""
        consumers, self._consumers = self._consumers, []
        await asyncio.gather(*(consumer.stop(1.0) for consumer in consumers))

    async def _take(self, delivered: Delivered, answers: Answers) -> None:
        answer = packed(delivered.message, self._limit)
        backoff = Backoff(_PAUSE, _LONGEST, no_jitter)
        while True:
            try:
                kept = await answers.answered(self._source, answer)
            except JournalError as error:
                if error.code == "closed":
                    delivered.requeue()
                    return
                # Given back, it would come again at once, and after some rounds the broker would give it up.
                if self._trouble.is_news():
                    log.warning("answer.not_kept", source=self._source, code=error.code)
                await asyncio.sleep(backoff.pause())
            else:
                self._trouble.over()
                self.counts[kept.value] += 1
                delivered.ack()
                return
