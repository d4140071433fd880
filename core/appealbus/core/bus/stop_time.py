"""How long each phase of the stop may take, so that all of them together end in time."""

from appealbus.core.clocks import monotonic

_AFTER = 12.0
"""Seconds beyond `bus.grace` that the phases of a stop share. Where all of them hang, each of the last ones has
`_LEAST` beyond that, and calls that do not let go a moment of their own (`doors.py`): five more. The rest of the 30
seconds after which a process is killed (docs/operating.md) is for the journal, the event loop and threads to close."""
_CASES = 10.0
"""Seconds that cases have to end in once their questions have ended: assessors and one write to the journal. With less,
a loaded machine would begin their runs anew after the next start; with more, nothing would be left for the others."""
_PHASE = 2.0
"""Seconds that each other phase has, though the grace period is over: one group of writes, one batch for a receiver,
one farewell on a connection. With more, a few phases that hang would use up what all of them share."""
_LEAST = 0.5
"""Seconds that a phase has even where others have used up all: enough for what does not hang. With more, a stop in
which all phases hang would take longer than it may."""


class StopTime:
    """The clock of one stop, which begins as it is made.

    Args:
        grace: `bus.grace`, in seconds.

    """

    def __init__(self, grace: float) -> None:
        self._grace_ends = monotonic() + grace

    @property
    def grace(self) -> float:
        """Seconds that a phase has which may use the grace period to its end."""
        return max(self._grace_ends - monotonic(), self.phase)

    @property
    def cases(self) -> float:
        """Seconds that cases have to end in once their questions have ended."""
        return max(_LEAST, min(_CASES, self._grace_ends + _CASES - monotonic()))

    @property
    def phase(self) -> float:
        """Seconds that any other phase has."""
        return self.at_most(_PHASE)

    def at_most(self, seconds: float) -> float:
        """Return so many seconds, or what is left of them."""
        return max(min(seconds, _LEAST), min(seconds, self._grace_ends + _AFTER - monotonic()))
