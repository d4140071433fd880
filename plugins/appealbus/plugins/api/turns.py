"""Turns at comparing letters, which takes seconds in threads that nobody can end where they are hundreds of pages."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from appealbus.core.fair_share import FairShare, requester

T = TypeVar("T")
_PATIENCE = 20.0
"""Seconds that somebody waits for their turn and what comes of it. With less, letters that many send alike would be
refused; with more, people have left the page, and clients have given up."""


class Turns:
    """Two at a time, of one client one: another gets in at once."""

    def __init__(self) -> None:
        self._share = FairShare(2)

    async def take(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what comes of it.

        Raises:
            TimeoutError: it takes too long; the turn ends with the work all the same.

        """
        async with asyncio.timeout(_PATIENCE):
            who = requester.get()
            await self._share.wait(who)
            begun = asyncio.ensure_future(work())
            begun.add_done_callback(partial(self._done, who))
            return await asyncio.shield(begun)

    def _done(self, who: str, begun: asyncio.Future[Any]) -> None:
        self._share.give_back(who)
        if not begun.cancelled():
            begun.exception()  # whoever waited for it may be gone
