"""What answers say of surges."""

from datetime import date, datetime

from pydantic import Field

from appealbus.schemas.base import Model


class SurgePart(Model):
    """A series that stands out, too, since it may count the same appeals."""

    category: str
    """Its code; empty: all."""
    place: str
    """By КАТО: a region, a district; empty: everywhere."""
    observed: int
    expected: float
    probability: float


class SharedBy(Model):
    """What at least three of the appeals have in common."""

    kind: str
    """`parcel`, `organisation` or `address`."""
    value: str
    appeals: int


class Surge(Model):
    """More appeals than the past of their series explains."""

    monday: date
    """The week begins on it, in Kazakhstan."""
    category: str
    """Its code; empty: all."""
    name: str
    """What the register calls the category; empty where no appeal says so."""
    place: str
    """By КАТО: a region, a district, several that stand out together with a `+` between them; empty: everywhere."""
    observed: int
    expected: float
    bound: float
    """The count above which the series stands out by itself."""
    probability: float
    """Of this count or more without a surge."""
    method: str
    """`ears_c2`, `farrington` or `scan`."""
    weeks: int
    """How many weeks before this one the series has."""
    compared: list[tuple[date, int]]
    """Monday and count of each week that it was compared with."""
    tested: int
    """How many series were tested together."""
    limit: float
    """The largest probability that is still a surge, over all of them."""
    rate: float
    """The share of surges that may be chance."""
    lasts: int
    """The weeks up to this one in which so many were observed."""
    also: list[SurgePart]
    shared: list[SharedBy]


class SurgeAlarm(Surge):
    """A surge of a week that is over, and what people did about it."""

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


class SurgeDay(Model):
    """What is possible in the week that is under way; no alarm."""

    day: date
    """With whose end."""
    passed: float
    """How much of the week was over, in working time."""
    calendar: str
    """What says which days are working days: the name of terms, or `five days a week`."""
    tested: int
    limit: float
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
    record: SurgeRecord | None = Field(default=None)
    """For clients that see all places and kinds."""
