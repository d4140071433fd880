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
STALE = "source.stale"
"""The code of a question that was answered from memory with what is not fresh any more; it is asked again."""
REFRESH_FAILED = "refresh.failed"
"""The code of a question that was asked again and got no record: the one from before stays."""


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

    """

    most: Mapping[Period, int]
    reserve: float = 0.0

    def open_to(self, period: Period, *, urgent: bool) -> int:
        """Return how many calls of a period those may take that are urgent, or that are not."""
        most = self.most[period]
        return most if urgent else most - math.ceil(most * self.reserve)

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


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    """Whether the call may leave.

    Attributes:
        again_at: when a quota begins anew that has nothing left for this call; None: it may leave.
        period: that one's.
        left: calls that are left, by period.

    """

    again_at: datetime | None = None
    period: str = ""
    left: Mapping[str, int] = field(default_factory=dict)


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
