"""Limit of what may be in flight to the broker at once."""

import asyncio
from collections import deque


class Window:
    """A limit of messages and their bytes. Senders wait in turn. A single message may exceed the bytes."""

    def __init__(self, messages: int, size: int) -> None:
        self._messages = messages
        self._size = size
        self._in = 0
        self._bytes = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    def take(self, size: int) -> bool:
        """Enter at once, if there is room and nobody waits."""
        if self._queue or not self._fits(size):
            return False
        self._in += 1
        self._bytes += size
        return True

    async def enter(self, size: int, deadline: float) -> bool:
        """Wait for room; False if there was none in time."""
        if self.take(size):
            return True
        place = asyncio.get_running_loop().create_future()
        self._queue.append((size, place))
        try:
            async with asyncio.timeout_at(deadline):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self.leave(size)  # it was our turn at the very moment
            else:
                place.cancel()
                self._admit()
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def leave(self, size: int) -> None:
        self._in -= 1
        self._bytes -= size
        if self._queue:
            self._admit()

    def _admit(self) -> None:
        while self._queue:
            size, place = self._queue[0]
            if not place.done():
                if not self._fits(size):
                    return
                self._in += 1
                self._bytes += size
                place.set_result(None)
            self._queue.popleft()

    def _fits(self, size: int) -> bool:
        return self._in < self._messages and (self._bytes + size <= self._size or self._in == 0)
