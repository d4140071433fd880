"""Who may kill this process does not do so beside another who may, or nobody would know which of them it was.

These are a suspect in its turn, and versions that are handed over under a note: each may have killed a process before.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Turns:
    """Suspects on one side, all relays on the other: never both at once, and each side after the other."""

    def __init__(self) -> None:
        self.on_free: Callable[[], None] = lambda: None
        """Called when a suspect that could not have its turn may have it."""
        self.alone = asyncio.Lock()
        """Held by the one relay that hands over a version over which somebody has died."""
        self._suspect = False
        self._handing = 0
        self._waiting = 0
        # Whose go is next, where the other side has had its own: what waits there is not passed over.
        self._suspects_next = self._relays_next = False
        self._changed = asyncio.Event()

    def begin_suspect(self) -> bool:
        """Say whether a suspect may have its turn now; if so, `end_suspect` has to follow."""
        self._suspects_next = bool(self._handing)
        self._suspect = not self._handing and not self._relays_next
        return self._suspect

    def end_suspect(self) -> None:
        """Say that no suspect has its turn any more. Idempotent."""
        if self._suspect:
            self._suspect = False
            self._relays_next = self._waiting > 0
            self._changed.set()

    @asynccontextmanager
    async def handing(self, seconds: float) -> AsyncIterator[bool]:
        """Keep suspects from their turn; False where one has it and did not end it within so many seconds."""
        got = await self._within(seconds)
        self._handing += got
        try:
            yield got
        finally:
            self._handing -= got
            if got and not self._handing:
                self.on_free()

    async def _within(self, seconds: float) -> bool:
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                while self._suspect or (self._suspects_next and not self._relays_next):
                    self._changed.clear()
                    await self._changed.wait()
            return True
        except TimeoutError:
            self._suspects_next = False  # none has come
            return False
        finally:
            self._waiting -= 1
            self._relays_next = False
