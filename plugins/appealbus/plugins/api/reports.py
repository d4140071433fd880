"""Reports for all clients, and lists of what they count: each is made once for all who ask, and few wait at a time."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from appealbus.plugins.api.problems import unavailable
from appealbus.plugins.monitor.shared_result import SharedResult
from appealbus.plugins.report.asking import Wanted
from appealbus.plugins.report.listing import Cell

_FRESH = 60.0
"""Seconds for which a report serves all who ask for the same."""
_PATIENCE = 20.0
"""Seconds that a request waits; what it waited for goes on, and may be asked for again."""
_MOST = 8
"""Reports that are waited for: of a million appeals each takes some ten seconds, one after the other."""
_KEPT = 16
"""Reports that are remembered: the largest have some megabytes."""


class Reports:
    """Has reports made.

    Args:
        make: makes one.

    """

    def __init__(self, make: Callable[[Wanted | Cell], Coroutine[Any, Any, bytes]]) -> None:
        self._make = make
        self._kept: dict[Wanted | Cell, SharedResult[bytes]] = {}

    async def get(self, wanted: Wanted | Cell) -> bytes:
        """Return a report.

        Raises:
            Problem: too many others are waited for.
            TimeoutError: it takes too long; it is made all the same.
            Exception: whatever made it impossible.

        """
        kept = self._kept.get(wanted)
        if kept is None:
            self._kept = {each: result for each, result in self._kept.items() if not result.stale}
            over = [each for each, result in self._kept.items() if not result.running]
            if len(self._kept) - len(over) >= _MOST:
                raise unavailable("too many other reports are asked for", 30)
            if over and len(self._kept) >= _KEPT:
                del self._kept[over[0]]
            kept = self._kept[wanted] = SharedResult(partial(self._make, wanted), fresh=_FRESH, patience=_PATIENCE)
        return await kept.get()
