"""What has a source stand still: a person's pause, and a quota that is used up."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from appealbus.core.clocks import KAZAKHSTAN

PAUSED, CLOSED, SPENT = "source.paused", "source.closed", "source.quota"
"""The codes of a question that the bus itself does not let leave for its source now."""
HELD_BACK = frozenset({PAUSED, CLOSED, SPENT})
_IDLE = 1 / 8
"""The last part of a period, in which nothing is kept for first versions any more. With less, calls may lie idle at the
end, of a small quota the only one; with more, first versions that come late in a day may find none."""
STALE = "source.stale"
"""The code of a question that was answered from memory with what is not fresh any more; it is asked again."""
PARTLY_READ = "reply.partly_read"
"""The code of a question whose reply may tell something decisive that could not be read; it is asked again."""
PROVISIONAL = frozenset({STALE, PARTLY_READ})
"""The codes of questions that have a record and are open all the same."""
REFRESH_FAILED = "refresh.failed"
"""The code of a question that was asked again and got no record: the one from before stays."""
ASKED_ANEW = PROVISIONAL | {REFRESH_FAILED}
"""The codes of questions that have an answer, and may be asked again all the same."""


class Period(StrEnum):
    """What a quota is counted by."""

    DAY = "day"
    MONTH = "month"

    def begins(self, now: datetime) -> datetime:
        """Return when the period began that this moment is in."""
        midnight = now.astimezone(KAZAKHSTAN).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight if self is Period.DAY else midnight.replace(day=1)

    def ends(self, begins: datetime) -> datetime:
        """Return when the period ends that began then."""
        if self is Period.DAY:
            return begins + timedelta(days=1)
        return self.begins(begins + timedelta(days=32))

    def use(self, source: str, last: "QuotaUse | None", now: datetime) -> "QuotaUse":
        """Return what is taken of the period now, by the last that was written down; a later one stays counted."""
        begins = self.begins(now)
        return last if last is not None and last.begins >= begins else QuotaUse(source, self.value, begins, 0)


@dataclass(frozen=True, slots=True)
class Pause:
    """A person's order that nothing leaves for a source before `until`."""

    source: str
    at: datetime
    until: datetime
    reason: str
    by: str

    @property
    def mark(self) -> str:
        """What tells this order from others of the same source."""
        return f"{self.at.timestamp():.6f}"


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How many calls of a source's period are taken; of a period that is over it says nothing."""

    source: str
    period: str
    begins: datetime
    used: int


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be asked of a source in a period.

    Attributes:
        most: calls, by period.
        reserve: the part of them that is kept for urgent appeals.
        first_share: the part of these, or of what is not kept, that is kept for first versions: it falls evenly to
            nothing as the period passes, so that what they leave is used by what returns.

    """

    most: Mapping[Period, int]
    reserve: float = 0.0
    first_share: float = 0.0

    def open_to(self, period: Period, *, urgent: bool) -> int:
        """Return how many calls of a period those may take that are urgent, or that are not."""
        most = self.most[period]
        return most if urgent else most - math.ceil(most * self.reserve)

    def refusal(self, period: Period, use: "QuotaUse", wish: "QuotaWish") -> "QuotaAnswer | None":
        """Return when a wish may be made again for which nothing of the period is left; None: there is a call."""
        open_, ends = self.open_to(period, urgent=wish.urgent), period.ends(use.begins)
        if use.used >= open_:
            return QuotaAnswer(ends, period.value, ends=ends)
        kept = 0.0 if wish.first else open_ * self.first_share
        if not kept:
            return None
        idle = (ends - use.begins) * _IDLE
        pace = (ends - use.begins - idle) / kept
        # So long before the end the next call is not kept any more.
        again_at = ends - idle - pace * (open_ - use.used - 1)
        return QuotaAnswer(again_at, period.value, pace=pace, ends=ends) if wish.now < again_at else None

    def left(self, used: Sequence[QuotaUse], now: datetime) -> dict[str, int]:
        """Return how many calls are left, by period."""
        taken = {use.period: use.used for use in used if use.begins >= Period(use.period).begins(now)}
        return {period.value: max(0, most - taken.get(period.value, 0)) for period, most in self.most.items()}


@dataclass(frozen=True, slots=True)
class QuotaWish:
    """A wish for one call, at a moment by the journal's clock."""

    source: str
    quota: Quota
    urgent: bool
    now: datetime
    first: bool = True
    """Whether it is for a first version."""


@dataclass(frozen=True, slots=True)
class QuotaCall:
    """A call that a source's quotas have counted, with when each period began that it counts in."""

    source: str
    counted: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    """Whether the call may leave.

    Attributes:
        again_at: when a quota begins anew that has nothing left for this call; None: it may leave.
        period: that one's.
        left: calls that are left, by period.
        pace: how long after each other further calls come free before the period ends.
        ends: when it does.
        counted: when each period began that the call counts in, where it may leave.

    """

    again_at: datetime | None = None
    period: str = ""
    left: Mapping[str, int] = field(default_factory=dict)
    pace: timedelta = timedelta()
    ends: datetime | None = None
    counted: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceNews:
    """What the journal says of all sources, for each worker once a second.

    Attributes:
        pauses: by source.
        used: of quotas.
        back_at: when each source came back last, where it did.

    """

    pauses: Mapping[str, Pause] = field(default_factory=dict)
    used: Sequence[QuotaUse] = ()
    back_at: Mapping[str, datetime] = field(default_factory=dict)
