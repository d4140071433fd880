"""A surge: more appeals than the past of their series explains, as receivers of alarms get it."""

from datetime import date
from typing import Literal

from appealbus.schemas.base import Day, Model, Moment


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


class SurgeFigures(Model):
    """What a surge rests on."""

    monday: Day
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
    compared: tuple[tuple[date, int], ...]
    """Monday and count of each week that it was compared with."""
    tested: int
    """How many series were tested together."""
    limit: float
    """The largest probability that is still a surge, over all of them."""
    rate: float
    """The share of surges that may be chance."""
    lasts: int
    """The weeks up to this one in which so many were observed."""
    also: tuple[SurgePart, ...]


class FoundSurge(SurgeFigures):
    """A surge with the appeals behind it."""

    numbers: tuple[str, ...]
    """Of the newest appeals behind it, at most 100."""
    shared: tuple[SharedBy, ...]


class Surge(FoundSurge):
    """An alarm: a surge of a week that is over."""

    possible: Literal[False]
    id: int
    """The alarm's number, by which it is taken on and closed."""
    raised_at: Moment


class PossibleSurge(FoundSurge):
    """What may become an alarm in the week that is under way. It is none."""

    possible: Literal[True]
    day: Day
    """With whose end."""
    passed: float
    """How much of the week was over, in working time."""
    calendar: str
    """What says which days are working days: the name of terms, or `five days a week`."""
    found_at: Moment
