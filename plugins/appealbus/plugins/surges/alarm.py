"""Surges and alarms: as they are found, as they are kept, and as viewers see them."""

from datetime import date, datetime
from typing import Self

from appealbus.schemas.base import Model
from appealbus.schemas.surge import FoundSurge, SharedBy, SurgeFigures, SurgePart

CLOSINGS = ("true", "false", "known")
"""Verdicts on an alarm: a problem; none; one already known."""


class Alarm(FoundSurge):
    """More appeals than the history of the series explains, as the file keeps it."""

    lasts: int = 1
    also: tuple[SurgePart, ...] = ()
    numbers: tuple[str, ...] = ()
    shared: tuple[SharedBy, ...] = ()

    @classmethod
    def kept(cls, body: str) -> Self:
        return cls.model_validate_json(body, extra="ignore")  # a newer release may have written more


class Handling(Model):
    """What became of an alarm."""

    id: int
    raised_at: datetime
    told_at: datetime | None = None
    """When the first of its receivers got it."""
    taken_at: datetime | None = None
    taken_by: str | None = None
    taken_until: date | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    verdict: str | None = None
    """`true`, `false` or `known`."""
    done: str | None = None
    """What was done, in the words of whoever closed it."""


class KeptAlarm(Handling):
    """An alarm in the file."""

    alarm: Alarm


class Surge(SurgeFigures):
    """More appeals than the past of their series explains."""

    shared: tuple[SharedBy, ...]


class SurgeAlarm(Handling, Surge):
    """A surge of a week that is over, and what people did about it."""

    appeals: list[str] | None = None
    """Of one alarm alone: the newest of the appeals behind it that the client sees, by their ids; at most 100."""


class SurgeAlarms(Model):
    """Alarms, the newest first."""

    alarms: list[SurgeAlarm]
    next: int | None = None
    """`before` of the next page; absent: this is the last one."""


class SurgeWeek(Model):
    """The last week that was judged."""

    monday: date
    tested: int
    limit: float
    alarms: list[SurgeAlarm]


class Day(Model):
    """One look at the week that is under way."""

    day: date
    """With whose end."""
    passed: float
    """How much of the week was over, in working time."""
    calendar: str
    """What says which days are working days: the name of terms, or `five days a week`."""
    tested: int
    limit: float


class SurgeDay(Day):
    """What is possible in the week that is under way; no alarm."""

    possible: list[Surge]


class SurgeRecord(Model):
    """How alarms have turned out."""

    raised: int
    open: int
    closed: dict[str, int]
    precision: float | None = None
    """The share of those that are closed which were no false alarms."""
    hours_to_react: float | None = None
    """The median until somebody took one on or closed it."""


class Surges(Model):
    """Of what more is written than its past explains. What is not watched, or not looked at yet, is absent."""

    week: SurgeWeek | None = None
    day: SurgeDay | None = None
    record: SurgeRecord | None = None
    """For clients that see all places and kinds."""
