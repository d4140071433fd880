"""Time limits of the phases of a stop, so that all together end in time."""

from appealbus.core.clocks import monotonic

_AFTER = 12.0
"""Seconds beyond `bus.grace` shared by the phases of a stop. If all hang, each of the last has `_LEAST` more, and
uninterruptible calls (`doors.py`) five in all. The rest of 30 seconds (docs/operating.md) is for closing."""
_CASES = 10.0
"""Seconds for cases after their questions have ended: assessors and one write. With less, runs are repeated."""
_PHASE = 2.0
"""Seconds for each other phase after the grace period. With more, a few hung phases use up the shared time."""
_LEAST = 0.5
"""Minimum seconds of a phase. With more, a stop in which all phases hang exceeds its limit."""


class StopTime:
    """The clock of one stop; it starts on construction. `grace` is `bus.grace`, in seconds."""

    def __init__(self, grace: float) -> None:
        self._grace_ends = monotonic() + grace

    @property
    def grace(self) -> float:
        """Seconds for a phase that may use the rest of the grace period."""
        return max(self._grace_ends - monotonic(), self.phase)

    @property
    def cases(self) -> float:
        return max(_LEAST, min(_CASES, self._grace_ends + _CASES - monotonic()))

    @property
    def phase(self) -> float:
        return self.at_most(_PHASE)

    def at_most(self, seconds: float) -> float:
        return max(min(seconds, _LEAST), min(seconds, self._grace_ends + _AFTER - monotonic()))
