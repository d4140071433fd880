"""The journal's clock as one process reads it: it goes on steadily, whatever the machine's does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from appealbus.core import clocks
from appealbus.core.journal.rows import JournalState
from appealbus.core.lazy_text import LazyText, told

log = structlog.get_logger(__name__)


def in_doubt(standing: JournalState) -> LazyText:
    """Say why the clock is in doubt, what ends that and when."""
    seconds, left = abs(standing.doubted_by), standing.doubt_left
    days = told("{number} days", number=f"{seconds / 86400:.1f}")
    by = days if seconds >= 172_800 else told("{number} s", number=f"{seconds:.0f}")
    why = {
        "ahead": told("at the start it was {by} ahead of all that the journal has seen", by=by),
        "went_back": told("at the start it was {by} behind what the journal had seen", by=by),
        "jumped": told("it jumped by {by} while the bus ran", by=by),
        "apart": told("this machine's and the database's are {by} apart", by=by),
    }
    return told(
        "{why}; if it is right now: `appealbus clock accept`, else it is trusted after {hours} steady hours",
        why=why[standing.doubt or "jumped"],
        hours=f"{left / 3600:.0f}",
    )


@dataclass(frozen=True, slots=True)
class Look:
    """One look at all clocks at the same moment."""

    standing: JournalState
    at: datetime
    """By the journal's clock."""
    wall: datetime
    steady: float
    """Seconds of this process's own."""


class Clock:
    """What due times and ages are counted by. Between two looks it goes on with the machine's steady seconds."""

    def __init__(self) -> None:
        self.last: Look | None = None

    def now(self) -> datetime:
        """Return the moment by the journal's clock; by the wall's where nobody has looked yet."""
        if self.last is None:
            return clocks.wall()
        return self.last.at + timedelta(seconds=clocks.steady() - self.last.steady)

    @property
    def skew(self) -> float:
        """How many seconds the journal's clock is ahead of this machine's wall."""
        return 0.0 if self.last is None else (self.last.at - self.last.wall).total_seconds()

    def update(self, look: Look) -> None:
        """Go on from a look; tell what is doubted from now on, or no longer."""
        before = None if self.last is None else self.last.standing
        was, told = (before.doubt, before.doubted_by) if before else (None, 0.0)
        self.last, now = look, look.standing
        if now.doubt is not None and (now.doubt, now.doubted_by) != (was, told):
            log.error("clock.doubted", code=now.doubt, seconds=round(now.doubted_by, 1))
        elif was is not None and now.doubt is None:
            log.warning("clock.trusted")
