"""Pauses that double, between attempts at the same thing."""

import random
from collections.abc import Callable

_STOOD = 60.0
"""Something that worked for a minute has recovered; what fails sooner is unstable, and not retried faster."""
_DOUBLINGS = 64
"""Beyond every sensible maximum, and far from a float's overflow."""


def doubled(first: float, longest: float, failures: int, factor: float = 2.0) -> float:
    """Return the pause after so many failures, in seconds: `first`, and after each twice as long, up to `longest`."""
    return min(longest, first * factor ** min(failures, _DOUBLINGS))


def no_jitter(pause: float) -> float:
    """Return the pause as it is: where one caller alone waits, nobody else can come at the same time."""
    return pause


def half_jitter(pause: float) -> float:
    """Return half of the pause or more: a lower bound that is kept, and no two callers come together."""
    return random.uniform(pause / 2, pause)  # noqa: S311


def full_jitter(pause: float) -> float:
    """Return anything up to the pause: callers that failed together are spread the widest."""
    return random.uniform(0, pause)  # noqa: S311


class Backoff:
    """The pauses of something that is tried again and again: each may be twice as long as the one before."""

    def __init__(self, first: float, longest: float, jitter: Callable[[float], float] = full_jitter) -> None:
        """Begin with the first pause.

        Args:
            first: seconds, before jitter.
            longest: seconds, before jitter.
            jitter: what makes the pause that is waited out of the one that is due.
        """
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self._failures = 0

    def pause(self, stood: float = 0.0, *, slow: bool = False) -> float:
        """Return how long to wait now (seconds).

        Args:
            stood: for how many seconds it worked before it was lost; after a minute the pauses begin anew.
            slow: whether somebody has to mend something first, so that there is no hurry.
        """
        if stood >= _STOOD:
            self._failures = 0
        due = doubled(self._first, self._longest, self._failures)
        self._failures += 1
        return half_jitter(self._longest) if slow else self._jitter(due)
