"""The work queue `amqp`: hints about waiting appeals, for all workers of one journal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from appealbus.connectors.amqp.brokers import Brokers, link_of
from appealbus.connectors.amqp.settings import WorkSettings
from appealbus.connectors.broker.broker import Consumer, Delivered, Message, Properties, Published
from appealbus.core import Health, LinkState, Waiting, WorkQueue
from appealbus.core.clocks import day_of, wall

_APART = 0.05
"""Seconds between two hints: a worker that looks takes as many appeals as it has room for."""
_PUBLISH = 5.0
"""Seconds to publish a hint. A later one is useless, as workers poll the journal anyway."""
_FRESH = 60.0
"""Seconds until the broker drops a hint: by then every worker has polled the journal."""
_HIGHEST = 9
"""One level for each remaining day, up to nine. Brokers before 4.3 know only two levels."""


class AmqpWorkQueue(WorkQueue[WorkSettings]):
    """Publishes hints for waiting appeals, and consumes those of others. A stale one costs one look."""

    def __init__(self, name: str, settings: WorkSettings, brokers: Brokers) -> None:
        super().__init__(name, settings)
        self._brokers = brokers
        self._broker = self._brokers.get(settings.broker)
        self._queue = settings.queue or self._brokers.names.work
        self._brokers.named[self._broker].add(self._queue)
        self._started = False
        self._consumer: Consumer | None = None
        self._offered: Waiting | None = None
        self._wake = asyncio.Event()
        self._counts = dict.fromkeys(("offered", "joined", "dropped", "taken"), 0)

    async def start(self) -> None:
        self._started = True
        await self._brokers.start(self._broker)

    def offer(self, waiting: Waiting) -> None:
        """Keep the hint until it is published. Of several only the most urgent is published."""
        if self._offered is not None:
            self._counts["joined"] += 1
            waiting = min(self._offered, waiting, key=lambda one: one.urgency)
        self._offered = waiting
        self._wake.set()

    async def run(self, take: Callable[[], Awaitable[bool]]) -> None:
        """Consume and publish hints until cancelled."""

        async def handle(delivered: Delivered) -> None:
            if await take():
                self._counts["taken"] += 1
                delivered.ack()
            else:
                delivered.requeue()

        self._consumer = await self._broker.consume(self._queue, handle, prefetch=self.config.prefetch)
        try:
            await self._publish()
        finally:
            await self._consumer.stop(0)  # what it holds is for somebody who still has time

    async def _publish(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._offered = self._offered, None
            if waiting is not None:
                # One that does not arrive is not sent again: the journal has the appeal.
                result = await self._broker.publish(self._hint(waiting), within=_PUBLISH)
                self._counts["offered" if result is Published.CONFIRMED else "dropped"] += 1
            await asyncio.sleep(_APART)

    def _hint(self, waiting: Waiting) -> Message:
        return Message(
            waiting.number.encode(),
            Properties(
                message_id=str(waiting.appeal_id),
                content_type="text/plain",
                type="waiting",
                expiration=_FRESH,
                priority=priority_of(waiting.urgency),
                timestamp=wall(),
                persistent=False,
            ),
            routing_key=self._queue,
        )

    async def health(self) -> Health:
        return await self._brokers.health(self._broker)

    def links(self) -> Sequence[LinkState]:
        """Return the state of the connections, with the counts of hints."""
        links = self._brokers.links(self._broker)
        trouble = self._consumer.trouble if self._consumer is not None else None
        return (*links, link_of("work_queue", links, self._counts, [trouble]))

    async def close(self) -> None:
        if self._started:
            self._started = False
            await self._brokers.close(self._broker)


def priority_of(urgency: int) -> int:
    """Return the message priority: 9 if the appeal is due today or overdue, one less for each day left."""
    return max(0, min(_HIGHEST, _HIGHEST - (urgency - day_of(wall()).toordinal())))
