"""Something that costs a little to find out, and that many may ask for at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from appealbus.core.clocks import monotonic
from appealbus.core.fair_share import on_behalf_of

T = TypeVar("T")


class SharedResult(Generic[T]):
    """Finds out at most once at a time; what came of it serves for a while, and nobody waits longer than told.

    Args:
        find: what costs; it may raise.
        fresh: for how many seconds its result, or its error, serves.
        patience: how many seconds one who asks waits; None: until it is there.

    """

    def __init__(self, find: Callable[[], Coroutine[Any, Any, T]], *, fresh: float, patience: float | None) -> None:
        self._find = find
        self._fresh = fresh
        self._patience = patience
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    @property
    def stale(self) -> bool:
        """Whether it has nothing that serves, and finds nothing out."""
        return self._task is None or (self._task.done() and monotonic() >= self._until)

    @property
    def running(self) -> bool:
        """Whether it finds out now, or will once its loop goes on."""
        return self._task is None or not self._task.done()

    async def get(self) -> T:
        """Return the result.

        Raises:
            TimeoutError: it takes too long; the attempt goes on and nobody makes another one meanwhile.
            Exception: whatever the attempt raised.

        """
        if self._task is None or self.stale:
            with on_behalf_of(""):  # it is for all who ask, and nobody waits behind what another asks besides
                self._task = asyncio.create_task(self._find())
            self._task.add_done_callback(self._ended)
        async with asyncio.timeout(self._patience):
            return await asyncio.shield(self._task)

    async def close(self) -> None:
        """Let what goes on end, for as long as somebody would wait for it."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=self._patience)
            self._task.cancel()

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._until = monotonic() + self._fresh
        if not task.cancelled():
            task.exception()  # whoever asks gets it; if nobody does any more, that is no news
