"""Servers that sent unrequested data."""

import time
from collections import Counter
from collections.abc import Callable

import structlog
from yarl import URL

from appealbus.core import LinkState, LinkStatus

log = structlog.get_logger(__name__)

LASTS = 3600.0
"""Seconds without connection reuse. A misassigned answer shows a lasting fault, noticed or fixed within an hour."""


class Doubts:
    """Servers in doubt: their connections may carry answers to other questions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[URL, float] = {}
        self._counts: Counter[str] = Counter()

    def tell(self, server: URL, source: str) -> None:
        """Put a server in doubt from now on, and log it."""
        self._until[server] = self._clock() + LASTS
        self._counts[source] += 1
        log.warning("http.unasked", source=source, count=self._counts[source])

    def __contains__(self, server: URL) -> bool:
        until = self._until.get(server)
        return until is not None and self._clock() < until

    def links(self, source: str, server: URL) -> tuple[LinkState, ...]:
        """Return the state of a source's connections, if its server has ever been in doubt."""
        if not self._counts[source] and server not in self:
            return ()
        doubted = server in self
        detail = "the server sent an answer that nobody had asked for; each question gets a connection of its own"
        return (
            LinkState(
                f"http.{source}",
                LinkStatus.UP,
                detail if doubted else "",
                counts={"unasked": self._counts[source]},
                warning=doubted,
            ),
        )
