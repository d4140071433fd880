"""Consuming: a task for each message, never more than the prefetch at once."""

import asyncio
from collections import deque
from typing import Any

import structlog
from pika import BasicProperties

from appealbus.connectors.broker.broker import Consumer, Handler, handle
from appealbus.connectors.broker.rabbit.channel import Channel
from appealbus.connectors.broker.rabbit.connection import guarded
from appealbus.connectors.broker.rabbit.convert import RabbitDelivered
from appealbus.connectors.broker.rabbit.link import Link
from appealbus.connectors.broker.rabbit.subscription import Subscription

log = structlog.get_logger(__name__)

_LAST = 1.0
"""Seconds for cancelled handlers to return their messages themselves."""


class RabbitConsumer(Subscription, Consumer):
    """A subscription to a queue and its running handlers."""

    def __init__(self, link: Link, queue: str, handler: Handler, prefetch: int, longest_pause: float) -> None:
        self.queue = queue
        self._handler = handler
        self._prefetch = prefetch
        self._counts = link.counts
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[RabbitDelivered] = deque()
        self._stopping = asyncio.Event()
        self._stopped: asyncio.Task[None] | None = None
        super().__init__(link, queue, longest_pause)

    @property
    def idle(self) -> bool:
        return self._standing and not self._tasks and not self._waiting

    @property
    def is_stopped(self) -> bool:
        return self._stopped is not None

    async def stop(self, grace: float = 10.0) -> None:
        if self._stopped is None:
            self._stopped = asyncio.create_task(self._stop(grace, asyncio.current_task()))
        await asyncio.shield(self._stopped)

    async def _subscribe(self, channel: Channel) -> None:
        await channel.call(channel.raw.basic_qos, prefetch_count=self._prefetch)

        def receive(_raw: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
            if channel.is_open:
                self._receive(RabbitDelivered(channel, self._counts, method, properties, body))

        def refuse(_raw: Any, method: Any, *_: Any) -> None:
            channel.raw.basic_reject(method.delivery_tag, requeue=False)

        await self._consume(channel, self.queue, guarded(receive, refuse))

    def _receive(self, delivered: RabbitDelivered) -> None:
        self._counts["delivered"] += 1
        if len(self._tasks) < self._prefetch and not self._stopping.is_set():
            self._begin(delivered)
        else:
            # Handlers of a lost channel are still at work, of which the broker knows nothing. Or we stop: what is given
            # back before the broker has heard of it comes again at once.
            self._waiting.append(delivered)

    def _begin(self, delivered: RabbitDelivered) -> None:
        task = asyncio.create_task(handle(delivered, self._handler, self.queue, self._stopping))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting and not self._stopping.is_set():
            self._begin(self._waiting.popleft())

    def _lost(self) -> None:
        self._waiting.clear()

    async def _stop(self, grace: float, caller: asyncio.Task[Any] | None) -> None:
        self._stopping.set()
        await self._end()
        while self._waiting:
            self._waiting.popleft().requeue()
        # A handler may stop its own consumer: it is not waited for, and settles while the channel is still open.
        tasks: set[asyncio.Task[Any]] = {task for task in self._tasks if task is not caller}
        for within in (grace, _LAST):
            if tasks:
                _, tasks = await asyncio.wait(tasks, timeout=within)
            for task in tasks:
                task.cancel()
        if self._channel is not None:
            await self._channel.close()
