"""Shares one expensive result among concurrent callers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from appealbus.core.clocks import monotonic
from appealbus.core.fair_share import on_behalf_of

T = TypeVar("T")


class SharedResult(Generic[T]):
    """Computes a result at most once at a time, caches it, and bounds the wait of each caller.

    Args:
        find: the computation; it may raise.
        fresh: seconds for which the result or the exception is cached.
        patience: seconds that a caller waits; None: no limit.
    """

    def __init__(self, find: Callable[[], Coroutine[Any, Any, T]], *, fresh: float, patience: float | None) -> None:
        self._find = find
        self._fresh = fresh
        self._patience = patience
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    @property
    def stale(self) -> bool:
        """Whether there is neither a cached result nor a running computation."""
        return self._task is None or (self._task.done() and monotonic() >= self._until)

    @property
    def running(self) -> bool:
        return self._task is None or not self._task.done()

    async def get(self) -> T:
        """Return the result or raise the computation's exception.

        On TimeoutError the computation goes on, and later callers join it.
        """
        if self._task is None or self.stale:
            with on_behalf_of(""):  # it is for all who ask, and nobody waits behind what another asks besides
                self._task = asyncio.create_task(self._find())
            self._task.add_done_callback(self._ended)
        async with asyncio.timeout(self._patience):
            return await asyncio.shield(self._task)

    async def close(self) -> None:
        """Wait for a running computation, at most `patience` seconds, then cancel it."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=self._patience)
            self._task.cancel()

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._until = monotonic() + self._fresh
        if not task.cancelled():
            task.exception()  # whoever asks gets it; if nobody does any more, that is no news
