"""Pauses between attempts that never end."""

import random

_STOOD = 60.0


class Backoff:
    """Each pause may be twice as long as the last, with full jitter, until what was tried has stood for a minute."""

    def __init__(self, longest: float, first: float = 0.5) -> None:
        self._longest = longest
        self._first = first
        self._ceiling = first

    def pause(self, stood: float = 0.0, *, slow: bool = False) -> float:
        """Return how long to wait now.

        Args:
            stood: for how many seconds it was up before it was lost.
            slow: whether somebody has to mend something first, so that there is no hurry.

        """
        if stood >= _STOOD:
            self._ceiling = self._first
        ceiling = min(self._ceiling, self._longest)
        self._ceiling = min(2 * self._ceiling, self._longest)
        if slow:
            return random.uniform(self._longest / 2, self._longest)  # noqa: S311
        return random.uniform(0, ceiling)  # noqa: S311
