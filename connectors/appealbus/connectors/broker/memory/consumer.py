"""A subscription to an in-memory queue, and the messages it holds."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import Context, copy_context

import structlog

from appealbus.connectors.broker.broker import Consumer, Handled, Handler, Trouble, handle
from appealbus.connectors.broker.memory.queue import MemoryQueue, Stored
from appealbus.core import LinkStatus

log = structlog.get_logger(__name__)


class Held(Handled):
    """A message that a consumer of the broker in memory holds."""

    def __init__(self, consumer: "MemoryConsumer", queue: MemoryQueue, stored: Stored) -> None:
        self.message = stored.message
        self.redelivered = stored.redelivered
        self.attempts = stored.attempts
        self.is_settled = False
        self._consumer = consumer
        self._queue = queue
        self._stored = stored

    def ack(self) -> bool:
        return self._settle("acked")

    def reject(self) -> bool:
        """Give the message to the dead-letter exchange."""
        return self._settle("rejected", self._queue.reject)

    def requeue(self) -> bool:
        """Put the message back to its place."""
        return self._settle("requeued", self._queue.put_back)

    def fail(self) -> bool:
        """Put the message back to its place, as one that failed."""
        return self._settle("failed", self._queue.put_back)

    def _settle(self, what: str, give: Callable[[Stored], None] | None = None) -> bool:
        if not self._consumer.settle(self, what):
            return False
        if give is not None:
            give(self._stored)
        self._queue.pump()
        return True


class MemoryConsumer(Consumer):
    """Runs a handler for each message, each in its own task."""

    def __init__(
        self,
        queue: str,
        handler: Handler,
        prefetch: int,
        counts: Counter[str],
        forget: Callable[["MemoryConsumer"], None],
    ) -> None:
        self.queue = queue
        self._forget = forget
        self._handler = handler
        self._prefetch = prefetch
        self._counts = counts
        self._source: MemoryQueue | None = None
        self._held: set[Held] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # A handler must not inherit what whoever published has bound to its own context.
        self._context: Context = copy_context()
        self._stopping = asyncio.Event()

    @property
    def idle(self) -> bool:
        return not self._stopping.is_set() and self._source is not None and not self._tasks

    @property
    def trouble(self) -> Trouble | None:
        return None if self._source is not None else (LinkStatus.REFUSED, f"{self.queue}: there is no such queue")

    @property
    def room(self) -> bool:
        return not self._stopping.is_set() and max(len(self._held), len(self._tasks)) < self._prefetch

    def attach(self, queue: MemoryQueue) -> None:
        self._source = queue
        queue.takers.append(self)
        queue.pump()

    def take(self, queue: MemoryQueue, stored: Stored) -> None:
        held = Held(self, queue, stored)
        self._held.add(held)
        self._counts["delivered"] += 1
        handling = handle(held, self._handler, self.queue, self._stopping)
        task = asyncio.get_running_loop().create_task(handling, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def settle(self, held: Held, what: str) -> bool:
        """Forget a message; False if it was settled or returned already."""
        if held.is_settled:
            return False
        self._held.remove(held)
        held.is_settled = True
        self._counts[what] += 1
        return True

    async def stop(self, grace: float = 10.0) -> None:
        self._stopping.set()
        self._forget(self)
        if self._source is not None and self in self._source.takers:
            self._source.takers.remove(self)
        tasks = self._tasks - {asyncio.current_task()}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for held in list(self._held):
            held.requeue()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._stopping.is_set() and self._source is not None:
            self._source.pump()
