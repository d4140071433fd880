"""Serializes work that may kill this process, so that the cause of a death is known.

Such work is a suspect case, or the delivery of versions under a note in the journal. Each may have killed a process
before.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Turns:
    """Lets either a suspect case or the relays with their noted versions run, never both; the two sides alternate."""

    def __init__(self) -> None:
        self.on_free: Callable[[], None] = lambda: None
        """Called after the relays' turn, so that a waiting suspect may run."""
        self.alone = asyncio.Lock()
        """Held by the relay that delivers a version over which a process has died."""
        self._suspect = False
        self._handing = 0
        self._waiting = 0
        # Which side is next when the other one has had its turn, if something waits there.
        self._suspects_next = self._relays_next = False
        self._changed = asyncio.Event()

    def begin_suspect(self) -> bool:
        """Return whether a suspect may run now; if so, the caller must call `end_suspect`."""
        self._suspects_next = bool(self._handing)
        self._suspect = not self._handing and not self._relays_next
        return self._suspect

    def end_suspect(self) -> None:
        """End the turn of a suspect. Idempotent."""
        if self._suspect:
            self._suspect = False
            self._relays_next = self._waiting > 0
            self._changed.set()

    @asynccontextmanager
    async def handing(self, seconds: float) -> AsyncIterator[bool]:
        """Hold the turn of the relays. Yields False if a suspect did not end within `seconds`."""
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
            self._suspects_next = False  # no suspect has taken its turn
            return False
        finally:
            self._waiting -= 1
            self._relays_next = False
