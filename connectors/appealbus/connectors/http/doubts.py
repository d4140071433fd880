"""The servers that sent what nobody had asked for."""

import time
from collections import Counter
from collections.abc import Callable

import structlog
from yarl import URL

from appealbus.core import LinkState, LinkStatus

log = structlog.get_logger(__name__)

LASTS = 3600.0
"""Seconds for which such a server gets a connection for each question. Answers that ran away from their questions
come from a fault in a server or proxy that lasts; within an hour somebody has read the log, or it has been mended."""


class Doubts:
    """Which servers are in doubt: the connections to one may carry answers to other questions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[URL, float] = {}
        self._counts: Counter[str] = Counter()

    def tell(self, server: URL, source: str) -> None:
        """Hold a server in doubt from now on, and say so."""
        self._until[server] = self._clock() + LASTS
        self._counts[source] += 1
        log.warning("http.unasked", source=source, count=self._counts[source])

    def __contains__(self, server: URL) -> bool:
        """Say whether a server is in doubt."""
        until = self._until.get(server)
        return until is not None and self._clock() < until

    def links(self, source: str, server: URL) -> tuple[LinkState, ...]:
        """Return how the connections of a source stand, if there has ever been something to tell."""
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
