"""Answers that come by themselves: taken from their queue, kept by the bus, then acknowledged."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
import structlog

from appealbus.connectors.broker.broker import Broker, Consumer, Delivered, Header, Message, Properties, Trouble
from appealbus.core.domain.case import KeptAnswer
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.answer import Answer, Answers
from appealbus.core.logs.throttle import LogThrottle
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

_PREFETCH = 20
_PAUSE, _LONGEST = 0.5, 30.0
_HEADERS = ("outcome", "code")
_SHORT = 100


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """An answer as it was kept."""

    body: bytes
    properties: Properties
    too_large: bool


def packed(message: Message, limit: int) -> Answer:
    """Return what is to be kept of a message. Of one that is too large, that it was."""
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
    """Return the answer that was packed."""
    head = orjson.loads(kept.head)
    headers: Mapping[str, Header] = head["headers"]
    properties = Properties(message_id=head["message_id"], content_type=head["content_type"], headers=headers)
    return KeptMessage(kept.body, properties, head["too_large"])


def _short(value: Header) -> Header:
    """Return what a header says; of what is longer than any word that counts, that it says something."""
    return printable(value[:_SHORT]) if isinstance(value, str) else value


class Listener:
    """Takes one source's answers until it is stopped; those that the broker gave up on meanwhile, too."""

    def __init__(self, source: str, queues: Sequence[str], limit: int) -> None:
        self.counts: Counter[str] = Counter()
        """Answers, by what became of them: `stored`, `again`, `unknown`."""
        self._source = source
        self._queues = queues
        self._limit = limit
        self._consumers: list[Consumer] = []
        self._trouble = LogThrottle()

    async def start(self, broker: Broker, answers: Answers) -> None:
        """Begin to take."""

        async def take(delivered: Delivered) -> None:
            await self._take(delivered, answers)

        for queue in self._queues:
            self._consumers.append(await broker.consume(queue, take, prefetch=_PREFETCH))

    @property
    def troubles(self) -> list[Trouble]:
        """Why something cannot come although there is a connection."""
        return [each.trouble for each in self._consumers if each.trouble is not None]

    async def stop(self) -> None:
        """Take nothing more; what is being written is written. Idempotent."""
        consumers, self._consumers = self._consumers, []
        await asyncio.gather(*(consumer.stop(1.0) for consumer in consumers))

    async def _take(self, delivered: Delivered, answers: Answers) -> None:
        answer = packed(delivered.message, self._limit)
        pause = _PAUSE
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
                await asyncio.sleep(pause)
                pause = min(_LONGEST, pause * 2)
            else:
                self._trouble.over()
                self.counts[kept.value] += 1
                delivered.ack()
                return
