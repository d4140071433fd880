"""Failures that last: the log hears of them when they begin and once a minute, not at every attempt."""

import time

_AGAIN = 60.0
"""Seconds: often enough for whoever opens the log to see that it goes on, seldom enough to leave it readable."""


class LogThrottle:
    """Says of one kind of failure whether it is news."""

    def __init__(self) -> None:
        self._told = float("-inf")

    def is_news(self) -> bool:
        """Return whether to tell of the failure just seen: of the first one, and then of one in a minute."""
        now = time.monotonic()
        if now - self._told < _AGAIN:
            return False
        self._told = now
        return True

    def over(self) -> None:
        """Note that it works: the next failure is news."""
        self._told = float("-inf")
