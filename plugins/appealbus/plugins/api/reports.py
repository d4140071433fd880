"""Reports for all clients: the same one is made once for all who ask for it, and few wait for one at a time."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from appealbus.plugins.api.problems import UNAVAILABLE, Problem
from appealbus.plugins.monitor.shared_result import SharedResult
from appealbus.plugins.report.asking import Wanted

_FRESH = 60.0
"""Seconds for which a report serves all who ask for the same."""
_PATIENCE = 20.0
"""Seconds that a request waits; what it waited for goes on, and may be asked for again."""
_MOST = 8
"""Reports that are remembered or waited for: of a million appeals each takes some ten seconds, one after the other."""


class Reports:
    """Has reports made.

    Args:
        make: makes one.

    """

    def __init__(self, make: Callable[[Wanted], Coroutine[Any, Any, bytes]]) -> None:
        self._make = make
        self._kept: dict[Wanted, SharedResult[bytes]] = {}

    async def get(self, wanted: Wanted) -> bytes:
        """Return a report.

        Raises:
            Problem: too many others are waited for.
            TimeoutError: it takes too long; it is made all the same.
            Exception: whatever made it impossible.

        """
        kept = self._kept.get(wanted)
        if kept is None:
            self._kept = {each: result for each, result in self._kept.items() if not result.stale}
            if len(self._kept) >= _MOST:
                raise Problem(UNAVAILABLE, "too many other reports are asked for", headers={"Retry-After": "30"})
            kept = self._kept[wanted] = SharedResult(partial(self._make, wanted), fresh=_FRESH, patience=_PATIENCE)
        return await kept.get()
