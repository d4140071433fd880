"""Turns at comparing letters, which takes seconds in threads that nobody can end where they are hundreds of pages."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_PATIENCE = 20.0
"""Seconds that somebody waits for their turn and what comes of it. With less, letters that many send alike would be
refused; with more, people have left the page, and clients have given up."""


class Turns:
    """One at a time, whoever asks the server."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def take(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what comes of it.

        Raises:
            TimeoutError: it takes too long; the turn ends with the work all the same.

        """
        async with asyncio.timeout(_PATIENCE):
            await self._turn.acquire()
            begun = asyncio.ensure_future(work())
            begun.add_done_callback(self._done)
            return await asyncio.shield(begun)

    def _done(self, begun: asyncio.Future[Any]) -> None:
        self._turn.release()
        if not begun.cancelled():
            begun.exception()  # whoever waited for it may be gone
