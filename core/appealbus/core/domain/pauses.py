"""Reasons to stop asking a source: a person's pause, an exhausted quota; and what an outage does to due dates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from appealbus.core.clocks import KAZAKHSTAN

PAUSED, CLOSED, SPENT = "source.paused", "source.closed", "source.quota"
"""Codes of questions that the bus itself holds back from a source."""
HELD_BACK = frozenset({PAUSED, CLOSED, SPENT})
_IDLE = 1 / 8
"""Last fraction of a period without a reserve for first versions, so that no calls go unused."""
STALE = "source.stale"
"""Code of a question answered from memory with stale data; it is asked again."""
PARTLY_READ = "reply.partly_read"
"""Code of a question whose reply may hold unreadable decisive data; it is asked again."""
PROVISIONAL = frozenset({STALE, PARTLY_READ})
"""Codes of open questions with a record."""
REFRESH_FAILED = "refresh.failed"
"""Code of a repeated question without a record; the earlier one stays."""
ASKED_ANEW = PROVISIONAL | {REFRESH_FAILED}
"""Codes of answered questions that may be repeated."""


class Period(StrEnum):
    DAY = "day"
    MONTH = "month"

    def begins(self, now: datetime) -> datetime:
        midnight = now.astimezone(KAZAKHSTAN).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight if self is Period.DAY else midnight.replace(day=1)

    def ends(self, begins: datetime) -> datetime:
        if self is Period.DAY:
            return begins + timedelta(days=1)
        return self.begins(begins + timedelta(days=32))

    def use(self, source: str, last: "QuotaUse | None", now: datetime) -> "QuotaUse":
        """Return the usage of the current period from the last stored one; a stored later period stays."""
        begins = self.begins(now)
        return last if last is not None and last.begins >= begins else QuotaUse(source, self.value, begins, 0)


@dataclass(frozen=True, slots=True)
class Pause:
    """A person's order to send nothing to a source before `until`."""

    source: str
    at: datetime
    until: datetime
    reason: str
    by: str

    @property
    def mark(self) -> str:
        """Identifies this order among those of the source."""
        return f"{self.at.timestamp():.6f}"


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Used calls of a source's period; not valid for other periods."""

    source: str
    period: str
    begins: datetime
    used: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits on questions to a source per period.

    Attributes:
        most: calls, by period.
        reserve: fraction kept for urgent appeals.
        first_share: fraction of either part kept for first versions; declines to zero over the period.
    """

    most: Mapping[Period, int]
    reserve: float = 0.0
    first_share: float = 0.0

    def open_to(self, period: Period, *, urgent: bool) -> int:
        most = self.most[period]
        return most if urgent else most - math.ceil(most * self.reserve)

    def refusal(self, period: Period, use: "QuotaUse", wish: "QuotaWish") -> "QuotaAnswer | None":
        """Return when to try again if the period is exhausted for this wish; None: a call is available."""
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
        taken = {use.period: use.used for use in used if use.begins >= Period(use.period).begins(now)}
        return {period.value: max(0, most - taken.get(period.value, 0)) for period, most in self.most.items()}


@dataclass(frozen=True, slots=True)
class QuotaWish:
    """A request for one call, at a time by the journal's clock."""

    source: str
    quota: Quota
    urgent: bool
    now: datetime
    first: bool = True


@dataclass(frozen=True, slots=True)
class QuotaCall:
    """A counted call, with the starts of its periods."""

    source: str
    counted: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    """The answer to a wish.

    Attributes:
        again_at: when the exhausted quota, that of `period`, restarts; None: the call may leave.
        left: remaining calls, by period.
        pace: interval at which further calls come free until `ends`.
        counted: starts of the call's periods, if it may leave.
    """

    again_at: datetime | None = None
    period: str = ""
    left: Mapping[str, int] = field(default_factory=dict)
    pace: timedelta = timedelta()
    ends: datetime | None = None
    counted: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceNews:
    """The journal's view of sources, read by each worker every second. `back_at` has last recoveries."""

    pauses: Mapping[str, Pause] = field(default_factory=dict)
    used: Sequence[QuotaUse] = ()
    back_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """The appeals that need a source. `kinds` None: unknown, so all may."""

    source: str
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class WaitingByDay:
    """Number of open appeals by due date that wait for a source or will ask it."""

    days: Mapping[date, int] = field(default_factory=dict)
    """Sorted by date. Appeals without a due date are left out."""
    more: bool = False
    """Whether some were not counted; they are due on the last of these days or later."""


@dataclass(frozen=True, slots=True)
class DueDay:
    """Appeals due on one day: needing the source, answered too late, and late even if it were available now."""

    day: date
    waiting: int
    missed: int
    anyway: int


@dataclass(frozen=True, slots=True)
class Outage:
    """Forecast of due dates while a source is away.

    Attributes:
        days: from today on, if appeals need it.
        overdue: appeals due before today, which lose nothing more.
        more: whether some were not counted.
        over_at: when all counted appeals would be asked; None: not within a year.
    """

    source: str
    until: datetime
    days: Sequence[DueDay]
    overdue: int
    more: bool
    over_at: date | None

    @property
    def waiting(self) -> int:
        """Open appeals, due from today on, that need the source."""
        return sum(day.waiting for day in self.days)

    @property
    def missed(self) -> int:
        return sum(day.missed for day in self.days)

    @property
    def anyway(self) -> int:
        return sum(day.anyway for day in self.days)

    @property
    def missed_days(self) -> list[DueDay]:
        return [day for day in self.days if day.missed]
