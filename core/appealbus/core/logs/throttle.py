"""Throttling of lasting failures: logged when they begin and once a minute, not at every attempt."""

import time

_AGAIN = 60.0
"""Seconds: often enough to show that the failure lasts, seldom enough for a readable log."""


class LogThrottle:
    """Decides for one kind of failure whether to log it."""

    def __init__(self) -> None:
        self._told = float("-inf")

    def is_news(self) -> bool:
        """Return whether to log this failure: the first one, and then one each minute."""
        now = time.monotonic()
        if now - self._told < _AGAIN:
            return False
        self._told = now
        return True

    def over(self) -> None:
        """Record a success: the next failure is logged."""
        self._told = float("-inf")
